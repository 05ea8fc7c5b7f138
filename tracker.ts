/**
 * The meeting point: peers register here, say which blocks they hold and ask for other peers. No block passes through.
 *
 * `Bun.listen` serves the peers, a Hono app tells people how far everybody is. What to answer is decided in
 * `minibit/core/tracker_core.ts`.
 */
import { Hono } from "hono";
import { prettyJSON } from "hono/pretty-json";
import { UserError } from "./minibit/core/errors.ts";
import { MAX_SWARM_PEERS } from "./minibit/core/limits.ts";
import type { TrackerStatus } from "./minibit/core/tracker_core.ts";
import type { TrackerEvent } from "./minibit/core/tracker_io.ts";
import { type TrackerMessages, trackerWire } from "./minibit/core/tracker_wire.ts";
import { parseCommandLine, parseText, runMain } from "./minibit/io/cli.ts";
import { framed, type Traffic } from "./minibit/io/framed_socket.ts";
import { checkGroup } from "./minibit/io/group_verdict.ts";
import { exitCodeOf, onStop, type StopReason } from "./minibit/io/lifecycle.ts";
import { listening } from "./minibit/io/listening.ts";
import { configureLogging, getLogger, LOG_FLAGS } from "./minibit/io/logging.ts";
import { TrackerDriver } from "./minibit/io/tracker_driver.ts";
import {
  type Address,
  formatAddress,
  parseDuration,
  parseInteger,
  parsePercent,
  parsePort,
} from "./minibit/io/units.ts";

/** The document at `/status`. */
export interface StatusDocument extends TrackerStatus {
  /** What went between the tracker and all peers so far. */
  readonly tracker: Traffic<TrackerMessages>;
}

/** Where to listen, and for how many peers. */
export interface TrackerOptions {
  readonly host: string;
  /** For peers; 0: any free port. */
  readonly port: number;
  /** For people; 0: any free port. */
  readonly httpPort: number;
  /** How many peers, the seed among them, make a group complete; 0: any number. */
  readonly expected: number;
}

/** A tracker at work. */
export interface Tracker {
  /** Where peers call it. */
  readonly address: Address;
  /** Where people look. */
  readonly statusUrl: string;
  /** Resolves once a group was complete and everybody has left. */
  readonly done: Promise<void>;
  status(): StatusDocument;
  /** Closes every connection and frees both ports. */
  stop(): Promise<void>;
}

const log = getLogger();

/** The HTTP side: routes for people and programs, all of them JSON. */
export function createStatusApp(status: () => StatusDocument): Hono {
  const app = new Hono();
  app.use(prettyJSON({ force: true }));
  app.get("/", (c) =>
    c.json({
      service: "MiniBit tracker",
      routes: { "/status": "swarms and their peers", "/health": "whether the tracker works" },
    }),
  );
  app.get("/health", (c) => c.json({ ok: true }));
  app.get("/status", (c) => c.json(status(), 200, { "Cache-Control": "no-store" }));
  app.notFound((c) => c.json({ error: `Cannot find ${c.req.method} ${c.req.path}: no such route (try /status)` }, 404));
  return app;
}

/**
 * Starts a tracker and its HTTP side.
 *
 * @throws {UserError} when it cannot listen
 */
export function startTracker(options: TrackerOptions): Tracker {
  const { host, port, httpPort, expected } = options;
  const driver = new TrackerDriver({ expected, onEvent: logEvent });
  const status = () => ({ ...driver.core.snapshot(), tracker: driver.traffic });
  const listener = listening(
    () =>
      Bun.listen({
        hostname: host,
        port,
        socket: framed(trackerWire, { accept: (socket) => driver.accept(socket), traffic: driver.traffic }),
      }),
    { host, port, flag: "--port" },
  );
  try {
    const app = createStatusApp(status);
    const server = listening(() => Bun.serve({ hostname: host, port: httpPort, fetch: app.fetch }), {
      host,
      port: httpPort,
      flag: "--http-port",
    });
    return {
      address: { host, port: listener.port },
      statusUrl: `http://${formatAddress({ host, port: server.port ?? httpPort })}/status`,
      done: driver.done,
      status,
      async stop() {
        driver.stop();
        listener.stop(true);
        await server.stop(true);
      },
    };
  } catch (error) {
    listener.stop(true);
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
      log.info("Peer {peer} joins {swarm} at {address} with {blocks} blocks", {
        peer: peer.id,
        swarm: swarm.name,
        address: formatAddress(peer),
        blocks: blocks.count,
      });
      break;
    }
    case "waiting":
      log.info("Peer {peer} at {address} waits for a swarm", {
        peer: event.peer.id,
        address: formatAddress(event.peer),
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
      log.info("All {complete} peers hold all of {swarm}", { complete: event.complete, swarm: event.swarm.name });
      break;
    case "refused":
      log.warning("Refused {remote}: {text}", { remote, text: event.text });
      break;
    case "forgotten":
      log.info("Forgot {name}: nobody came back", { ...event.swarm });
      break;
  }
}

/** Runs a tracker until Ctrl+C, or until its group is done; returns the exit code. */
async function main(): Promise<number> {
  const { host, port, httpPort, expect, deadline, quorum, exitWhenDone, ...logs } = parseCommandLine({
    name: "tracker.ts",
    summary: "Runs the tracker: introduces peers to each other and shows how far each is.",
    flags: {
      host: { value: "address", help: "address to listen on", parse: parseText, default: "127.0.0.1" },
      port: { value: "number", help: "port for peers; 0: any free one", parse: parsePort, default: "5000" },
      httpPort: { value: "number", help: "port for GET /status; 0: any free one", parse: parsePort, default: "8080" },
      expect: {
        value: "count",
        help: "peers, the seed among them, after which all may leave; 0: any number",
        parse: (text) => parseInteger(text, { what: "count", min: 0, max: MAX_SWARM_PEERS }),
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
      exitWhenDone: { help: "exit once the expected peers are complete and have left" },
      ...LOG_FLAGS,
    },
    examples: ["bun tracker.ts --expect 5", "bun tracker.ts --expect 31 --deadline 10m --quorum 95%"],
  });
  if (exitWhenDone && expect === 0) {
    throw new UserError("Cannot use --exit-when-done: nobody is expected (add --expect)", { exitCode: 2 });
  }
  if (deadline !== undefined && expect < 2) {
    throw new UserError("Cannot use --deadline: no receiver is expected (add --expect)", { exitCode: 2 });
  }
  configureLogging({ level: logs.logLevel, file: logs.logFile, json: logs.json, who: "tracker" });
  const stopped = new Promise<StopReason>(onStop);
  const tracker = startTracker({ host, port, httpPort, expected: expect });
  console.log(`Tracker listening on ${formatAddress(tracker.address)}, status on ${tracker.statusUrl}`);
  const over = Promise.withResolvers<number>();
  void stopped.then((reason) => over.resolve(exitCodeOf(reason)));
  if (exitWhenDone) {
    void tracker.done.then(() => over.resolve(0));
  }
  if (deadline !== undefined) {
    const group = { expected: expect, quorum, deadlineMs: deadline };
    setTimeout(() => over.resolve(Promise.try(() => checkGroup(tracker.status().swarms[0], group))), deadline);
  }
  return await over.promise.finally(() => tracker.stop());
}

if (import.meta.main) {
  await runMain(main);
}
