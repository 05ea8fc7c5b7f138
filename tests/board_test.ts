/** The board's routes over a real server, and what untrusted peers and slow viewers can do to them: nothing. */
import { afterEach, describe, expect, test } from "bun:test";
import { BoardModel } from "../minibit/board/model/board_model.ts";
import { BoardFeed } from "../minibit/board/model/feed.ts";
import { visitRecording } from "../minibit/board/recording/recording.ts";
import { MAX_VIEWERS, MIN_WATCH_MS, PROTOCOL_VERSION } from "../minibit/core/base/limits.ts";
import { Bitfield } from "../minibit/core/share/bitfield.ts";
import { NO_STATS } from "../minibit/core/tracker/tracker_peer.ts";
import {
  TRACKER_MESSAGES,
  type TrackerMessage,
  type TrackerMessages,
  trackerWire,
} from "../minibit/core/wire/tracker_wire.ts";
import { connectFramed } from "../minibit/io/net/connect_framed.ts";
import { createTraffic, type FramedSocket } from "../minibit/io/net/framed_socket.ts";
import { createStatusApp, startTracker, type Tracker } from "../tracker.ts";
import { Page } from "./support/board_page.ts";
import { HOST, useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const SHARE = { name: "</script>", sizeBytes: 3000, blockSizeBytes: 1024, blockCount: 3 };
const SWARM = "05".repeat(32);

const bed = useTestBed();
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

/** A tracker in this process. */
function start(): Tracker {
  const tracker = startTracker({ hosts: [HOST], port: 0, httpPort: 0, expected: 0 });
  cleanups.push(() => tracker.stop());
  return tracker;
}

/** A registered peer. */
async function join(tracker: Tracker, id: number, options: { readonly name?: string; readonly seed?: boolean } = {}) {
  const { name = `peer ${id}`, seed = false } = options;
  const { host, port } = tracker.address;
  const closed = Promise.withResolvers<void>();
  const registered = Promise.withResolvers<void>();
  const result = await connectFramed(trackerWire, {
    connect: (socket) => Bun.connect({ hostname: host, port, socket }),
    timeoutMs: 5000,
    accept: () => ({ onMessage: () => registered.resolve(), onClosed: () => closed.resolve() }),
  });
  if (!result.ok) {
    throw new Error(result.detail);
  }
  const socket: FramedSocket<TrackerMessages> = result.socket;
  cleanups.push(() => socket.terminate("test over"));
  const blocks = seed ? Bitfield.full(SHARE.blockCount) : new Bitfield(SHARE.blockCount);
  const who = { version: PROTOCOL_VERSION, swarmId: new Uint8Array(32).fill(5), share: SHARE, peerId: id, name };
  socket.send({ type: "REGISTER", ...who, hosts: [HOST], port: 6000 + id, blocks, instance: id, done: seed });
  await registered.promise;
  return { socket, closed: closed.promise };
}

function stats(some: Partial<TrackerMessage<"STATS">> = {}): TrackerMessage<"STATS"> {
  return { type: "STATS", ...NO_STATS, ...some };
}

async function openPage(tracker: Tracker): Promise<Page> {
  const page = await Page.open(tracker);
  cleanups.push(() => page.close());
  return page;
}

describe("routes", () => {
  const empty = { swarms: [], waiting: 0, tracker: createTraffic(trackerWire) };

  test("/ is a page that asks nobody but this server", async () => {
    const app = createStatusApp(() => empty, { kind: "live", feed: new BoardFeed() });
    const response = await app.request("/");
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toStartWith("text/html");
    expect(response.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
    expect(await response.text()).toStartWith("<!doctype html>");
  });

  test("/metrics is Prometheus' text", async () => {
    const app = createStatusApp(() => empty, { kind: "live", feed: new BoardFeed() });
    const response = await app.request("/metrics");
    expect(response.headers.get("Content-Type")).toStartWith("text/plain");
    expect(await response.text()).toContain("# TYPE minibit_peers gauge");
  });

  test("a recording is answered as it is, and only in replay", async () => {
    const recording = new Uint8Array(Buffer.from('{"format":"minibit recording"}\n'));
    const replay = createStatusApp(() => empty, { kind: "replay", recording });
    expect(await (await replay.request("/recording")).bytes()).toEqual(recording);
    expect((await replay.request("/events")).status).toBe(404);
    const live = createStatusApp(() => empty, { kind: "live", feed: new BoardFeed() });
    expect((await live.request("/recording")).status).toBe(404);
  });

  test("more viewers than there is room for are told so", async () => {
    const feed = new BoardFeed();
    cleanups.push(() => feed.close());
    const app = createStatusApp(() => empty, { kind: "live", feed });
    for (let i = 0; i < MAX_VIEWERS; i++) {
      expect((await app.request("/events")).status).toBe(200);
    }
    const response = await app.request("/events");
    expect(response.status).toBe(503);
    expect(await response.text()).toStartWith(`Cannot show the swarms: ${MAX_VIEWERS} are watching`);
  });
});

describe("viewers", () => {
  test("take no place by HEAD /events, however often", async () => {
    const tracker = start();
    const url = new URL("/events", tracker.statusUrl);
    for (let i = 0; i < 2 * MAX_VIEWERS; i++) {
      const response = await fetch(url, { method: "HEAD" });
      expect([response.status, response.headers.get("Content-Type")]).toEqual([
        200,
        "text/event-stream; charset=utf-8",
      ]);
    }
    expect(tracker.feed.viewers).toBe(0);
    await openPage(tracker);
  });

  test("that have watched for long make room for newcomers, the first one first: they may never have read a byte", () => {
    let nowMs = 0;
    const feed = new BoardFeed({ clock: () => nowMs });
    cleanups.push(() => feed.close());
    const closed: number[] = [];
    const watch = (id: number) => feed.watch({ isReady: true, send: () => undefined, close: () => closed.push(id) });
    for (let id = 0; id < MAX_VIEWERS; id++) {
      expect(watch(id)).toBeDefined();
      nowMs += 1;
    }
    nowMs = MIN_WATCH_MS - 1;
    expect(watch(100)).toBeUndefined();
    nowMs = MIN_WATCH_MS + 1;
    expect([watch(100), watch(101)].map((leave) => leave !== undefined)).toEqual([true, true]);
    expect(watch(102)).toBeUndefined();
    expect(closed).toEqual([0, 1]);
    expect(feed.viewers).toBe(MAX_VIEWERS);
    closed.length = 0;
  });

  test("get the whole state, then news, and after a reconnect the state again", async () => {
    const tracker = start();
    await join(tracker, 0, { seed: true });
    const page = await openPage(tracker);
    expect(page.heard[0]).toMatchObject({ name: "snapshot" });
    expect(page.model.swarms.get(SWARM)?.peers.get(0)?.seed).toBe(true);

    const { socket } = await join(tracker, 1);
    socket.send({ type: "UPDATE_BLOCKS", blocks: [0, 2] });
    socket.send(
      stats({ activity: "fetching", flows: [{ peer: 0, bytesPerSecond: 9 }], fetching: [{ block: 1, peer: 0 }] }),
    );
    await page.until("news of blocks", () => page.model.swarms.get(SWARM)?.peers.get(1)?.stats.activity === "fetching");
    await page.agrees(tracker);
    expect(page.heard.at(-1)?.name).toBe("news");
    expect(page.model.swarms.get(SWARM)?.copies).toEqual(Uint16Array.of(2, 1, 2));
    expect(page.model.swarms.get(SWARM)?.peers.get(1)?.stats).toMatchObject({ flows: [[0, 9]], fetching: [[1, 0]] });

    page.close();
    await until("the viewer to leave", () => tracker.feed.viewers === 0 || undefined);
    socket.close("leaving");
    await until("the peer to leave", () => tracker.feed.model.swarms.get(SWARM)?.peers.get(1)?.departure);
    const again = await openPage(tracker);
    expect(again.heard[0]?.name).toBe("snapshot");
    await again.agrees(tracker);
  });

  test("hear something now and then, so that the connection lives", async () => {
    const page = await openPage(start());
    await page.until("a comment", () => page.comments > 0);
    expect(page.ended).toBe(false);
  });

  test("that do not read cost one message, and catch up later", async () => {
    const tracker = start();
    const { socket } = await join(tracker, 0, { seed: true });
    const sent: number[] = [];
    let isReady = true;
    const leave = tracker.feed.watch({
      get isReady() {
        return isReady;
      },
      send: (bytes) => sent.push(bytes.length),
      close: () => undefined,
    });
    cleanups.push(() => leave?.());
    const page = await openPage(tracker);
    isReady = false;
    expect(sent).toHaveLength(1);
    for (let i = 1; i <= 5; i++) {
      const news = page.heard.length;
      socket.send(stats({ upBytes: i }));
      await page.until("news", () => page.heard.length > news);
    }
    expect(sent).toHaveLength(1);
    isReady = true;
    await until("a snapshot", () => sent.length === 2 || undefined);
  });

  test("over a socket that nobody reads miss what happens meanwhile, and are up to date later", async () => {
    const tracker = start();
    await join(tracker, 0, { seed: true });
    let got = "";
    let gotBytes = 0;
    const port = Number(new URL(tracker.statusUrl).port);
    const data = (_: unknown, chunk: Buffer) => {
      gotBytes += chunk.length;
      got = (got + chunk.toString("latin1")).slice(-1_000_000);
    };
    const viewer = await Bun.connect({ hostname: HOST, port, socket: { data } });
    cleanups.push(() => viewer.terminate());
    viewer.pause();
    viewer.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    await until("the viewer", () => tracker.feed.viewers === 1 || undefined);
    const page = await openPage(tracker);
    const peer = { id: 1, name: "n".repeat(255), host: HOST, seed: false };
    // 40 MB of news; the system's own buffers take some
    for (let batch = 0; batch < 20; batch++) {
      for (let port = 0; port < 4000; port++) {
        tracker.feed.tell({ type: "peer", swarm: SWARM, peer: { ...peer, port }, blocks: [] });
      }
      await page.until("news", () => page.heard.length > 0);
      page.heard.length = 0;
    }
    tracker.feed.tell({ type: "peer", swarm: SWARM, peer: { ...peer, name: "the last", port: 1 }, blocks: [] });
    viewer.resume();
    await until("the last news", () => got.includes("the last") || undefined);
    expect(gotBytes).toBeLessThan(25_000_000);
    await page.agrees(tracker);
  });
});

describe("a hostile peer", () => {
  test("with a name of HTML is told as text, and nowhere else", async () => {
    const tracker = start();
    const name = "<script>alert(1)</script>";
    await join(tracker, 1, { name });
    const page = await openPage(tracker);
    expect(page.model.swarms.get(SWARM)?.peers.get(1)?.name).toBe(name);
    expect(await (await fetch(new URL("/", tracker.statusUrl))).text()).not.toContain("alert(1)");
    expect(await (await fetch(new URL("/metrics", tracker.statusUrl))).text()).not.toContain("script");
    const status = await fetch(tracker.statusUrl);
    expect(status.headers.get("Content-Type")).toStartWith("application/json");
    expect(await status.json()).toMatchObject({ swarms: [{ peers: [{ name }] }] });
  });

  test("that sends 10 MB of STATS loses its link, whether in one message or in many", async () => {
    const tracker = start();
    const good = await join(tracker, 0, { seed: true });
    const page = await openPage(tracker);

    const { host, port } = tracker.address;
    const closed = Promise.withResolvers<void>();
    const answers: Buffer[] = [];
    const caller = await Bun.connect({
      hostname: host,
      port,
      socket: { data: (_, chunk) => void answers.push(chunk), close: () => closed.resolve() },
    });
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(10_000_000);
    frame.writeUInt8(TRACKER_MESSAGES.STATS.code, 4);
    caller.write(frame);
    await closed.promise;
    expect(Buffer.concat(answers).toString()).toContain("Cannot ");

    const flood = await join(tracker, 1, { name: "<script>" });
    const big = stats({ unchoked: Array.from({ length: 64 }, (_, i) => i) });
    for (let sentBytes = 0; sentBytes < 10_000_000 && flood.socket.open; sentBytes += 300) {
      flood.socket.send({ ...big, upBytes: sentBytes });
      if (sentBytes % 60_000 === 0) {
        await new Promise(setImmediate); // what is sent goes out, and the end is heard of
      }
    }
    await flood.closed;
    await until("the flood to be gone", () => tracker.feed.model.swarms.get(SWARM)?.peers.get(1)?.departure);

    good.socket.send(stats({ upBytes: 77 }));
    await until(
      "news of the good peer",
      () => page.model.swarms.get(SWARM)?.peers.get(0)?.stats.upBytes === 77 || undefined,
    );
    await page.agrees(tracker);
    expect(tracker.status().swarms[0]?.peers[1]).toMatchObject({ id: 1, name: "<script>", state: "gone" });
    expect((await fetch(tracker.statusUrl)).status).toBe(200);
  });
});

describe("a recording", () => {
  test("of a whole run leads to the state in which the run ended, as a page too", async () => {
    const [file, page] = [bed.path("run.ndjson"), bed.path("board.html")];
    await Bun.write(bed.path("data.bin"), new Uint8Array(64 * 1024).fill(7));
    const run = bed.runFull(
      "--source",
      bed.path("data.bin"),
      "--peers",
      "3",
      "--upload-limit",
      "100KiB/s",
      "--record",
      file,
      "--export",
      page,
    );
    await run.succeeded();
    const model = new BoardModel();
    let stats = 0;
    visitRecording(await Bun.file(file).bytes(), {
      visit: (event) => {
        model.apply(event);
        stats += Number(event.event.type === "stats");
      },
    });
    const [swarm] = model.swarms.values();
    expect(swarm).toMatchObject({ expected: 3, uplinkBytesPerSecond: 100 * 1024 });
    expect(swarm?.doneMs).toBeNumber();
    expect(
      [...(swarm?.peers.values() ?? [])]
        .map(({ id, blocks, departure }) => [id, blocks.complete, departure?.how])
        .sort(),
    ).toEqual([
      [0, true, "left"],
      [1, true, "left"],
      [2, true, "left"],
    ]);
    expect(stats).toBeGreaterThan(2);
    expect(await Bun.file(page).text()).toContain("minibit recording");
  });

  test("is shown again by --replay, which refuses what is none", async () => {
    const tracker = bed.start("tracker.ts", "--port", "0", "--http-port", "0", "--record", bed.path("run.ndjson"));
    await tracker.said(/^Tracker listening/);
    tracker.signal("SIGINT");
    expect(await tracker.ended()).toBe(130);
    const replay = bed.start("tracker.ts", "--http-port", "0", "--replay", bed.path("run.ndjson"));
    const [, url = ""] = await replay.said(/^Replaying .* on (http:\S+)$/);
    expect(await (await fetch(new URL("/recording", url))).text()).toBe(await Bun.file(bed.path("run.ndjson")).text());
    expect((await fetch(url)).status).toBe(200);
    replay.signal("SIGINT");
    expect(await replay.ended()).toBe(130);

    await Bun.write(bed.path("bad.ndjson"), "no recording\n");
    const bad = bed.start("tracker.ts", "--http-port", "0", "--replay", bed.path("bad.ndjson"));
    expect(await bad.ended()).toBe(1);
    expect(bad.complaints).toEqual([
      `Cannot replay '${bed.path("bad.ndjson")}': line 1: it is no recording of MiniBit`,
    ]);
  });
});

test("--watch tells piped readers of the swarm", async () => {
  const tracker = bed.start("tracker.ts", "--port", "0", "--http-port", "0", "--watch", "--log-level", "off");
  const [, port = ""] = await tracker.said(/^Tracker listening on 127\.0\.0\.1:(\d+)/);
  await join({ address: { host: HOST, port: Number(port) } } as Tracker, 0, { seed: true });
  tracker.signal("SIGINT");
  await tracker.said(/^<\/script>: 2\.93 KiB in 3 blocks, 1 peer here, 0 of 0 receivers complete/);
  expect(await tracker.ended()).toBe(130);
});
