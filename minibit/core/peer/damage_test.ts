/** Damage at rest: what becomes of blocks that were right once, and of honest peers that give them away. */
import { expect, test } from "bun:test";
import { ADMISSION_MS, MISSING_TOLD_MS, REDIAL_MS } from "../base/limits.ts";
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import { type MemoryPeer, type MemoryPeerOptions, MemorySwarm } from "../testing/memory_swarm.ts";
import { ScriptedPeer } from "../testing/scripted_peer.ts";
import { watchSwarm } from "../testing/watch_swarm.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";

const UNIT = 1024;
const BLOCKS = 8;
const GEOMETRY = new Geometry(BLOCKS * UNIT, UNIT);

/** A peer with all blocks, whose neighbour 9 on link 1 holds none and may ask. */
function givingSeed(): ScriptedPeer {
  const peer = new ScriptedPeer();
  peer.open(GEOMETRY, Bitfield.full(BLOCKS));
  peer.greet(1, 9);
  peer.say(1, { type: "GET_BLOCKS" });
  peer.say(1, { type: "BLOCKS", blocks: new Bitfield(BLOCKS) });
  peer.say(1, { type: "INTERESTED" });
  return peer;
}

function request(block: number): PeerMessage<"REQUEST"> {
  return { type: "REQUEST", block, offset: 0, length: UNIT };
}

/** A peer without blocks that asks neighbour 9 on link 1, who holds all. */
function asking(): ScriptedPeer {
  const peer = new ScriptedPeer();
  peer.open(GEOMETRY, new Bitfield(BLOCKS));
  peer.greet(1, 9);
  peer.say(1, { type: "BLOCKS", blocks: Bitfield.full(BLOCKS) });
  peer.say(1, { type: "UNCHOKE" });
  return peer;
}

/** The first block that comes from neighbour 9 has a wrong hash; returns which. */
function spoil(peer: ScriptedPeer): number {
  const [unit] = peer.sent(1, "REQUEST") as [PeerMessage<"REQUEST">];
  peer.say(1, { ...unit, type: "BLOCK" }, UNIT);
  peer.input({ type: "block_corrupt", block: unit.block, culprit: 9 });
  return unit.block;
}

/** A seed, number 0, and leechers that all know each other. */
function swarmOf(leechers: number, options: { readonly seed?: MemoryPeerOptions; readonly copy?: boolean } = {}) {
  const swarm = new MemorySwarm(new Geometry(64 * 16_384, 16_384), { tracked: true });
  const source = swarm.add({ have: Bitfield.full(64), uplinkBytesPerSecond: 1e6, ...options.seed });
  if (options.copy === true) {
    swarm.add({ have: Bitfield.full(64), uplinkBytesPerSecond: 1e6 });
  }
  for (let i = 0; i < leechers; i++) {
    swarm.add({ uplinkBytesPerSecond: 1e6 });
  }
  swarm.introduceAll();
  watchSwarm(swarm);
  return { swarm, source };
}

function events(peers: readonly MemoryPeer[], kind: string): unknown[] {
  return peers.flatMap((peer) => peer.events.filter((event) => event.kind === kind));
}

test("a seed that is told of a bad block looks at it again, and stops giving what it cannot mend", () => {
  const peer = givingSeed();
  peer.greet(2, 8);
  peer.say(2, { type: "GET_BLOCKS" });
  peer.say(1, { type: "BAD_BLOCK", block: 3 });
  expect(peer.outputs).toContainEqual({ type: "check_block", block: 3, link: 1 });
  peer.input({ type: "block_checked", block: 3, health: "withdrawn", link: 1 });
  expect(peer.events("damaged")).toEqual([{ kind: "damaged", block: 3, health: "withdrawn" }]);
  for (const link of [1, 2]) {
    expect(peer.sent(link, "LOST_BLOCKS")[0]).toEqual({ type: "LOST_BLOCKS", blocks: [3] });
  }
  peer.say(2, { type: "BLOCKS", blocks: new Bitfield(BLOCKS) });
  peer.say(2, { type: "INTERESTED" });
  peer.say(2, request(3));
  expect(peer.sent(2, "REJECT").at(-1)).toMatchObject({ block: 3, reason: "not held" });
  peer.say(2, { type: "HAVE", block: 3 });
  expect(peer.sent(2, "HAS")).toEqual([{ type: "HAS", block: 3, held: false }]);
  peer.greet(4, 7);
  peer.say(4, { type: "GET_BLOCKS" });
  const [told] = peer.sent(4, "BLOCKS");
  expect([...(told?.blocks ?? [])]).toEqual([0, 1, 2, 4, 5, 6, 7]);
  expect(peer.sent(4, "SUGGEST").some(({ blocks }) => blocks.includes(3))).toBe(false);
});

