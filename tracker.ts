/**
 * The meeting point: peers register here, say which blocks they hold and ask for other peers. No block passes through.
 *
 * `Bun.listen` serves the peers, a Hono app shows people the swarm (`minibit/board`). What to answer is decided in
 * `minibit/core/tracker/tracker_core.ts`.
 */
import { Hono } from "hono";
import { prettyJSON } from "hono/pretty-json";
import type { TimedEvent } from "./minibit/board/model/board_event.ts";
import { BoardFeed } from "./minibit/board/model/feed.ts";
import { type KnownUplinks, toBoardEvent } from "./minibit/board/model/tracker_news.ts";
import { Recorder } from "./minibit/board/recording/recorder.ts";
import { exportAtEnd, exportPage, loadRecording } from "./minibit/board/server/export_page.ts";
import { addBoardRoutes, type Board, type ServerBindings } from "./minibit/board/server/routes.ts";
import { Watch } from "./minibit/board/server/watch.ts";
import { UserError } from "./minibit/core/base/errors.ts";
import { MAX_SWARM_PEERS } from "./minibit/core/base/limits.ts";
import type { TrackerStatus } from "./minibit/core/tracker/tracker_core.ts";
import type { TrackerEvent } from "./minibit/core/tracker/tracker_io.ts";
import type { SwarmStatus } from "./minibit/core/tracker/tracker_swarm.ts";
import { type PeerAddress, type TrackerMessages, trackerWire } from "./minibit/core/wire/tracker_wire.ts";
import { BOARD_FLAGS, parsePeerUplink } from "./minibit/io/cli/board_flags.ts";
import { parseCommandLine, parseText } from "./minibit/io/cli/cli.ts";
import { LOG_FLAGS } from "./minibit/io/cli/log_flags.ts";
import { runMain } from "./minibit/io/cli/run_main.ts";
import { TrackerDriver } from "./minibit/io/driver/tracker_driver.ts";
import { listeningText, type TrackerReport } from "./minibit/io/driver/tracker_report.ts";
import { framed, type Traffic } from "./minibit/io/net/framed_socket.ts";
import { Listeners, onListenLine } from "./minibit/io/net/listeners.ts";
import { exitCodeOf, onStop, type StopReason } from "./minibit/io/os/lifecycle.ts";
import { configureLogging, getLogger } from "./minibit/io/os/logging.ts";
import {
  type Address,
  formatAddress,
  parseDuration,
  parseHost,
  parseInteger,
  parsePercent,
  parsePort,
  parseRate,
} from "./minibit/io/os/units.ts";
import { judgeGroup } from "./minibit/launch/group_verdict.ts";

/** The document at `/status`. */
export interface StatusDocument extends TrackerStatus {
  /** What went between the tracker and all peers so far. */
  readonly tracker: Traffic<TrackerMessages>;
}

/** Where to listen, and for how many peers. */
export interface TrackerOptions {
  /** Addresses of this machine. */
  readonly hosts: readonly string[];
  /** For peers; 0: any free port. */
  readonly port: number;
  /** For people; 0: any free port. */
  readonly httpPort: number;
  /** How many peers, the seed among them, make a group complete; 0: any number. */
  readonly expected: number;
  /** For the board's distance from the bound. */
  readonly uplinks?: KnownUplinks;
  /** Told of all that the board is told. */
  readonly record?: (event: TimedEvent) => void;
}

