import { afterEach, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { ProtocolError } from "../../core/base/errors.ts";
import { CLOSE_TIMEOUT_MS, MAX_QUEUED_SEND_BYTES, MAX_UNIT_BYTES } from "../../core/base/limits.ts";
import { type PeerMessage, type PeerMessages, peerWire } from "../../core/wire/peer_wire.ts";
import { connectFramed } from "./connect_framed.ts";
import { type Closed, createTraffic, type FramedSocket, type FrameHandlers, framed } from "./framed_socket.ts";

type Socket = FramedSocket<PeerMessages>;

/** One side of a connection, and all it was told. */
class Side {
  socket: Socket | undefined;
  readonly messages: PeerMessage[] = [];
  readonly sent: PeerMessage[] = [];
  readonly errors: string[] = [];
  readonly closed: Closed<PeerMessages>[] = [];
  payloadBytes = 0;
  /** What this side does beyond taking notes. */
  readonly extra: Partial<FrameHandlers<PeerMessages>>;
  readonly #waiting = new Set<() => void>();

  constructor(extra: Partial<FrameHandlers<PeerMessages>> = {}) {
    this.extra = extra;
  }

  readonly accept = (socket: Socket): FrameHandlers<PeerMessages> => {
    this.socket = socket;
    this.#noted();
    return {
      onMessage: (message) => {
        this.messages.push(message);
        this.extra.onMessage?.(message);
        this.#noted();
      },
      onPayloadStart: (message) => {
        this.messages.push(message);
        return this.extra.onPayloadStart?.(message) ?? true;
      },
      onPayload: (message, slice, last) => {
        this.payloadBytes += slice.length;
        this.extra.onPayload?.(message, slice, last);
        this.#noted();
      },
      onPayloadSent: (message) => {
        this.sent.push(message);
        this.extra.onPayloadSent?.(message);
        this.#noted();
      },
      onProtocolError: (error) => {
        this.errors.push(error.message);
        this.extra.onProtocolError?.(error);
      },
      onClosed: (closed) => {
        this.closed.push(closed);
        this.#noted();
      },
    };
  };

  /** Resolves once `condition` holds; looks again whenever this side is told something. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async end(): Promise<Closed<PeerMessages>> {
    await this.until(() => this.closed.length > 0);
    return this.closed[0] as Closed<PeerMessages>;
  }

  #noted(): void {
    for (const resolve of this.#waiting) {
      resolve();
    }
    this.#waiting.clear();
  }
}

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) {
    cleanup();
  }
});

function listenAs(side: Side, hostname = "127.0.0.1"): number {
  const listener = Bun.listen({ hostname, port: 0, socket: framed(peerWire, { accept: side.accept }) });
  cleanups.push(() => listener.stop(true));
  return listener.port;
}

/** Two connected sides: who called, and who was called. */
async function connected(options: { caller?: Side; callee?: Side } = {}) {
  const { caller = new Side(), callee = new Side() } = options;
  const port = listenAs(callee);
  const result = await connectFramed(peerWire, {
    connect: (socket) => Bun.connect({ hostname: "127.0.0.1", port, socket }),
    timeoutMs: 5000,
    accept: caller.accept,
  });
  await callee.until(() => callee.socket !== undefined);
  expect(result.ok).toBe(true);
  return { caller, callee, from: caller.socket as Socket, to: callee.socket as Socket };
}

/** An untrusted peer that sends what it likes, and what it was sent. */
async function untrustedPeer(callee: Side) {
  const port = listenAs(callee);
  const received: Buffer[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<Buffer>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_socket, chunk) => void received.push(chunk),
      close: () => resolve(Buffer.concat(received)),
    },
  });
  await callee.until(() => callee.socket !== undefined);
  return { socket, ended, port };
}

function blockOf(length: number, block = 0): PeerMessage<"BLOCK"> {
  return { type: "BLOCK", block, offset: 0, length };
}

const MANIFEST_SLICE: PeerMessage<"MANIFEST"> = {
  type: "MANIFEST",
  offset: 0,
  totalBytes: 1,
  data: new Uint8Array(256 * 1024),
};

test("the memory of a chunk is given back at once: payload is valid during the call only, messages are copies", async () => {
  const slices: Uint8Array[] = [];
  let sum = 0;
  const callee = new Side({
    onPayload: (_message, slice) => {
      slices.push(slice);
      sum += slice.reduce((total, byte) => total + byte, 0);
    },
  });
  const { from } = await connected({ callee });
  const data = MANIFEST_SLICE.data.map((_, i) => i % 251);
  from.send({ ...MANIFEST_SLICE, data });
  from.sendPayload(blockOf(100_000), (into) => into.fill(3));
  await callee.until(() => callee.payloadBytes === 100_000);
  expect(sum).toBe(300_000);
  expect(slices.map((slice) => slice.length)).toEqual(slices.map(() => 0));
  expect(callee.messages[0]).toEqual({ ...MANIFEST_SLICE, data });
});

