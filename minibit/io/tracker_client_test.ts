import { afterEach, expect, test } from "bun:test";
import { Bitfield } from "../core/bitfield.ts";
import { PROTOCOL_VERSION } from "../core/limits.ts";
import { type TrackerMessage, type TrackerMessages, trackerWire } from "../core/tracker_wire.ts";
import { type FramedSocket, framed } from "./framed_socket.ts";
import { TrackerClient, type TrackerClientOptions } from "./tracker_client.ts";

const SHARE = { name: "s", sizeBytes: 9000, blockSizeBytes: 1024, blockCount: 9 };
const SWARM = new Uint8Array(32).fill(1);

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) {
    cleanup();
  }
});

/** A tracker that answers when the test says so. */
class SlowTracker {
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

  /** A client that holds `have` and has nothing to tell but what the test wants. */
  client(options: { readonly have: Bitfield } & Partial<TrackerClientOptions>): TrackerClient {
    const client = new TrackerClient({
      tracker: { host: "127.0.0.1", port: this.#listener.port },
      register: () => ({
        ...{ version: PROTOCOL_VERSION, swarmId: SWARM, share: SHARE, blocks: options.have },
        ...{ peerId: 1, name: "peer 1", host: "127.0.0.1", port: 6001 },
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

  refuse(text: string): void {
    this.#socket?.send({ type: "ERROR", code: "peer id taken", text });
    this.#socket?.close(text);
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
  const text = "Cannot register as peer 1: the id belongs to somebody else (choose another)";
  tracker.refuse(text);
  expect(await refused).toMatchObject({ code: "peer id taken", text });
  expect(client.registered).toBe(false);
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
