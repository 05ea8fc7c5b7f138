import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { BoardFeed } from "../minibit/board/model/feed.ts";
import { PROTOCOL_VERSION } from "../minibit/core/base/limits.ts";
import { Bitfield } from "../minibit/core/share/bitfield.ts";
import { NO_STATS } from "../minibit/core/tracker/tracker_peer.ts";
import { type TrackerMessage, type TrackerMessages, trackerWire } from "../minibit/core/wire/tracker_wire.ts";
import { connectFramed } from "../minibit/io/net/connect_framed.ts";
import { createTraffic, type FramedSocket } from "../minibit/io/net/framed_socket.ts";
import { freePort } from "../minibit/io/net/listening.ts";
import { type Address, parseAddress } from "../minibit/io/os/units.ts";
import { type Child, ProcessGroup } from "../minibit/launch/process_group.ts";
import { createStatusApp, type StatusDocument, startTracker, type Tracker } from "../tracker.ts";

const HOST = "127.0.0.1";
const SHARE = { name: "arquivos", sizeBytes: 3000, blockSizeBytes: 1024, blockCount: 3 };

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

/** A tracker in this process, on free ports. */
function start(options: { expected?: number; port?: number; httpPort?: number } = {}): Tracker {
  const tracker = startTracker({ hosts: [HOST], port: 0, httpPort: 0, expected: 0, ...options });
  cleanups.push(() => tracker.stop());
  return tracker;
}

/** A peer as the tracker sees it: what it is told, in order. */
class Caller {
  readonly #inbox: TrackerMessage[] = [];
  #wake = Promise.withResolvers<void>();
  #socket: FramedSocket<TrackerMessages> | undefined;
  readonly closed = Promise.withResolvers<void>();

  static async to(address: Address): Promise<Caller> {
    const caller = new Caller();
    const result = await connectFramed(trackerWire, {
      connect: (socket) => Bun.connect({ hostname: address.host, port: address.port, socket }),
      timeoutMs: 5000,
      accept: () => ({
        onMessage: (message) => {
          caller.#inbox.push(message);
          caller.#wake.resolve();
        },
        onClosed: () => caller.closed.resolve(),
      }),
    });
    expect(result.ok).toBe(true);
    caller.#socket = result.ok ? result.socket : undefined;
    cleanups.push(async () => caller.#socket?.terminate("test over"));
    return caller;
  }

  send(message: TrackerMessage): void {
    this.#socket?.send(message);
  }

  register(peerId: number, blocks = new Bitfield(SHARE.blockCount)): void {
    const address = { peerId, name: `peer ${peerId}`, hosts: ["0.0.0.0"], port: 6000 + peerId };
    this.send({
      type: "REGISTER",
      version: PROTOCOL_VERSION,
      swarmId: new Uint8Array(32).fill(5),
      share: SHARE,
      ...address,
      blocks,
      instance: peerId,
      done: blocks.complete,
    });
  }

  async next(): Promise<TrackerMessage> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message !== undefined) {
        return message;
      }
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }

  close(): void {
    this.#socket?.close("leaving");
  }
}

describe("routes", () => {
  const empty: StatusDocument = { swarms: [], waiting: 0, tracker: createTraffic(trackerWire) };
  const app = createStatusApp(() => empty, { kind: "live", feed: new BoardFeed() });

  test("/status is JSON that nobody may cache", async () => {
    const response = await app.request("/status");
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toContain("application/json");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect((await response.json()) as StatusDocument).toEqual(empty);
  });

  test("/health says that the tracker works", async () => {
    expect(await (await app.request("/health")).json()).toEqual({ ok: true });
  });

  test("what is not there is a 404 in JSON that names it", async () => {
    for (const [path, method] of [
      ["/nothing", "GET"],
      ["/status", "POST"],
    ] as const) {
      const response = await app.request(path, { method });
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ error: `Cannot find ${method} ${path}: no such route (try /status)` });
    }
  });
});