test("messages and payloads arrive, and both sides count them", async () => {
  const { caller, callee, from, to } = await connected();
  from.send({ type: "HAVE", block: 7 });
  from.send({ type: "UNCHOKE" });
  from.sendPayload(blockOf(5), (into) => into.fill(1));
  to.send({ type: "HAS", block: 7, held: true });
  await callee.until(() => callee.payloadBytes === 5);
  await caller.until(() => caller.messages.length === 1 && caller.sent.length === 1);
  expect(callee.messages).toEqual([{ type: "HAVE", block: 7 }, { type: "UNCHOKE" }, blockOf(5)]);
  expect(caller.messages).toEqual([{ type: "HAS", block: 7, held: true }]);
  expect(from.traffic.sentBytes).toBe(9 + 5 + 17 + 5);
  expect(to.traffic.receivedBytes).toBe(from.traffic.sentBytes);
  expect(from.traffic.sent).toMatchObject({ HAVE: 1, UNCHOKE: 1, BLOCK: 1, HAS: 0 });
  expect(to.traffic.received).toMatchObject({ HAVE: 1, UNCHOKE: 1, BLOCK: 1, HAS: 0 });
});

test("several connections can share their counters", async () => {
  const traffic = createTraffic(peerWire);
  const callee = new Side();
  const port = listenAs(callee);
  for (const block of [1, 2]) {
    const caller = new Side();
    await connectFramed(peerWire, {
      connect: (socket) => Bun.connect({ hostname: "127.0.0.1", port, socket }),
      timeoutMs: 5000,
      accept: caller.accept,
      traffic,
    });
    caller.socket?.send({ type: "HAVE", block });
    await callee.until(() => callee.messages.length === block);
  }
  expect(traffic.sent.HAVE).toBe(2);
});

test("a slow reader stops the sender, and gets everything in order when it reads on", async () => {
  const blocks = 64;
  let next = 0;
  const caller = new Side({
    onPayloadSent: () => {
      if (next < blocks) {
        sendNext();
      }
    },
  });
  const sendNext = () => {
    caller.socket?.sendPayload(blockOf(MAX_UNIT_BYTES, next), (into) => into.fill(next));
    caller.socket?.send({ type: "HAVE", block: next++ });
  };
  const { callee, from, to } = await connected({ caller });
  to.pause();
  sendNext();
  // the kernel's buffers are full once a payload stays in flight while the loop turns and turns
  let stuckTurns = 0;
  for (let seen = -1; stuckTurns < 50; seen = next) {
    await new Promise(setImmediate);
    stuckTurns = from.sendingPayload && seen === next ? stuckTurns + 1 : 0;
  }
  expect(next).toBeLessThan(blocks);
  expect(callee.payloadBytes).toBeLessThan(blocks * MAX_UNIT_BYTES);

  to.resume();
  await callee.until(() => callee.messages.length === 2 * blocks);
  expect(callee.payloadBytes).toBe(blocks * MAX_UNIT_BYTES);
  const expected = Array.from({ length: blocks }, (_, block) => [
    blockOf(MAX_UNIT_BYTES, block),
    { type: "HAVE", block } as const,
  ]);
  expect(callee.messages).toEqual(expected.flat());
});

test("pausing can be asked twice, and after the end", async () => {
  const { callee, from, to } = await connected();
  to.pause();
  to.pause();
  expect(to.paused).toBe(true);
  from.send({ type: "CHOKE" });
  to.resume();
  await callee.until(() => callee.messages.length === 1);
  from.terminate("test over");
  await callee.end();
  to.pause();
  to.resume();
  expect(to.paused).toBe(false);
});

test("a payload is reported as sent in a later turn, never from inside sendPayload", async () => {
  const { caller, from } = await connected();
  from.sendPayload(blockOf(1), (into) => into.fill(1));
  expect(from.sendingPayload).toBe(false);
  await Promise.resolve(); // promises settle within the turn
  expect(caller.sent).toEqual([]);
  await caller.until(() => caller.sent.length === 1);
  expect(caller.sent).toEqual([blockOf(1)]);
});

test("a side that never reads is cut off before it fills our memory", async () => {
  const { caller, callee, from, to } = await connected();
  to.pause();
  const enough = (4 * MAX_QUEUED_SEND_BYTES) / MANIFEST_SLICE.data.length;
  for (let i = 0; i < enough && from.open; i++) {
    from.send(MANIFEST_SLICE);
  }
  expect(from.open).toBe(false);
  expect((await caller.end()).cause).toBe("overflow");
  to.resume();
  expect((await callee.end()).cause).toBe("failed");
});