test("what waits in the queue of a damaged block is refused, and what was to be read as well", () => {
  const peer = givingSeed();
  peer.say(1, request(3));
  expect(peer.outputs).toContainEqual({ type: "serve_unit", link: 1, unit: { block: 3, offset: 0, length: UNIT } });
  peer.say(1, request(4));
  peer.input({ type: "block_checked", block: 3, health: "withdrawn" });
  peer.input({ type: "unit_lost", link: 1 });
  expect(peer.sent(1, "REJECT")).toMatchObject([{ block: 3, reason: "not held" }]);
  expect(peer.outputs).toContainEqual({ type: "serve_unit", link: 1, unit: { block: 4, offset: 0, length: UNIT } });
});

test("a leecher that lost a block fetches it again, and gives it again then", () => {
  const peer = new ScriptedPeer();
  peer.open(GEOMETRY, Bitfield.full(BLOCKS));
  peer.greet(1, 9);
  peer.say(1, { type: "GET_BLOCKS" });
  peer.say(1, { type: "BLOCKS", blocks: Bitfield.full(BLOCKS) });
  peer.say(1, { type: "UNCHOKE" });
  peer.input({ type: "block_checked", block: 5, health: "lost" });
  expect(peer.core.session?.scheduler.remainingBytes).toBe(UNIT);
  expect(peer.sent(1, "REQUEST")).toEqual([request(5)]);
  peer.say(1, { ...request(5), type: "BLOCK" }, UNIT);
  peer.input({ type: "block_stored", block: 5 });
  peer.say(1, { type: "HAVE", block: 5 });
  expect(peer.sent(1, "HAS")).toEqual([{ type: "HAS", block: 5, held: true }]);
  expect(peer.outputs.filter(({ type }) => type === "done")).toHaveLength(1); // it was complete before
});

test("nothing is asked of a neighbour that lost the block, until it says that it has it again", () => {
  const peer = new ScriptedPeer();
  peer.open(GEOMETRY, new Bitfield(BLOCKS));
  peer.greet(1, 9);
  peer.say(1, { type: "BLOCKS", blocks: Bitfield.full(BLOCKS) });
  peer.say(1, { type: "LOST_BLOCKS", blocks: [0, 1, 2, 3, 4, 5, 6, 7] });
  expect(peer.sent(1, "NOT_INTERESTED")).toHaveLength(1);
  peer.say(1, { type: "UNCHOKE" });
  expect(peer.sent(1, "REQUEST")).toEqual([]);
  peer.say(1, { type: "UPDATE_BLOCKS", blocks: [6] });
  expect(peer.sent(1, "REQUEST")).toEqual([request(6)]);
  peer.say(1, { type: "LOST_BLOCKS", blocks: [8] });
  expect(peer.dropped(1)).toBe("protocol error");
});

