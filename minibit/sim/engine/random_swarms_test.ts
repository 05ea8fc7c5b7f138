/**
 * Swarms nobody would think of: random peers, links, limits and troubles, and rules that must hold in all of them.
 *
 * fast-check prints the seed and the smallest scenario it could shrink a failure to. MINIBIT_SCENARIO_SEED=n tries others.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_SLOTS } from "../../core/base/limits.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import type { SimPeerOptions } from "./sim_peer.ts";
import { Swarm, type SwarmOptions } from "./swarm.ts";
import { Watchdog } from "./watchdog.ts";

const RUNS = 520;
const SEED = Number(Bun.env["MINIBIT_SCENARIO_SEED"] ?? 4);
const KIB = 1024;
/** By then every time-out has passed several times: who has not finished never will. */
const END_MS = 10 * 60_000;
const ALL_BLOCKS = 16;
/** More events than any of these swarms needs: two peers that ask and refuse each other for ever are stopped. */
const MAX_EVENTS = 200_000;

interface Trouble {
  readonly atMs: number;
  readonly peer: number;
  readonly kind: "crash" | "power cut" | "crash and return";
}

interface Scenario {
  readonly share: SwarmOptions;
  /** The first one is the seed. */
  readonly peers: readonly SimPeerOptions[];
  readonly liars: readonly number[];
  readonly troubles: readonly Trouble[];
}

const rate = fc.constantFrom(20_000, 200_000, 5_000_000, Number.POSITIVE_INFINITY);

const share = fc.record({
  blockCount: fc.integer({ min: 1, max: ALL_BLOCKS }),
  blockSizeBytes: fc.constantFrom(1 * KIB, 16 * KIB, 40 * KIB),
  lastBlockLacksBytes: fc.nat(1000),
  seed: fc.nat(1_000_000),
  latencyMs: fc.constantFrom(0, 1, 20, 150),
  jitterMs: fc.constantFrom(0, 5, 200),
  sendBufferBytes: fc.constantFrom(0, 64 * KIB, 2048 * KIB),
  links: fc.constantFrom("shared" as const, "queued" as const),
  storeMs: fc.constantFrom(0, 3, 100),
  tracker: fc.constant(true),
});

const peer: fc.Arbitrary<SimPeerOptions> = fc
  .record({
    upBytesPerSecond: rate,
    downBytesPerSecond: rate,
    uploadBytesPerSecond: rate,
    downloadBytesPerSecond: rate,
    joinMs: fc.constantFrom(0, 0, 50, 2000),
    dealt: fc.option(fc.uniqueArray(fc.nat(ALL_BLOCKS - 1), { maxLength: 4 }), { nil: undefined, freq: 2 }),
    unchokeIntervalMs: fc.option(fc.constantFrom(50, 1000, 10_000), { nil: undefined, freq: 2 }),
    slots: fc.constantFrom(0, 1, DEFAULT_SLOTS, DEFAULT_SLOTS),
  })
  .map(({ dealt, unchokeIntervalMs, ...options }) => ({
    ...options,
    ...(dealt === undefined ? {} : { have: dealt }),
    ...(unchokeIntervalMs === undefined ? {} : { unchokeIntervalMs }),
  }));

const trouble: fc.Arbitrary<Trouble> = fc.record({
  atMs: fc.nat(8000),
  peer: fc.nat(7),
  kind: fc.constantFrom("crash", "power cut", "crash and return"),
});

function scenario(options: { readonly liars?: number; readonly troubles?: number; readonly peers?: number }) {
  return fc.record({
    share,
    peers: fc.array(peer, { minLength: 2, maxLength: options.peers ?? 6 }),
    liars: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: options.liars ?? 0 }),
    troubles: fc.array(trouble, { maxLength: options.troubles ?? 0 }),
  });
}