test("nonsense closes its own link after a last word, and no other", async () => {
  const callee = new Side({ onProtocolError: () => callee.socket?.send({ type: "KEEP_ALIVE" }) });
  const { socket, ended, port } = await untrustedPeer(callee);
  socket.write(Buffer.concat([peerWire.encode({ type: "CHOKE" }), Buffer.from("GET / HTTP/1.1\r\n\r\n")]));
  expect(await ended).toEqual(Buffer.from(peerWire.encode({ type: "KEEP_ALIVE" })));
  const closed = await callee.end();
  expect(closed.cause).toBe("protocol");
  expect(callee.errors).toEqual([closed.detail]);
  expect(callee.messages).toEqual([{ type: "CHOKE" }]);

  const next = new Side();
  await connectFramed(peerWire, {
    connect: (handlers) => Bun.connect({ hostname: "127.0.0.1", port, socket: handlers }),
    timeoutMs: 5000,
    accept: next.accept,
  });
  next.socket?.send({ type: "UNCHOKE" });
  await callee.until(() => callee.messages.length === 2);
});

test("a handler may call what came a breach of the protocol", async () => {
  const callee = new Side({
    onMessage: () => {
      throw new ProtocolError("Cannot use block 9: the share has 3");
    },
  });
  const { caller, from } = await connected({ callee });
  from.send({ type: "HAVE", block: 9 });
  from.send({ type: "HAVE", block: 9 });
  expect(await callee.end()).toMatchObject({ cause: "protocol", detail: "Cannot use block 9: the share has 3" });
  expect((await caller.end()).cause).toBe("ended");
  expect(callee.errors).toHaveLength(1);
});

test("a payload that is cut off tells how much of it came", async () => {
  for (const how of ["end", "terminate"] as const) {
    const callee = new Side();
    const { socket } = await untrustedPeer(callee);
    socket.write(Buffer.concat([peerWire.encode(blockOf(1000)), Buffer.alloc(400)]));
    await callee.until(() => callee.payloadBytes === 400);
    socket[how]();
    expect(await callee.end()).toMatchObject({
      cause: how === "end" ? "ended" : "failed",
      payload: { message: blockOf(1000), handedBytes: 400 },
    });
  }
});

test("after close nothing is handed on, not even from the same chunk", async () => {
  const callee = new Side({ onMessage: () => callee.socket?.close("enough") });
  const { caller, from, to } = await connected({ callee });
  from.send({ type: "CHOKE" });
  from.send({ type: "UNCHOKE" });
  expect(await callee.end()).toEqual({ cause: "closed", detail: "enough", payload: undefined });
  expect(callee.messages).toEqual([{ type: "CHOKE" }]);
  expect((await caller.end()).cause).toBe("ended");
  to.send({ type: "CHOKE" });
  to.sendPayload(blockOf(1), () => {
    throw new Error("not asked for");
  });
  to.close("again");
  to.terminate("again");
  await new Promise(setImmediate);
  expect(callee.closed).toHaveLength(1);
});

test("what was sent before close arrives, although the closing side never reads what it is sent", async () => {
  const { caller, callee, from, to } = await connected();
  from.pause();
  for (let i = 0; i < 8; i++) {
    to.send(MANIFEST_SLICE);
    from.send(MANIFEST_SLICE);
  }
  from.sendPayload(blockOf(3), (into) => into.fill(1));
  const startMs = performance.now();
  from.close("last words said");
  expect(from.open).toBe(false);
  expect(caller.closed).toEqual([]);
  await callee.end();
  expect(callee.messages).toHaveLength(9);
  expect(callee.payloadBytes).toBe(3);
  expect((await caller.end()).cause).toBe("closed");
  expect(caller.messages).toEqual([]);
  // it did not sit out the time a side that hangs is given
  expect(performance.now() - startMs).toBeLessThan(CLOSE_TIMEOUT_MS);
});

test("close does not wait for ever for a side that hangs", async () => {
  const { caller, from, to } = await connected();
  to.pause();
  from.close("time to go");
  expect(await caller.end()).toMatchObject({ cause: "closed", detail: "time to go" });
});

test("a connection refused in accept is closed properly", async () => {
  const callee = new Side();
  const accept = (socket: Socket) => {
    const handlers = callee.accept(socket);
    socket.terminate("no room");
    return handlers;
  };
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: framed(peerWire, { accept }) });
  cleanups.push(() => listener.stop(true));
  const caller = new Side();
  await connectFramed(peerWire, {
    connect: (socket) => Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket }),
    timeoutMs: 5000,
    accept: caller.accept,
  });
  expect(await callee.end()).toMatchObject({ cause: "closed", detail: "no room" });
  expect((await caller.end()).cause).toBe("failed");
});

const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === "::1"));

test.skipIf(!hasIpv6)("IPv6 works and is written with brackets, IPv4 in its clothes as IPv4", async () => {
  const callee = new Side();
  const port = listenAs(callee, "::");
  for (const [hostname, remote] of [
    ["::1", /^\[::1\]:\d+$/],
    ["127.0.0.1", /^127\.0\.0\.1:\d+$/],
  ] as const) {
    callee.socket = undefined;
    const caller = new Side();
    await connectFramed(peerWire, {
      connect: (socket) => Bun.connect({ hostname, port, socket }),
      timeoutMs: 5000,
      accept: caller.accept,
    });
    await callee.until(() => callee.socket !== undefined);
    expect((callee.socket as Socket | undefined)?.remote).toMatch(remote);
  }
});