test("who says itself that its copy is damaged gets a second chance, and no third", () => {
  const peer = asking();
  const block = spoil(peer);
  expect(peer.events("banned")).toHaveLength(1);
  peer.say(1, { type: "LOST_BLOCKS", blocks: [block] });
  expect(peer.events("forgiven")).toEqual([{ kind: "forgiven", peerId: 9, block }]);
  expect(peer.dropped(1)).toBe("forgiven");

  peer.greet(2, 9);
  const left = Bitfield.full(BLOCKS);
  left.delete(block);
  peer.say(2, { type: "BLOCKS", blocks: left });
  peer.say(2, { type: "UNCHOKE" });
  const [again] = peer.sent(2, "REQUEST") as [PeerMessage<"REQUEST">];
  expect(again.block).not.toBe(block);
  peer.say(2, { ...again, type: "BLOCK" }, UNIT);
  peer.input({ type: "block_corrupt", block: again.block, culprit: 9 });
  expect(peer.dropped(2)).toBe("banned");
  peer.greet(3, 9);
  expect(peer.dropped(3)).toBe("banned");
});

test("nothing else that an accused neighbour sends counts, and a second complaint on a link ends it", () => {
  const peer = asking();
  const block = spoil(peer);
  const [, second] = peer.sent(1, "REQUEST") as PeerMessage<"REQUEST">[];
  expect(peer.say(1, { ...(second as PeerMessage<"REQUEST">), type: "BLOCK" }, UNIT)).toEqual([]);
  expect(peer.say(1, { type: "UPDATE_BLOCKS", blocks: [block] })).toEqual([]);
  expect(peer.say(1, { type: "LOST_BLOCKS", blocks: [(block + 1) % BLOCKS] })).toEqual([]);

  peer.runTo(ADMISSION_MS + 1000);
  expect(peer.dropped(1)).toBe("banned");
  peer.greet(2, 9);
  expect(peer.dropped(2)).toBe("banned");

  const giver = givingSeed();
  giver.say(1, { type: "BAD_BLOCK", block: 3 });
  giver.input({ type: "block_checked", block: 3, health: "intact", link: 1 });
  expect(giver.sent(1, "LOST_BLOCKS")).toEqual([]); // it is right, so nothing is admitted
  giver.say(1, { type: "BAD_BLOCK", block: 4 });
  expect(giver.dropped(1)).toBe("protocol error");
});

test("a receiver whose only source is banned says what is missing and why, once", () => {
  const peer = asking();
  const block = spoil(peer);
  peer.runTo(ADMISSION_MS + 2 * MISSING_TOLD_MS);
  expect(peer.events("missing")).toEqual([{ kind: "missing", blocks: BLOCKS, block, peerId: 9, how: "wrong hash" }]);
});

test("a receiver whose only source lost a block says so too, and not when it comes back at once", () => {
  const peer = asking();
  peer.say(1, { type: "LOST_BLOCKS", blocks: [7] });
  peer.say(1, { type: "UPDATE_BLOCKS", blocks: [7] });
  peer.runTo(2 * MISSING_TOLD_MS);
  expect(peer.events("missing")).toEqual([]);
  peer.say(1, { type: "LOST_BLOCKS", blocks: [7] });
  peer.runTo(4 * MISSING_TOLD_MS);
  expect(peer.events("missing")).toEqual([{ kind: "missing", blocks: 1, block: 7, peerId: 9, how: "lost" }]);
});

test("one block of the only seed is damaged, and it has the source: all finish, nobody is banned for good", () => {
  const { swarm, source } = swarmOf(5, { seed: { mends: true } });
  source.rotten.add(17);
  swarm.run(() => swarm.allDone());
  const others = swarm.peers.slice(1);
  expect(events(others, "banned").length).toBeGreaterThan(0);
  expect(events(others, "forgiven")).toHaveLength(events(others, "banned").length);
  expect(events([source], "damaged")).toHaveLength(1);
  expect(swarm.nowMs).toBeLessThan(64 * 16.4 + REDIAL_MS + 2000); // a dial again, and not much more
});

test("a block of one copy among several is damaged: it is fetched again by who lost it, and all finish", () => {
  const { swarm, source } = swarmOf(4, { copy: true });
  source.rotten.add(17);
  source.rotten.add(18);
  swarm.run(() => swarm.allDone());
  expect(swarm.peers.every(({ core }) => core.session?.have.complete === true)).toBe(true);
});