/** Plays a scenario to its end; returns how often a liar was found among several contributors. @throws when a rule is broken */
function play({ share: swarmOptions, peers, liars, troubles }: Scenario): number {
  const swarm = new Swarm(swarmOptions);
  const watchdog = new Watchdog();
  swarm.observer = watchdog;
  for (const [id, options] of peers.entries()) {
    const have =
      id === 0 ? "all" : options.have === "all" ? [] : options.have?.filter((b) => b < swarmOptions.blockCount);
    const { have: _, ...others } = options;
    swarm.add({
      ...others,
      ...(id === 0 ? { slots: DEFAULT_SLOTS } : {}),
      ...(have === undefined ? {} : { have }),
      ...(id > 0 && liars.includes(id) ? { lies: (block: number) => block % 2 === 0 } : {}),
    });
  }
  for (const { atMs, peer: id, kind } of troubles) {
    swarm.clock.at(atMs, id, () => strike(swarm, { id, kind }));
  }
  const lastTroubleMs = Math.max(0, ...troubles.map(({ atMs }) => atMs)) + 10_000;
  swarm.run(() => {
    expect(swarm.clock.events).toBeLessThan(MAX_EVENTS);
    return swarm.clock.nowMs >= END_MS || (swarm.clock.nowMs > lastTroubleMs && honestAreDone(swarm));
  });
  if (isWhole(swarm)) {
    expect(unfinished(swarm)).toEqual([]);
    const restMs = swarm.clock.nowMs + 10_000;
    swarm.run(() => swarm.clock.nowMs >= restMs);
    watchdog.atRest();
  }
  const banned = swarm.peers.flatMap((one) => one.banned);
  expect(banned.filter((id) => !liars.includes(id))).toEqual([]); // the honest are never blamed
  return swarm.peers.reduce((sum, { foundByEvidence }) => sum + foundByEvidence, 0);
}

function strike(swarm: Swarm, { id, kind }: { readonly id: number; readonly kind: Trouble["kind"] }): void {
  const victim = swarm.peers[id];
  if (victim?.isAlive !== true) {
    return;
  }
  swarm.kill(victim, { silent: kind === "power cut" });
  if (kind === "crash and return") {
    const { have: _, ...options } = victim.options;
    const held = victim.core.session?.have;
    const have = held === undefined ? {} : { have: [...held] };
    swarm.add({ ...options, ...have, joinMs: swarm.clock.nowMs + 500 }, id);
  }
}

/** Whether every block is held by somebody who lives, does not lie and gives. */
function isWhole(swarm: Swarm): boolean {
  const held = new Bitfield(swarm.geometry.blockCount);
  for (const { core, isAlive, options } of swarm.peers) {
    const gives = isAlive && options.lies === undefined && options.slots !== 0;
    for (const block of gives ? (core.session?.have ?? []) : []) {
      held.add(block);
    }
  }
  return held.complete;
}

/** Living peers that do not lie (nobody talks to a liar any more) and have not finished. */
function unfinished(swarm: Swarm): number[] {
  const waiting = swarm.peers.filter(
    ({ isAlive, isComplete, options }) => isAlive && !isComplete && options.lies === undefined,
  );
  return waiting.map(({ id }) => id);
}

function honestAreDone(swarm: Swarm): boolean {
  return unfinished(swarm).length === 0;
}

function check(name: string, scenarios: fc.Arbitrary<Scenario>, options: { readonly blames?: boolean } = {}): void {
  test(name, () => {
    let foundByEvidence = 0;
    const run = (one: Scenario): void => {
      foundByEvidence += play(one);
    };
    fc.assert(fc.property(scenarios, run), { numRuns: RUNS, seed: SEED, includeErrorInReport: true });
    // the rule that finds one liar among several contributors has run, not only the simple one
    expect(foundByEvidence > 0).toBe(options.blames === true);
  });
}

check("in calm swarms everybody finishes", scenario({}));
check("peers may crash, lose their power and come back", scenario({ troubles: 4 }));
check("peers may lie", scenario({ liars: 2 }), { blames: true });
check("all of it at once", scenario({ liars: 1, troubles: 3, peers: 8 }), { blames: true });
