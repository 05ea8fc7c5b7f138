/** Choking is enforced by who uploads, over real sockets: scripted neighbours against one real peer. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createRng } from "../minibit/core/base/rng.ts";
import { Bitfield } from "../minibit/core/share/bitfield.ts";
import { randomBytes } from "../minibit/io/testing/temp_share.ts";
import { RawPeer } from "./support/raw_peer.ts";
import type { Script } from "./support/script.ts";
import { useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const BLOCK_BYTES = 1024;
const BLOCKS = 256;
/** Four regular slots and an optimistic one. */
const SLOTS = 5;

const bed = useTestBed();
interface Seed {
  readonly script: Script;
  readonly port: number;
  readonly swarmId: Uint8Array;
}

async function startSeed(...flags: readonly string[]): Promise<Seed> {
  writeFileSync(bed.path("data.bin"), randomBytes(BLOCKS * BLOCK_BYTES));
  const tracker = await bed.tracker();
  const source = ["--source", bed.path("data.bin"), "--block-size", "1KiB"];
  const script = bed.peer(0, { tracker: tracker.address, flags: [...source, "--log-level", "debug", ...flags] });
  const { port } = await script.reported("ready");
  const { id } = await tracker.untilSwarm("the seed", ({ peers }) => peers.length === 1);
  return { script, port, swarmId: Uint8Array.fromHex(id) };
}

/** A neighbour that holds nothing. */
async function call(seed: Seed, id: number): Promise<RawPeer> {
  const peer = await RawPeer.call(seed.port, { ...seed, id });
  bed.defer(() => peer.close());
  peer.send({ type: "GET_BLOCKS" });
  await peer.received("GET_BLOCKS");
  peer.send({ type: "BLOCKS", blocks: new Bitfield(BLOCKS) });
  expect((await peer.received("BLOCKS")).blocks.count).toBe(BLOCKS);
  return peer;
}

test("who was never unchoked is rejected and served nothing", async () => {
  const seed = await startSeed();
  const peer = await call(seed, 1);
  for (const block of [0, 7, BLOCKS - 1]) {
    peer.request(block, BLOCK_BYTES);
  }
  await peer.received("REJECT", 3);
  expect(peer.all("REJECT").map(({ block, reason }) => [block, reason])).toEqual([
    [0, "choked"],
    [7, "choked"],
    [BLOCKS - 1, "choked"],
  ]);
  expect(peer.all("BLOCK")).toEqual([]);

  // the very same REQUEST is served once there is a slot
  peer.send({ type: "INTERESTED" });
  await peer.received("UNCHOKE");
  peer.request(7, BLOCK_BYTES);
  expect(await peer.received("BLOCK")).toMatchObject({ block: 7, offset: 0, length: BLOCK_BYTES });
});

test("of nine who want blocks five have a slot, the others get their allowed blocks and no more", async () => {
  const seed = await startSeed("--unchoke-interval", "1m");
  const peers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => call(seed, id)));
  for (const peer of peers) {
    peer.send({ type: "INTERESTED" });
    await peer.caughtUp();
  }
  const choked = peers.filter((peer) => !peer.unchoked);
  expect(choked).toHaveLength(peers.length - SLOTS);
  for (const peer of choked) {
    const { blocks: allowed } = await peer.received("ALLOW");
    expect(allowed).toHaveLength(4);
    const others = Array.from({ length: 16 }, (_, block) => block).filter((block) => !allowed.includes(block));
    for (const block of [...others, ...allowed]) {
      peer.request(block, BLOCK_BYTES);
    }
    await peer.received("REJECT", others.length);
    await peer.received("BLOCK", allowed.length);
    expect(peer.all("REJECT").map(({ block, reason }) => [block, reason])).toEqual(
      others.map((block) => [block, "choked"]),
    );
    expect(new Set(peer.all("BLOCK").map(({ block }) => block))).toEqual(new Set(allowed));
  }

  // a slot that falls free is filled at once, long before the next round
  const [leaver] = peers.filter((peer) => peer.unchoked);
  leaver?.close();
  await until("a vacancy to be filled", () => choked.some((peer) => peer.unchoked) || undefined);
});

test("never more than 4 + 1 are unchoked, whatever comes and goes", async () => {
  const seed = await startSeed("--unchoke-interval", "100ms", "--upload-limit", "512KiB/s");
  const peers: RawPeer[] = [];
  const unchoked = (): RawPeer[] => peers.filter((peer) => peer.unchoked && !peer.closed);
  const excesses: Promise<void>[] = [];
  let mostUnchoked = 0;
  const look = (): void => {
    if (unchoked().length <= SLOTS) {
      mostUnchoked = Math.max(mostUnchoked, unchoked().length);
      return;
    }
    // sockets are not read in the order in which they were written to: the CHOKE may be waiting in another one
    const checked = unchoked();
    excesses.push(
      Promise.all(checked.map((peer) => peer.caughtUp())).then(() => {
        expect(checked.filter((peer) => peer.unchoked).length).toBeLessThanOrEqual(SLOTS);
      }),
    );
  };
  const join = async (id: number): Promise<void> => {
    const peer = await call(seed, id);
    peers.push(peer);
    peer.onSlot = look;
    peer.send({ type: "INTERESTED" });
  };
  for (let id = 1; id <= 8; id++) {
    await join(id);
  }

  // everybody fetches what it may; now and then one loses interest, leaves or comes anew
  const rng = createRng(3);
  const changes = (): number =>
    seed.script.complaints.filter((line) => / is (regular|optimistic|choked) now/.test(line)).length;
  for (let step = 0; changes() < 150; step++) {
    for (const peer of peers.filter((peer) => peer.unchoked)) {
      peer.request(rng.below(BLOCKS), BLOCK_BYTES);
    }
    const peer = peers[rng.below(peers.length)];
    const deed = rng.below(10);
    if (deed === 0) {
      peer?.send({ type: "NOT_INTERESTED" });
    } else if (deed === 1) {
      peer?.close();
      await join(100 + step);
    } else {
      peer?.send({ type: "INTERESTED" });
    }
    await Promise.all(peers.filter((peer) => !peer.closed).map((peer) => peer.caughtUp()));
  }
  await Promise.all(excesses);
  expect(mostUnchoked).toBe(SLOTS);

  // nor in the order in which the peer sent it
  const held = new Set<string>();
  for (const line of seed.script.complaints) {
    const [, left = ""] = /link with peer (\d+) ended/.exec(line) ?? [];
    held.delete(left);
    const [, id = "", slot] = /peer (\d+) is (regular|optimistic|choked) now/.exec(line) ?? [];
    if (slot === "choked") {
      held.delete(id);
    } else if (slot !== undefined) {
      held.add(id);
    }
    expect(held.size).toBeLessThanOrEqual(SLOTS);
  }
});