/** A tracker at work. */
export interface Tracker {
  /** Where peers call it; the first of its addresses. */
  readonly address: Address;
  /** Where people look. */
  readonly boardUrl: string;
  /** Where programs do. */
  readonly statusUrl: string;
  /** What the board shows. */
  readonly feed: BoardFeed;
  /** Resolves once a group is complete and everybody has left. */
  readonly done: Promise<void>;
  /** In how many milliseconds nobody who fell silent is expected back any more. */
  comeBackMs(): number;
  status(): StatusDocument;
  /** Listens at one more address of this machine, for peers and for people. @throws {UserError} it cannot */
  listenOn(host: string): void;
  /** Closes every connection and frees both ports. */
  stop(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
/** Listening at one of these includes it. */
const ON_LOOPBACK: readonly string[] = [LOOPBACK, "0.0.0.0", "::", "localhost"];

const log = getLogger();

/** The HTTP side of a tracker: JSON for programs, the board for people. */
export function createStatusApp(status: () => StatusDocument, board: Board): Hono<ServerBindings> {
  const app = createBoardApp(board);
  app.get("/status", (c) => c.json(status(), 200, { "Cache-Control": "no-store" }));
  return app;
}

function createBoardApp(board: Board): Hono<ServerBindings> {
  const app = new Hono<ServerBindings>();
  app.use(prettyJSON({ force: true }));
  app.get("/health", (c) => c.json({ ok: true }));
  addBoardRoutes(app, board);
  const hint = board.kind === "live" ? "/status" : "/";
  app.notFound((c) => c.json({ error: `Cannot find ${c.req.method} ${c.req.path}: no such route (try ${hint})` }, 404));
  return app;
}

/** Serves an app; returns where, and how to end it. @throws {UserError} */
function serve(
  app: Hono<ServerBindings>,
  { hosts, httpPort }: Pick<TrackerOptions, "hosts" | "httpPort">,
): { readonly url: string; readonly listeners: Listeners } {
  const listeners = new Listeners(
    (hostname, port) => Bun.serve({ hostname, port, fetch: (request, bun) => app.fetch(request, bun) }),
    { flag: "--http-port" },
  );
  listeners.open(hosts, httpPort);
  const [host = ""] = hosts;
  if (!hosts.some((one) => ON_LOOPBACK.includes(one))) {
    try {
      listeners.add(LOOPBACK); // the browser of this very machine is used to finding it there
    } catch (error) {
      log.info("{error}", { error }); // another one's board is there: ours is at its own address
    }
  }
  return { url: `http://${formatAddress({ host, port: listeners.port })}/`, listeners };
}

/**
 * Starts a tracker and its HTTP side.
 *
 * @example
 * ```ts
 * import { startTracker } from "./tracker.ts";
 *
 * const tracker = startTracker({ hosts: ["127.0.0.1"], port: 0, httpPort: 0, expected: 0 });
 * const health = await fetch(new URL("health", tracker.boardUrl));
 * console.log(health.status); // 200
 * console.log(tracker.status().swarms.length); // 0
 * await tracker.stop();
 * ```
 * @throws {UserError} when it cannot listen
 */
export function startTracker(options: TrackerOptions): Tracker {
  const { hosts, port, expected, uplinks, record } = options;
  const feed = new BoardFeed(record === undefined ? {} : { record });
  const driver = new TrackerDriver({
    expected,
    onEvent(event, remote) {
      logEvent(event, remote);
      const news = toBoardEvent(event, uplinks);
      if (news !== undefined) {
        feed.tell(news);
      }
    },
  });
  const status = () => ({ ...driver.core.snapshot(), tracker: driver.traffic });
  const socket = framed(trackerWire, { accept: (socket) => driver.accept(socket), traffic: driver.traffic });
  const listeners = new Listeners((hostname, port) => Bun.listen({ hostname, port, socket }), { flag: "--port" });
  listeners.open(hosts, port);
  try {
    const server = serve(createStatusApp(status, { kind: "live", feed }), options);
    return {
      address: { host: hosts[0] ?? "", port: listeners.port },
      boardUrl: server.url,
      statusUrl: `${server.url}status`,
      feed,
      done: driver.done,
      comeBackMs: () => driver.comeBackMs,
      status,
      listenOn(host) {
        listeners.add(host);
        server.listeners.add(host);
      },
      async stop() {
        driver.stop();
        feed.close();
        await listeners.stop(true);
        await server.listeners.stop(true);
      },
    };
  } catch (error) {
    void listeners.stop(true);
    throw error;
  }
}

function logEvent(event: TrackerEvent, remote: string | undefined): void {
  switch (event.kind) {
    case "new swarm":
      log.info("A swarm begins: {name} ({id})", { ...event.swarm });
      break;
    case "registered": {
      const { swarm, peer, blocks } = event;
      log.info("Peer {peer} joins {swarm} at {address}, blocks held: {blocks}", {
        peer: peer.id,
        swarm: swarm.name,
        address: placeOf(peer),
        blocks: blocks.count,
      });
      break;
    }
    case "waiting":
      log.info("Peer {peer} at {address} waits for a swarm", {
        peer: event.peer.id,
        address: placeOf(event.peer),
      });
      break;
    case "complete":
      log.info("Peer {peer} holds all of {swarm}", { peer: event.peer.id, swarm: event.swarm.name });
      break;
    case "left":
      log.info("Peer {peer} left {swarm}", { peer: event.peer.id, swarm: event.swarm.name });
      break;
    case "gone":
      log.warning("Peer {peer} of {swarm} is gone", { peer: event.peer.id, swarm: event.swarm.name });
      break;
    case "swarm done":
      log.info("All peers ({complete}) hold all of {swarm}", { complete: event.complete, swarm: event.swarm.name });
      break;
    case "refused":
      log.warning("Refused {remote}: {text}", { remote, text: event.text });
      break;
    case "forgotten":
      log.info("Forgot {name}: nobody came back", { ...event.swarm });
      break;
  }
}

/** A peer's first address, as text. */
function placeOf({ hosts, port }: PeerAddress): string {
  return formatAddress({ host: hosts[0] ?? "", port });
}

const FLAGS = {
  host: { value: "address", help: "address to listen on", parse: parseHost, default: "127.0.0.1", repeats: true },
  port: { value: "number", help: "port for peers; 0: any free one", parse: parsePort, default: "5000" },
  httpPort: { value: "number", help: "port for the board; 0: any free one", parse: parsePort, default: "8080" },
  expect: {
    value: "count",
    help: "peers, the seed among them, after which all may leave; 0: any number",
    parse: (text: string) => parseInteger(text, { what: "count", min: 0, max: MAX_SWARM_PEERS }),
    default: "0",
  },
  deadline: {
    value: "time",
    help: "with --expect: end then, and fail if too few receivers are complete",
    parse: parseDuration,
  },
  quorum: {
    value: "percent",
    help: "with --deadline: how many of the receivers must be complete",
    parse: parsePercent,
    default: "100%",
  },
  events: { help: "report on stdout as JSON, one line an event" },
  exitWhenDone: { help: "exit once the expected peers are complete and have left" },
  watch: { help: "draw the peers in the terminal" },
  uplink: {
    value: "rate",
    help: "what each peer's uplink carries, for the board's distance from the bound",
    parse: parseRate,
    defaultHelp: "not known",
  },
  peerUplink: {
    value: "peer=rate",
    help: "with --uplink: what this peer's carries instead, or none",
    parse: parsePeerUplink,
    repeats: true,
  },
  ...BOARD_FLAGS,
  replay: { value: "file", help: "show this recording instead of a swarm; no port for peers", parse: parseText },
  ...LOG_FLAGS,
} as const;

/** Runs a tracker until Ctrl+C, or until its group is done; returns the exit code. */
async function main(): Promise<number> {
  const values = parseCommandLine({
    name: "tracker.ts",
    summary: "Runs the tracker: introduces peers to each other and shows how far each is.",
    flags: FLAGS,
    examples: [
      "bun tracker.ts --expect 5",
      "bun tracker.ts --expect 31 --deadline 10m --quorum 95%",
      "bun tracker.ts --record run.ndjson --watch",
      "bun tracker.ts --replay run.ndjson --export board.html",
    ],
  });
  const { host: hosts, port, httpPort, expect, deadline, quorum, exitWhenDone, record, replay } = values;
  if (replay !== undefined) {
    return await runReplay({ ...values, hosts, replay });
  }
  refuse(exitWhenDone && expect === 0, "Cannot use --exit-when-done: nobody is expected (add --expect)");
  refuse(deadline !== undefined && expect < 2, "Cannot use --deadline: no receiver is expected (add --expect)");
  refuse(quorum !== 1 && deadline === undefined, "Cannot use --quorum: when should it be judged? (add --deadline)");
  const exportPageAtEnd = await exportAtEnd(values);
  if (record !== undefined) {
    await Recorder.checkPlace(record);
  }
  const stopped = new Promise<StopReason>(onStop);
  let recorder: Recorder | undefined;
  const tracker = startTracker({
    ...{ hosts, port, httpPort, expected: expect },
    uplinks: { uplinkBytesPerSecond: values.uplink, peerUplinks: values.peerUplink },
    record: (event) => recorder?.write(event),
  });
  if (record !== undefined) {
    // not before it is certain that there will be something to record
    recorder = new Recorder(record, { began: new Date(), onWarning: (text) => log.warning("{text}", { text }) });
  }
  const listening: TrackerReport = { event: "listening", ...tracker.address, boardUrl: tracker.boardUrl };
  console.log(values.events ? JSON.stringify(listening) : listeningText(listening));
  const watch = values.watch ? new Watch(tracker.feed.model, process.stdout) : undefined;
  configureLogging({
    ...{ level: values.logLevel, file: values.logFile, json: values.json, who: "tracker" },
    ...(watch === undefined ? {} : { write: (line) => watch.log(line) }),
  });
  onListenLine(
    (host) => tracker.listenOn(host),
    (text) => log.error("{text}", { text }),
  );
  const over = Promise.withResolvers<number>();
  void stopped.then((reason) =>
    over.resolve(exitCodeOf(reason, { isDone: deadline === undefined && tracker.status().swarms.every(isIdle) })),
  );
  if (exitWhenDone) {
    void tracker.done.then(() => over.resolve(0));
  }
  if (deadline !== undefined) {
    const group = { expected: expect, quorum, deadlineMs: deadline, comeBackMs: () => tracker.comeBackMs() };
    setTimeout(() => over.resolve(judgeGroup(() => tracker.status().swarms[0], group)), deadline);
  }
  return await over.promise.finally(async () => {
    watch?.stop();
    await tracker.stop();
    await recorder?.close();
    await exportPageAtEnd();
  });
}

/** Whether nobody in a swarm waits for blocks, and nobody is still to come. */
function isIdle({ done, expected, peers }: SwarmStatus): boolean {
  return done || (expected === 0 && peers.every(({ state, complete }) => complete || state !== "here"));
}

/** Shows a recording until Ctrl+C, or writes it as one page; returns the exit code. */
async function runReplay(
  options: Pick<TrackerOptions, "hosts" | "httpPort"> & {
    readonly replay: string;
    readonly record: string | undefined;
    readonly export: string | undefined;
    readonly watch: boolean;
  },
): Promise<number> {
  const { replay, export: exportTo } = options;
  refuse(options.record !== undefined || options.watch, "Cannot use --replay with --record or --watch: no swarm runs");
  const recording = await loadRecording(replay, console.error);
  if (exportTo !== undefined) {
    await exportPage(recording, exportTo);
    console.log(`Wrote ${exportTo}: open it in any browser`);
    return 0;
  }
  const stopped = new Promise<StopReason>(onStop);
  const server = serve(createBoardApp({ kind: "replay", recording }), options);
  console.log(`Replaying ${replay} on ${server.url}`);
  return await stopped
    .then((reason) => exitCodeOf(reason, { isDone: true }))
    .finally(() => server.listeners.stop(true));
}

/** @throws {UserError} for flags that do not go together */
function refuse(isWrong: boolean, text: string): void {
  if (isWrong) {
    throw new UserError(text, { exitCode: 2 });
  }
}

if (import.meta.main) {
  await runMain(main);
}