describe("a tracker", () => {
  test("introduces peers and shows them", async () => {
    const tracker = start({ expected: 2 });
    const seed = await Caller.to(tracker.address);
    seed.register(0, Bitfield.full(3));
    expect(await seed.next()).toMatchObject({ type: "REGISTERED", share: SHARE, expected: 2 });
    const leecher = await Caller.to(tracker.address);
    leecher.register(1);
    expect(await leecher.next()).toMatchObject({ type: "REGISTERED" });
    leecher.send({ type: "GET_PEERS" });
    const answer = (await leecher.next()) as TrackerMessage<"PEERS">;
    expect(answer.peers).toEqual([{ id: 0, hosts: [HOST], port: 6000 }]);
    expect([...answer.suggested].sort()).toEqual([0, 1, 2]);

    leecher.send({ type: "UPDATE_BLOCKS", blocks: [0, 2] });
    leecher.send({ type: "GET_PEERS" });
    expect(await leecher.next()).toMatchObject({ suggested: [1], registered: 2, incomplete: 1 });
    const status = (await (await fetch(tracker.statusUrl)).json()) as StatusDocument;
    expect(status).toEqual(tracker.status());
    expect(status.swarms[0]).toMatchObject({
      ...SHARE,
      complete: 1,
      copies: { min: 1, max: 2 },
      peers: [{}, { blocks: 2 }],
    });
    expect(status.tracker.received).toMatchObject({ REGISTER: 2, GET_PEERS: 2, UPDATE_BLOCKS: 1 });

    leecher.send({ type: "UPDATE_BLOCKS", blocks: [1] });
    leecher.send({ type: "STATS", ...NO_STATS, done: true });
    expect(await leecher.next()).toEqual({ type: "SWARM_DONE", incomplete: 0 });
    expect(await seed.next()).toEqual({ type: "SWARM_DONE", incomplete: 0 });
    leecher.close();
    seed.close();
    await tracker.done;
    expect(tracker.status().swarms[0]).toMatchObject({ done: true, peers: [{ state: "left" }, { state: "left" }] });
  });

  test("tells an untrusted peer what is wrong, and goes on", async () => {
    const tracker = start();
    const received: Buffer[] = [];
    const closed = Promise.withResolvers<void>();
    const caller = await Bun.connect({
      hostname: HOST,
      port: tracker.address.port,
      socket: { data: (_socket, chunk) => void received.push(chunk), close: () => closed.resolve() },
    });
    caller.write("GET /status HTTP/1.1\r\n\r\n");
    await closed.promise;
    expect(Buffer.concat(received).toString()).toContain("Cannot read a message of unknown type");

    const hasty = await Caller.to(tracker.address);
    hasty.send({ type: "GET_PEERS" });
    expect(await hasty.next()).toMatchObject({ type: "ERROR", code: "not registered" });
    await hasty.closed.promise;

    const peer = await Caller.to(tracker.address);
    peer.register(1);
    expect(await peer.next()).toMatchObject({ type: "REGISTERED" });
  });

  test("leaves no port behind, neither when it stops nor when it cannot start", async () => {
    const first = start();
    const { port } = first.address;
    const httpPort = Number(new URL(first.statusUrl).port);
    expect(() => start({ port })).toThrow(`Cannot listen on ${HOST}:${port}: the port is in use (try --port)`);
    const free = freePort(HOST);
    expect(() => start({ port: free, httpPort })).toThrow(
      `Cannot listen on ${HOST}:${httpPort}: the port is in use (try --http-port)`,
    );
    await first.stop();
    const second = start({ port: free, httpPort });
    expect(second.address.port).toBe(free);
    expect(start({ port }).address.port).toBe(port);
  });
});

describe("the program", () => {
  const READY = /^Tracker listening on (\S+), board on (http:\S+)$/;

  /** The program with these flags, and what it complains about. */
  function run(...flags: string[]): { child: Child<undefined, string>; complaints: string[] } {
    const group = new ProcessGroup();
    cleanups.push(() => group.stopAll());
    const complaints: string[] = [];
    const child = group.start({
      name: "tracker",
      command: [process.execPath, join(import.meta.dir, "..", "tracker.ts"), "--log-level", "off", ...flags],
      readyWhen: (line) => (READY.test(line) ? line : undefined),
      onErrorLine: (line) => complaints.push(line),
    });
    return { child, complaints };
  }

  test("says where it listens, ends on Ctrl+C with 130 and frees its ports", async () => {
    const { child } = run("--port", "0", "--http-port", "0");
    const [, address = "", boardUrl = ""] = READY.exec(await child.ready) ?? [];
    const peer = await Caller.to(parseAddress(address));
    peer.register(0, Bitfield.full(3));
    expect(await peer.next()).toMatchObject({ type: "REGISTERED" });
    expect(await (await fetch(new URL("status", boardUrl))).json()).toMatchObject({
      swarms: [{ name: "arquivos", peers: [{ id: 0 }] }],
    });
    child.kill("SIGINT");
    expect(await child.exited).toEqual({ exitCode: 130, signal: null });
    const again = start({ port: parseAddress(address).port, httpPort: Number(new URL(boardUrl).port) });
    expect(again.boardUrl).toBe(boardUrl);
  });

  test("with --exit-when-done ends by itself when all are complete and gone", async () => {
    const { child } = run("--port", "0", "--http-port", "0", "--expect", "1", "--exit-when-done");
    const [, address = ""] = READY.exec(await child.ready) ?? [];
    const peer = await Caller.to(parseAddress(address));
    peer.register(0, Bitfield.full(3));
    expect(await peer.next()).toMatchObject({ type: "REGISTERED", expected: 1 });
    expect(await peer.next()).toEqual({ type: "SWARM_DONE", incomplete: 0 });
    peer.close();
    expect(await child.exited).toEqual({ exitCode: 0, signal: null });
  });

  test("with --deadline ends then, and fails when too few are complete", async () => {
    const { child, complaints } = run("--port", "0", "--http-port", "0", "--expect", "3", "--deadline", "100ms");
    expect(await child.exited).toEqual({ exitCode: 1, signal: null });
    expect(complaints.at(-1)).toBe(
      "Cannot confirm 100.0% of 2 receivers after 100ms: 0 hold the share, not 3 that never came",
    );
  });

  test("what the user can mend is told in one line, with exit code 1 or 2", async () => {
    const { port } = start().address;
    const taken = run("--port", String(port), "--http-port", "0");
    expect(await taken.child.exited).toEqual({ exitCode: 1, signal: null });
    expect(taken.complaints).toEqual([`Cannot listen on ${HOST}:${port}: the port is in use (try --port)`]);
    const unclear = run("--exit-when-done");
    expect(await unclear.child.exited).toEqual({ exitCode: 2, signal: null });
    expect(unclear.complaints).toEqual(["Cannot use --exit-when-done: nobody is expected (add --expect)"]);
  });
});
