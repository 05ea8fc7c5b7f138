import { expect, test } from "bun:test";
import { MAX_DUPLICATE_RATIO } from "../base/limits.ts";
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import { type MemoryPeer, type MemoryPeerOptions, MemorySwarm } from "../testing/memory_swarm.ts";
import { watchSwarm } from "../testing/watch_swarm.ts";

const KIB = 1024;
const RATE = 1_000_000;

/** A seed and some leechers, all acquainted. */
function swarmOf(options: {
  readonly blocks: number;
  readonly blockSizeBytes: number;
  readonly leechers: number;
  readonly uplinks?: (peer: number) => number;
  readonly latencyMs?: number;
  readonly seed?: number;
  readonly peer?: (id: number) => MemoryPeerOptions;
}) {
  const { blocks, blockSizeBytes, leechers, latencyMs = 0.5, seed = 1 } = options;
  const swarm = new MemorySwarm(new Geometry(blocks * blockSizeBytes, blockSizeBytes), { latencyMs });
  for (let id = 0; id <= leechers; id++) {
    const uplinkBytesPerSecond = options.uplinks?.(id) ?? RATE;
    const have = id === 0 ? { have: Bitfield.full(blocks) } : {};
    swarm.add({ ...have, uplinkBytesPerSecond, seed, ...options.peer?.(id) });
  }
  const watched = watchSwarm(swarm);
  swarm.introduceAll();
  return { swarm, watched, source: swarm.peers[0] as MemoryPeer };
}

function checkDuplicates(swarm: MemorySwarm): void {
  for (const { id, core } of swarm.peers) {
    const ratio = (core.session?.scheduler.duplicateBytes ?? 0) / Math.max(1, swarm.geometry.sizeBytes);
    expect({ id, isOver: ratio > MAX_DUPLICATE_RATIO }).toEqual({ id, isOver: false });
  }
}

for (const [name, blocks, blockSizeBytes, leechers] of [
  ["one block", 1, 1000, 3],
  ["a small text", 17, KIB, 4],
  ["a thousand blocks", 1024, 16 * KIB, 6],
] as const) {
  test(`a swarm completes: ${name}`, () => {
    const { swarm, watched } = swarmOf({ blocks, blockSizeBytes, leechers });
    swarm.run(() => swarm.allDone());
    checkDuplicates(swarm);
    swarm.runFor(1000);
    watched.checkAnswered();
    for (const peer of swarm.peers) {
      expect(peer.doneAtMs).toBeNumber();
      expect(peer.core.hashFailures).toBe(0);
    }
  });
}

test("an empty share is done as soon as it is known", () => {
  const { swarm } = swarmOf({ blocks: 0, blockSizeBytes: KIB, leechers: 2 });
  swarm.run(() => swarm.allDone());
  expect(swarm.peers.map(({ doneAtMs }) => doneAtMs === undefined)).toEqual([false, false, false]);
});

test("the last block may be shorter", () => {
  const swarm = new MemorySwarm(new Geometry(10 * KIB + 1, KIB), {});
  swarm.add({ have: Bitfield.full(11) });
  swarm.add();
  watchSwarm(swarm);
  swarm.introduceAll();
  swarm.run(() => swarm.allDone());
  expect(swarm.peers[0]?.servedBytes).toBe(10 * KIB + 1);
});

for (const [name, blocks, blockSizeBytes, uplink] of [
  ["a small text", 17, KIB, RATE],
  ["a small text, no limit", 17, KIB, Number.POSITIVE_INFINITY],
  ["few large blocks", 64, 256 * KIB, 2 * RATE],
  ["many blocks", 512, 16 * KIB, RATE],
  ["many blocks, no limit", 512, 16 * KIB, Number.POSITIVE_INFINITY],
] as const) {
  test(`8 leechers: the seed sends hardly anything twice before all exists elsewhere: ${name}`, () => {
    for (const seed of [1, 2]) {
      const { swarm, watched } = swarmOf({ blocks, blockSizeBytes, leechers: 8, uplinks: () => uplink, seed });
      swarm.run(() => swarm.allDone());
      const oneBlock = 1 / blocks;
      expect((watched.bytesToCoverage ?? 0) / swarm.geometry.sizeBytes).toBeWithin(1, 1.03 + oneBlock);
      checkDuplicates(swarm);
    }
  });
}

