/** Whatever untrusted peers send to an open port: that connection ends, the process lives and serves the others. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { MAX_CONTROL_FRAME_BYTES, PROTOCOL_VERSION } from "../minibit/core/base/limits.ts";
import { createRng } from "../minibit/core/base/rng.ts";
import { randomBytes, readTree } from "../minibit/io/testing/temp_share.ts";
import { RawPeer } from "./support/raw_peer.ts";
import { HOST, useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const SAMPLE = join(import.meta.dir, "..", "arquivos");

const bed = useTestBed();

/** A frame with a length that may lie. */
function frame(type: number, body: Uint8Array, lengthBytes = body.length + 1): Uint8Array {
  const bytes = new Uint8Array(5 + body.length);
  new DataView(bytes.buffer).setUint32(0, lengthBytes);
  bytes[4] = type;
  bytes.set(body, 5);
  return bytes;
}

/** What is no message of either protocol. */
const NONSENSE: { readonly [what: string]: Uint8Array } = {
  "an HTTP request": Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  "a TLS greeting": Buffer.from("16030100c8010000c403035f", "hex"),
  "random bytes": randomBytes(100_000),
  zeros: new Uint8Array(100_000),
  "a length of 4 GiB": frame(1, new Uint8Array(0), 0xffffffff),
  "a length just over the cap": frame(1, new Uint8Array(0), MAX_CONTROL_FRAME_BYTES + 2),
  "an unknown type": frame(200, new Uint8Array(4)),
  "a message that is cut short": frame(1, new Uint8Array(3)),
  "trailing bytes": frame(1, new Uint8Array(900)),
};

/** Sends bytes and waits until the other side has closed. */
async function expectHangUp(port: number, bytes: Uint8Array): Promise<void> {
  const { promise: closed, resolve: onClose } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: HOST,
    port,
    socket: { data: () => undefined, close: () => onClose(), error: () => onClose() },
  });
  socket.write(bytes);
  await closed;
}

/** Sends bytes and breaks off, without waiting for anything. */
async function sendAndBreakOff(port: number, bytes: Uint8Array): Promise<void> {
  const socket = await Bun.connect({ hostname: HOST, port, socket: { data: () => undefined, error: () => undefined } });
  socket.write(bytes);
  socket.terminate();
}

async function startSeed() {
  const tracker = await bed.tracker({ flags: ["--expect", "2"] });
  const seed = bed.peer(0, { tracker: tracker.address, flags: ["--source", SAMPLE] });
  const { port } = await seed.reported("ready");
  const { id } = await tracker.untilSwarm("the seed", ({ peers }) => peers.length === 1);
  const finish = async (): Promise<void> => {
    const leecher = bed.peer(1, { tracker: tracker.address });
    await leecher.succeeded();
    await seed.succeeded();
    expect(readTree(bed.path("reconstruido_peer_1"))).toEqual(readTree(SAMPLE));
    expect(tracker.script.running).toBe(true);
  };
  return { tracker, seed, port, swarmId: Uint8Array.fromHex(id), finish };
}

describe("a tracker and a peer", () => {
  test("hang up on nonsense, and the swarm goes on", async () => {
    const { tracker, port, finish } = await startSeed();
    for (const at of [tracker.port, port]) {
      for (const bytes of Object.values(NONSENSE)) {
        await sendAndBreakOff(at, bytes);
        await expectHangUp(at, bytes);
      }
    }
    await finish();
  });

  test("survive a flood of random frames", async () => {
    const { tracker, port, finish } = await startSeed();
    const rng = createRng(5);
    const flood: Promise<void>[] = [];
    for (let i = 0; i < 300; i++) {
      const body = randomBytes(rng.below(60), i);
      flood.push(sendAndBreakOff(i % 2 === 0 ? port : tracker.port, frame(1 + rng.below(20), body)));
    }
    await Promise.all(flood);
    await finish();
  });
});

describe("a peer", () => {
  test("hangs up on a neighbour that breaks the rules after a proper greeting", async () => {
    const { seed, port, swarmId, finish } = await startSeed();
    const RULES_BROKEN: readonly ((peer: RawPeer) => void)[] = [
      (peer) => peer.send({ type: "HELLO", version: PROTOCOL_VERSION, swarmId, peerId: peer.id }),
      (peer) => peer.send({ type: "REJECT", block: 0, offset: 0, length: 1024, reason: "choked" }),
      (peer) => peer.send({ type: "UPDATE_BLOCKS", blocks: [17] }),
      (peer) => peer.send({ type: "GET_MANIFEST", offset: 1_000_000 }),
      (peer) => peer.sendPayload({ type: "BLOCK", block: 0, offset: 0, length: 10 }, new Uint8Array(10)),
    ];
    for (const [i, breakRule] of RULES_BROKEN.entries()) {
      const peer = await RawPeer.call(port, { swarmId, id: 100 + i });
      bed.defer(() => peer.close());
      breakRule(peer);
      await until(`the seed to hang up on rule breaker ${i}`, () => peer.closed || undefined);
    }
    expect(seed.running).toBe(true);
    await finish();
  });

  test("answers requests for what is not there, and drops nobody for it", async () => {
    const { port, swarmId, finish } = await startSeed();
    const peer = await RawPeer.call(port, { swarmId, id: 50 });
    bed.defer(() => peer.close());
    peer.send({ type: "INTERESTED" });
    await peer.received("UNCHOKE");
    const WRONG = [
      { block: 17, offset: 0, length: 1024 },
      { block: 0xffffffff, offset: 0, length: 1024 },
      { block: 0, offset: 1000, length: 1024 },
      { block: 0, offset: 0xffffffff, length: 0xffffffff },
      { block: 0, offset: 0, length: 0 },
    ];
    for (const unit of WRONG) {
      peer.send({ type: "REQUEST", ...unit });
    }
    await peer.received("REJECT", WRONG.length);
    expect(peer.all("REJECT").map(({ block, offset, length, reason }) => ({ block, offset, length, reason }))).toEqual(
      WRONG.map((unit) => ({ ...unit, reason: "out of range" })),
    );
    expect(peer.all("BLOCK")).toEqual([]);
    await peer.caughtUp();
    await finish();
  });

  test("is not held up by one who asks for much and reads nothing", async () => {
    const { port, swarmId, finish } = await startSeed();
    const greedy = await RawPeer.call(port, { swarmId, id: 60 });
    bed.defer(() => greedy.close());
    greedy.send({ type: "INTERESTED" });
    await greedy.received("UNCHOKE");
    greedy.pause();
    for (let i = 0; i < 2000; i++) {
      greedy.request(i % 17, i % 17 === 16 ? 500 : 1024);
    }
    await finish();
  });
});
