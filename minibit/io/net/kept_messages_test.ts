/** What comes through a real socket and is kept beyond its turn: the socket hands over Buffers, and gives their memory back. */
import { expect, test } from "bun:test";
import { Bitfield } from "../../core/share/bitfield.ts";
import type { ControlMessageOf, MessageOf, MessageTable, Wire } from "../../core/wire/message_table.ts";
import { type PeerMessage, peerWire } from "../../core/wire/peer_wire.ts";
import { type TrackerMessage, trackerWire } from "../../core/wire/tracker_wire.ts";
import { framed } from "./framed_socket.ts";

/** Sends all messages in one write, and looks at what came of them once all are there. */
async function sentAndKept<T extends MessageTable>(wire: Wire<T>, sent: readonly ControlMessageOf<T>[]) {
  const kept: ControlMessageOf<T>[] = [];
  const { promise: allCame, resolve } = Promise.withResolvers<void>();
  const accept = () => ({
    onMessage(message: ControlMessageOf<T>): void {
      kept.push(message);
      if (kept.length === sent.length) {
        setImmediate(resolve);
      }
    },
  });
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: framed(wire, { accept }) });
  const socket = await Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket: { data: () => undefined } });
  try {
    const stream = Buffer.concat(sent.map((message) => wire.encode(message as MessageOf<T>)));
    expect(socket.write(stream)).toBe(stream.length);
    await allCame;
  } finally {
    socket.terminate();
    listener.stop(true);
  }
  return kept;
}

test("greetings and slices of a manifest that lie whole in a chunk outlive it, whatever follows them", async () => {
  const sent = Array.from({ length: 40 }, (_, i): Exclude<PeerMessage, PeerMessage<"BLOCK">>[] => [
    { type: "HELLO", version: 1, swarmId: new Uint8Array(32).fill(i), peerId: i },
    { type: "MANIFEST", offset: i, totalBytes: 40, data: new Uint8Array(500 + 50 * i).fill(i) },
  ]).flat();
  expect(await sentAndKept(peerWire, sent)).toEqual(sent);
});

test("a peer's registration with many blocks outlives its chunk: swarm id, share and blocks", async () => {
  const blocks = new Bitfield(16_384);
  for (let block = 0; block < blocks.size; block += 3) {
    blocks.add(block);
  }
  const share = { name: "a share", sizeBytes: 16_777_216, blockSizeBytes: 1024, blockCount: blocks.size };
  const sent = Array.from(
    { length: 5 },
    (_, peerId): TrackerMessage<"REGISTER"> => ({
      ...{ type: "REGISTER", version: 1, name: `peer ${peerId}`, hosts: ["127.0.0.1"], port: 6000 },
      ...{ swarmId: new Uint8Array(32).fill(peerId), share, peerId, blocks, instance: peerId, done: false },
    }),
  );
  const kept = (await sentAndKept(trackerWire, sent)) as TrackerMessage<"REGISTER">[];
  expect(kept.map(({ swarmId }) => swarmId)).toEqual(sent.map(({ swarmId }) => swarmId));
  expect(kept.map((register) => [register.peerId, register.name, register.share])).toEqual(
    sent.map((register) => [register.peerId, register.name, register.share]),
  );
  for (const register of kept) {
    expect(Buffer.compare(register.blocks.bytes, blocks.bytes)).toBe(0);
    expect(register.blocks.count).toBe(blocks.count);
  }
});