test("8 leechers: the whole takes little more than the bound", () => {
  const blocks = 512;
  const { swarm, watched } = swarmOf({ blocks, blockSizeBytes: 16 * KIB, leechers: 8 });
  swarm.run(() => swarm.allDone());
  const boundMs = (swarm.geometry.sizeBytes / RATE) * 1000;
  expect(swarm.nowMs / boundMs).toBeWithin(1, 1.05);
  const perBlock = (watched.messages.get("CHOKE") ?? 0) / (8 * blocks);
  expect(perBlock).toBeLessThan(0.5); // slots do not flap
});

test("unequal uplinks: still everybody finishes near the bound, and nobody gets over 1 % twice", () => {
  const uplinks = (id: number): number => (id === 0 ? RATE : RATE * ([0.25, 0.5, 1, 2][id % 4] ?? 1));
  const { swarm } = swarmOf({ blocks: 512, blockSizeBytes: 16 * KIB, leechers: 8, uplinks });
  swarm.run(() => swarm.allDone());
  expect(swarm.nowMs / ((swarm.geometry.sizeBytes / RATE) * 1000)).toBeWithin(1, 1.15);
  checkDuplicates(swarm);
});

test("at no moment more than 4 + 1 are unchoked, seen on the wire, though many want to be", () => {
  const { swarm, watched } = swarmOf({ blocks: 128, blockSizeBytes: 16 * KIB, leechers: 14 });
  swarm.run(() => swarm.allDone());
  expect(watched.mostUnchoked).toBe(5); // watchSwarm fails at 6
});

test("the seed dies once every block exists elsewhere: the others finish", () => {
  const { swarm, watched, source } = swarmOf({ blocks: 128, blockSizeBytes: 16 * KIB, leechers: 6 });
  swarm.run(() => watched.bytesToCoverage !== undefined);
  swarm.kill(source);
  swarm.run(() => swarm.allDone());
  expect(swarm.peers.slice(1).every(({ doneAtMs }) => doneAtMs !== undefined)).toBe(true);
});

test("a leecher dies half-way: what it was given and had not passed on is given again", () => {
  const { swarm } = swarmOf({ blocks: 128, blockSizeBytes: 16 * KIB, leechers: 3 });
  const [, victim] = swarm.peers as [MemoryPeer, MemoryPeer];
  swarm.run(() => (victim.core.session?.have.count ?? 0) > 40);
  swarm.kill(victim);
  swarm.run(() => swarm.allDone());
  expect(victim.doneAtMs).toBeUndefined();
});

test("a liar is banned by name by all it lied to, nobody stores its bytes, and all others finish", () => {
  const { swarm } = swarmOf({
    blocks: 128,
    blockSizeBytes: 16 * KIB,
    leechers: 5,
    peer: (id) => (id === 3 ? { lies: (block) => block % 20 === 0 } : {}),
  });
  const others = swarm.peers.filter(({ id }) => id !== 3);
  swarm.run(() => others.every(({ core }) => core.session?.have.complete === true));
  const bans = others.flatMap(({ events }) => events.filter((event) => event.kind === "banned"));
  expect(bans.length).toBeGreaterThan(0);
  expect(bans.every((event) => event.kind === "banned" && event.peerId === 3)).toBe(true);
  for (const { core, events } of others) {
    expect(events.filter(({ kind }) => kind === "banned").length).toBeLessThanOrEqual(1);
    expect(core.hashFailures > 0).toBe(events.some(({ kind }) => kind === "banned"));
  }
});

