import { expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_DUPLICATE_RATIO } from "../base/limits.ts";
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import { type MemoryPeer, MemorySwarm } from "../testing/memory_swarm.ts";
import { watchSwarm } from "../testing/watch_swarm.ts";

const uplink = fc.constantFrom(100_000, 1_000_000, 3_000_000, Number.POSITIVE_INFINITY);

const scenarios = fc.record({
  seed: fc.nat(1e6),
  blockSizeBytes: fc.constantFrom(700, 16_384, 40_000),
  blocks: fc.integer({ min: 1, max: 30 }),
  shortBy: fc.nat(699),
  latencyMs: fc.constantFrom(0.1, 1, 15),
  uplinks: fc.array(uplink, { minLength: 2, maxLength: 8 }),
  /** Who hears of whom at the start: a bit a pair. */
  acquainted: fc.nat(2 ** 28 - 1),
  /** Part of the blocks that was dealt, in percent. */
  dealt: fc.constantFrom(0, 0, 20),
  liar: fc.option(fc.nat(7), { nil: undefined }),
  freeRider: fc.option(fc.nat(7), { nil: undefined }),
  /** Kills and late arrivals, by how far the swarm is then. */
  churn: fc.array(fc.record({ atCount: fc.nat(120), victim: fc.nat(8), isLate: fc.boolean() }), { maxLength: 4 }),
});

type Scenario = typeof scenarios extends fc.Arbitrary<infer T> ? T : never;

function build(scenario: Scenario): MemorySwarm {
  const { seed, blocks, blockSizeBytes, latencyMs, uplinks, dealt, liar, freeRider } = scenario;
  const swarm = new MemorySwarm(new Geometry(blocks * blockSizeBytes - scenario.shortBy, blockSizeBytes), {
    latencyMs,
    tracked: true,
  });
  uplinks.forEach((uplinkBytesPerSecond, id) => {
    const have = new Bitfield(blocks);
    for (let block = 0; block < blocks; block++) {
      if (id === 0 || (seed + 31 * block + 17 * id) % 100 < dealt) {
        have.add(block);
      }
    }
    const lies = id > 0 && id === liar ? { lies: (block: number) => block % 3 === 0 } : {};
    const slots = id > 0 && id === freeRider ? { slots: 0 } : {};
    swarm.add({ uplinkBytesPerSecond, seed, ...(have.count > 0 ? { have } : {}), ...lies, ...slots });
  });
  let bit = 0;
  for (const peer of swarm.peers) {
    const others = swarm.peers.slice(0, peer.id).filter(() => ((scenario.acquainted >> (bit++ % 28)) & 1) === 1);
    swarm.introduce(peer, others);
  }
  return swarm;
}

function heldBy(peers: readonly MemoryPeer[]): number {
  return peers.reduce((sum, { core }) => sum + (core.session?.have.count ?? 0), 0);
}

/** Whether the swarm can finish without `victim`: honest peers that give hold every block. */
function canSpare(swarm: MemorySwarm, victim: MemoryPeer): boolean {
  const rest = honest(swarm).filter((peer) => peer !== victim && peer.options.slots !== 0);
  const blocks = Array.from({ length: swarm.geometry.blockCount }, (_, block) => block);
  return rest.length > 1 && blocks.every((block) => rest.some(({ core }) => core.session?.have.has(block) === true));
}

/** Those that live and do not lie. */
function honest(swarm: MemorySwarm): MemoryPeer[] {
  return swarm.peers.filter(({ alive, options }) => alive && options.lies === undefined);
}

function allHonestDone(swarm: MemorySwarm): boolean {
  return honest(swarm).every(({ core }) => core.session?.have.complete === true);
}

test("in whatever swarm: the rules hold at every step, and all honest survivors finish", () => {
  fc.assert(
    fc.property(scenarios, (scenario) => {
      const swarm = build(scenario);
      const watched = watchSwarm(swarm);
      for (const { atCount, victim, isLate } of scenario.churn) {
        swarm.run(() => allHonestDone(swarm) || heldBy(swarm.peers) >= atCount);
        const peer = swarm.peers[victim % swarm.peers.length] as MemoryPeer;
        if (isLate) {
          swarm.introduce(swarm.add({ seed: scenario.seed, uplinkBytesPerSecond: 1e6 }), swarm.peers);
        } else if (peer.alive && canSpare(swarm, peer)) {
          swarm.kill(peer);
        }
      }
      swarm.run(() => allHonestDone(swarm));
      swarm.runFor(2000);
      if (scenario.liar === undefined) {
        watched.checkAnswered(); // a liar may still be asking
      }
      const isTroubled = swarm.peers.some(({ events }) =>
        events.some(({ kind }) => kind === "snubbed" || kind === "banned"),
      );
      for (const { core, id, options } of honest(swarm)) {
        expect([...(core.session?.scheduler.fetching() ?? [])]).toEqual([]);
        expect(core.session?.scheduler.remainingBytes).toBe(0);
        const limit = MAX_DUPLICATE_RATIO * swarm.geometry.sizeBytes;
        const isOver = (core.session?.scheduler.duplicateBytes ?? 0) > limit;
        expect({ id, options, isOver: isOver && !isTroubled }).toEqual({ id, options, isOver: false });
      }
      for (const { core, events } of swarm.peers) {
        for (const event of events) {
          expect(event.kind === "banned" && event.peerId !== scenario.liar).toBe(false);
          expect(event.kind === "refused" && event.reason === "protocol error").toBe(false);
        }
        expect(core.hashFailures === 0 || scenario.liar !== undefined).toBe(true);
      }
    }),
    { numRuns: 300, includeErrorInReport: true, endOnFailure: true },
  );
}, 60_000);
