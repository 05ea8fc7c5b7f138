import { afterEach, describe, expect, test } from "bun:test";
import { GONE_AFTER_MS, PROTOCOL_VERSION, TRACKER_SILENT_MS } from "../../core/base/limits.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import {
  type TrackerErrorCode,
  type TrackerMessage,
  type TrackerMessages,
  trackerWire,
} from "../../core/wire/tracker_wire.ts";
import { type FramedSocket, framed } from "../net/framed_socket.ts";
import type { Address } from "../os/units.ts";
import { TrackerClient, type TrackerClientOptions } from "./tracker_client.ts";

const SHARE = { name: "s", sizeBytes: 9000, blockSizeBytes: 1024, blockCount: 9 };
const SWARM = new Uint8Array(32).fill(1);

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) {
    cleanup();
  }
});

/** A tracker that answers when the test says so; heartbeats at once, unless it is `silent`. */
class SlowTracker {
  silent = false;
  readonly #heartbeats = new Map<number, () => void>();
  #heard = 0;
  readonly #inbox: TrackerMessage[] = [];
  #wake = Promise.withResolvers<void>();
  #socket: FramedSocket<TrackerMessages> | undefined;
  readonly #listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: framed(trackerWire, {
      accept: (socket) => {
        this.#socket = socket;
        return {
          onMessage: (message) => {
            if (message.type === "STATS") {
              this.#heartbeats.get(++this.#heard)?.();
              if (!this.silent) {
                socket.send({ type: "ALIVE", incomplete: 4 });
              }
              return;
            }
            this.#inbox.push(message);
            this.#wake.resolve();
          },
        };
      },
    }),
  });

  constructor() {
    cleanups.push(() => this.#listener.stop(true));
  }

  get address(): Address {
    return { host: "127.0.0.1", port: this.#listener.port };
  }

  /** A client that holds `have` and has nothing to tell but what the test wants. */
  client(options: { readonly have: Bitfield } & Partial<TrackerClientOptions>): TrackerClient {
    const client = new TrackerClient({
      tracker: this.address,
      register: () => ({
        ...{ version: PROTOCOL_VERSION, swarmId: SWARM, share: SHARE, blocks: options.have },
        ...{ peerId: 1, name: "peer 1", hosts: ["127.0.0.1"], port: 6001, instance: 1, done: false },
      }),
      stats: () => ({
        ...{ downBytesPerSecond: 0, upBytesPerSecond: 0, downBytes: 0, upBytes: 0, duplicateBytes: 0, hashFailures: 0 },
        ...{ unchoked: [], optimistic: [], chokedBy: 0, neighbours: 0, messages: [], done: false },
        ...{ activity: "no neighbours", flows: [], fetching: [] },
      }),
      onRegistered: () => undefined,
      onPeers: () => undefined,
      onSwarmDone: () => undefined,
      onRefused: () => undefined,
      ...options,
    });
    cleanups.push(() => client.close());
    return client;
  }

  register(): void {
    this.#socket?.send({ type: "REGISTERED", swarmId: SWARM, share: SHARE, expected: 2 });
  }

  refuse(text: string, code: TrackerErrorCode = "peer id taken"): void {
    this.#socket?.send({ type: "ERROR", code, text });
    this.#socket?.close(text);
  }

  /** Resolves with the heartbeat of this number. */
  heartbeat(number: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#heartbeats.set(number, resolve);
    return promise;
  }

  hangUp(): void {
    this.#socket?.terminate("test");
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
}

test("blocks verified while a registration is on its way are told of after it", async () => {
  const tracker = new SlowTracker();
  const client = tracker.client({ have: new Bitfield(9) });
  expect(await tracker.next()).toMatchObject({ type: "REGISTER", peerId: 1 });
  client.announce([2, 5]);
  client.announce([7]);
  client.getPeers(); // may not be asked before the registration is answered
  tracker.register();
  expect(await tracker.next()).toEqual({ type: "UPDATE_BLOCKS", blocks: [2, 5] });
  expect(await tracker.next()).toEqual({ type: "UPDATE_BLOCKS", blocks: [7] });
});

test("a line that breaks is called again, and the registration tells what came meanwhile", async () => {
  const tracker = new SlowTracker();
  const have = new Bitfield(9);
  const lines: boolean[] = [];
  const { promise: lost, resolve: onLost } = Promise.withResolvers<void>();
  const { promise: registered, resolve: onRegistered } = Promise.withResolvers<void>();
  const client = tracker.client({
    have,
    onRegistered: () => onRegistered(),
    onConnection: (connected) => {
      lines.push(connected);
      if (!connected) {
        onLost();
      }
    },
  });
  await tracker.next();
  tracker.register();
  await registered;
  expect(client.registered).toBe(true);
  tracker.hangUp();
  await lost;
  expect(client.registered).toBe(false);
  have.add(3);
  client.announce([3]);
  const again = (await tracker.next()) as TrackerMessage<"REGISTER">;
  expect([...again.blocks]).toEqual([3]);
  tracker.register();
  client.announce([4]);
  expect(await tracker.next()).toEqual({ type: "UPDATE_BLOCKS", blocks: [4] });
  expect(lines).toEqual([true, false, true]);
});

test("a tracker that has not noticed that the line broke takes us for somebody else: it is called again", async () => {
  const tracker = new SlowTracker();
  const refusals: string[] = [];
  const client = tracker.client({ have: new Bitfield(9), onRefused: ({ text }) => refusals.push(text) });
  await tracker.next();
  tracker.register();
  client.announce([2]);
  expect(await tracker.next()).toMatchObject({ type: "UPDATE_BLOCKS" });
  tracker.hangUp();
  expect(await tracker.next()).toMatchObject({ type: "REGISTER" });
  tracker.refuse("Cannot register as peer 1: the id belongs to the peer at 127.0.0.1 port 6001 (choose another)");
  expect(await tracker.next()).toMatchObject({ type: "REGISTER" });
  tracker.register();
  client.announce([5]);
  expect(await tracker.next()).toEqual({ type: "UPDATE_BLOCKS", blocks: [5] });
  expect(refusals).toEqual([]);
});

test("a refusal is told once and nobody calls again", async () => {
  const tracker = new SlowTracker();
  const { promise: refused, resolve: onRefused } =
    Promise.withResolvers<Parameters<TrackerClientOptions["onRefused"]>[0]>();
  const client = tracker.client({ have: new Bitfield(9), onRefused });
  await tracker.next();
  // what a tracker refuses it says, and closes
  const text = "Cannot choose one of 2 swarms";
  tracker.refuse(text, "which swarm");
  expect(await refused).toMatchObject({ code: "which swarm", text });
  expect(client.registered).toBe(false);
});

test("an id that belongs to another is asked for again until its silent holder would be gone; then that is told", async () => {
  const tracker = new SlowTracker();
  const { promise: refused, resolve: onRefused } = Promise.withResolvers<number>();
  tracker.client({ have: new Bitfield(9), onRefused: () => onRefused(performance.now()) });
  let calls = 0;
  let isOver = false;
  let firstMs = Number.POSITIVE_INFINITY;
  const refuseAll = async (): Promise<void> => {
    for (; !isOver; calls++) {
      expect(await tracker.next()).toMatchObject({ type: "REGISTER" });
      firstMs = Math.min(firstMs, performance.now());
      tracker.refuse("Cannot register as peer 1: the id belongs to somebody else (choose another)");
    }
  };
  void refuseAll();
  const toldMs = await refused;
  isOver = true;
  expect(calls).toBeGreaterThan(3);
  expect(toldMs - firstMs).toBeGreaterThanOrEqual(GONE_AFTER_MS - 50);
});

test("a tracker that has no room is called again after a while", async () => {
  const tracker = new SlowTracker();
  const putOff: string[] = [];
  const refusals: string[] = [];
  const { promise: registered, resolve: onRegistered } = Promise.withResolvers<void>();
  tracker.client({
    have: new Bitfield(9),
    onRegistered: () => onRegistered(),
    onPutOff: (text) => putOff.push(text),
    onRefused: ({ text }) => refusals.push(text),
  });
  await tracker.next();
  tracker.refuse("Cannot wait for the swarm: too many peers do", "too many");
  expect(await tracker.next()).toMatchObject({ type: "REGISTER" });
  tracker.register();
  await registered;
  expect(putOff).toEqual(["Cannot wait for the swarm: too many peers do"]);
  expect(refusals).toEqual([]);
});

describe("a line that falls silent without a word", () => {
  test("is given up within 5 s, and the tracker is called again", async () => {
    const tracker = new SlowTracker();
    const lost: number[] = [];
    const { promise: registered, resolve: onRegistered } = Promise.withResolvers<void>();
    tracker.client({
      have: new Bitfield(9),
      onRegistered: () => onRegistered(),
      onConnection: (connected) => connected || lost.push(performance.now()),
    });
    await tracker.next();
    tracker.silent = true;
    tracker.register();
    await registered;
    const silentSinceMs = performance.now();
    expect(await tracker.next()).toMatchObject({ type: "REGISTER" });
    expect(lost).toHaveLength(1);
    expect((lost[0] ?? 0) - silentSinceMs).toBeGreaterThan(3000);
    expect((lost[0] ?? 0) - silentSinceMs).toBeLessThan(5000);
  });

  test("also before it was ever answered: what says nothing is no tracker that was reached", async () => {
    const tracker = new SlowTracker();
    tracker.silent = true;
    const lines: boolean[] = [];
    tracker.client({ have: new Bitfield(9), onConnection: (connected) => lines.push(connected) });
    expect(await tracker.next()).toMatchObject({ type: "REGISTER" });
    expect(await tracker.next()).toMatchObject({ type: "REGISTER" });
    expect(lines).toEqual([]);
  });

  test("again and again is called again less and less often: a tracker that cannot keep up is not helped by calls", async () => {
    const tracker = new SlowTracker();
    tracker.silent = true;
    tracker.client({ have: new Bitfield(9) });
    const calledMs: number[] = [];
    for (let call = 0; call < 4; call++) {
      expect(await tracker.next()).toMatchObject({ type: "REGISTER" });
      calledMs.push(performance.now());
    }
    const [first = 0, second = 0, third = 0] = calledMs.slice(1).map((ms, i) => ms - (calledMs[i] ?? 0));
    expect(Math.max(first, second)).toBeLessThan(6000);
    expect(third).toBeGreaterThan(TRACKER_SILENT_MS * 2);
  });

  test("is told from one whose heartbeats are answered, also while the swarm is awaited", async () => {
    const tracker = new SlowTracker();
    const alive: number[] = [];
    const { promise: told, resolve: onTold } = Promise.withResolvers<void>();
    const lines: boolean[] = [];
    const client = tracker.client({
      have: new Bitfield(9),
      onAlive: (incomplete) => {
        alive.push(incomplete);
        onTold();
      },
      onConnection: (connected) => lines.push(connected),
    });
    await tracker.next();
    await tracker.heartbeat(6);
    expect(lines).toEqual([true]);
    expect(alive).toEqual([]);
    tracker.register();
    await told;
    expect(alive).toEqual([4]);
    expect(client.registered).toBe(true);
  });
});

test("what answers in another language is no tracker: that is told once and nobody calls again", async () => {
  const calls: string[] = [];
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        calls.push(socket.remoteAddress);
      },
      data(socket) {
        socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      },
    },
  });
  cleanups.push(() => server.stop(true));
  const { promise: refused, resolve: onRefused } =
    Promise.withResolvers<Parameters<TrackerClientOptions["onRefused"]>[0]>();
  const tracker = { host: "127.0.0.1", port: server.port };
  new SlowTracker().client({ have: new Bitfield(9), tracker, onRefused });
  expect((await refused).text).toBe(
    `Cannot use what listens on 127.0.0.1:${server.port}: it is no tracker (see --tracker)`,
  );
  expect(calls).toHaveLength(1);
});

test("what is no tracker at one of its addresses is left out, and the others are called", async () => {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n") },
  });
  cleanups.push(() => server.stop(true));
  const tracker = new SlowTracker();
  const caller = { host: "127.0.0.1", port: server.port };
  const refusals: string[] = [];
  tracker.client({
    ...{ have: new Bitfield(9), tracker: caller, alternatives: [tracker.address] },
    onRefused: ({ text }) => refusals.push(text),
  });
  expect(await tracker.next()).toMatchObject({ type: "REGISTER", peerId: 1 });
  expect(refusals).toEqual([]);
});

test("addresses that change are told once we are registered", async () => {
  const tracker = new SlowTracker();
  const client = tracker.client({ have: new Bitfield(9) });
  await tracker.next();
  client.moved();
  tracker.register();
  expect(await tracker.next()).toEqual({ type: "UPDATE_HOSTS", hosts: ["127.0.0.1"] });
  client.moved();
  expect(await tracker.next()).toEqual({ type: "UPDATE_HOSTS", hosts: ["127.0.0.1"] });
});