test("peers that hold dealt blocks at the start fetch only the rest", () => {
  const { swarm } = swarmOf({
    blocks: 64,
    blockSizeBytes: KIB,
    leechers: 3,
    peer: (id) => {
      const dealt = new Bitfield(64);
      for (let block = 0; block < 10; block++) {
        dealt.add(id * 10 + block);
      }
      return id === 0 ? {} : { have: dealt };
    },
  });
  swarm.run(() => swarm.allDone());
  for (const peer of swarm.peers.slice(1)) {
    expect([...peer.receivedBytes.keys()].some((block) => block >= peer.id * 10 && block < peer.id * 10 + 10)).toBe(
      false,
    );
  }
  expect(swarm.peers[0]?.servedBytes).toBeLessThanOrEqual(64 * KIB);
});

test("a latecomer gets its first blocks by ALLOW while all slots are taken", () => {
  const { swarm } = swarmOf({ blocks: 256, blockSizeBytes: 16 * KIB, leechers: 12 });
  swarm.run(() => (swarm.peers[1]?.core.session?.have.count ?? 0) > 60);
  const late = swarm.add({ uplinkBytesPerSecond: RATE });
  swarm.introduce(late, swarm.peers);
  swarm.run(() => [...late.core.liveLinks()].some(({ download }) => download.choked && download.allowed.size > 0));
  swarm.run(() => (late.core.session?.have.count ?? 0) >= 4);
  swarm.run(() => swarm.allDone());
});

test("upload and download limits are kept", () => {
  for (const limit of [{ uploadBytesPerSecond: 100_000 }, { downloadBytesPerSecond: 100_000 }]) {
    const { swarm } = swarmOf({ blocks: 40, blockSizeBytes: 16 * KIB, leechers: 1, peer: () => limit });
    swarm.run(() => swarm.allDone());
    const exactMs = (swarm.geometry.sizeBytes / 100_000) * 1000;
    expect(swarm.nowMs).toBeWithin(exactMs * 0.95, exactMs * 1.1);
  }
});

test("large blocks over slow uplinks: waiting for one's turn is not snubbing", () => {
  const { swarm } = swarmOf({ blocks: 16, blockSizeBytes: 1024 * KIB, leechers: 6, uplinks: () => 250_000 });
  swarm.run(() => swarm.allDone());
  const snubs = swarm.peers.flatMap(({ events }) => events.filter(({ kind }) => kind === "snubbed"));
  expect(snubs).toEqual([]);
});

test("slots and rates are reported", () => {
  const { swarm, source } = swarmOf({ blocks: 256, blockSizeBytes: 16 * KIB, leechers: 8 });
  swarm.run(() => swarm.nowMs > 1500);
  const stats = source.core.session?.stats(swarm.nowMs);
  expect(stats?.upBytesPerSecond).toBeWithin(RATE * 0.9, RATE * 1.1);
  expect(stats?.unchoked).toHaveLength(5);
  expect(stats?.optimistic).toHaveLength(1);
  expect(stats?.downBytes).toBe(0);
  const leecher = swarm.peers[1]?.core.session?.stats(swarm.nowMs);
  expect(leecher?.downBytes).toBeGreaterThan(0);
  expect(leecher?.duplicateBytes).toBeLessThan(MAX_DUPLICATE_RATIO * swarm.geometry.sizeBytes);
});

test("a peer without slots gives nothing, and completes like the others", () => {
  const { swarm } = swarmOf({
    blocks: 64,
    blockSizeBytes: 16 * KIB,
    leechers: 6,
    peer: (id) => (id === 3 ? { slots: 0 } : {}),
  });
  swarm.run(() => swarm.allDone());
  const rider = swarm.peers[3];
  expect(rider?.servedBytes).toBe(0);
  expect(rider?.core.session?.have.complete).toBe(true);
});
