import { fluidBoundSeconds } from "../../core/base/fluid_bound.ts";
import type { Rng } from "../../core/base/rng.ts";
import { shuffle } from "../../core/base/rng.ts";
import type { SessionOptions } from "../../core/peer/swarm_session.ts";
import type { NetworkOptions } from "./network.ts";
import type { SimPeer, SimPeerOptions } from "./sim_peer.ts";
import { Swarm } from "./swarm.ts";

/** What most experiments have in common: one seed, some leechers who start together, and links of one kind. */
export interface Scenario extends NetworkOptions {
  /** All peers, the seed among them. */
  readonly peers: number;
  readonly blocks: number;
  /** 64 KiB by default, as in a share of 64 MiB. */
  readonly blockSizeBytes?: number;
  readonly seed: number;
  /** Uplinks in bytes a second; 1 MB/s by default. */
  readonly upBytesPerSecond?: number;
  readonly seedUpBytesPerSecond?: number;
  readonly downBytesPerSecond?: number;
  /** Each peer is linked with about so many others; left out: those it finds by the tracker, as in the product. */
  readonly neighbours?: number | "all";
  /** How everybody shares. */
  readonly sharing?: SessionOptions;
  /** What is special about a leecher, by its number from 1. */
  readonly leecher?: (id: number) => SimPeerOptions;
}

const DEFAULT_BLOCK_BYTES = 64 * 1024;
const DEFAULT_UP = 1_000_000;

/** Makes the swarm of a scenario; peer 0 is the seed. Nothing has happened yet. */
export function build(scenario: Scenario): Swarm {
  const { peers, blocks, blockSizeBytes = DEFAULT_BLOCK_BYTES, upBytesPerSecond = DEFAULT_UP, neighbours } = scenario;
  const swarm = new Swarm({ ...scenario, blockCount: blocks, blockSizeBytes, tracker: neighbours === undefined });
  const common = {
    ...scenario.sharing,
    upBytesPerSecond,
    ...(scenario.downBytesPerSecond === undefined ? {} : { downBytesPerSecond: scenario.downBytesPerSecond }),
  };
  swarm.add({ ...common, have: "all", upBytesPerSecond: scenario.seedUpBytesPerSecond ?? upBytesPerSecond });
  for (let id = 1; id < peers; id++) {
    swarm.add({ ...common, ...scenario.leecher?.(id) });
  }
  if (neighbours !== undefined) {
    introduce(swarm, neighbours);
  }
  return swarm;
}

/** Tells the peers of each other: all of all, or each of about `neighbours` others at random. */
export function introduce(swarm: Swarm, neighbours: number | "all"): void {
  const { peers } = swarm;
  const pairs = neighbours === "all" ? allPairs(peers) : randomPairs(peers, { neighbours, rng: swarm.rng });
  const toDial = new Map<SimPeer, SimPeer[]>();
  for (const [from, to] of pairs) {
    toDial.set(from, [...(toDial.get(from) ?? []), to]);
  }
  for (const [peer, others] of toDial) {
    swarm.introduce(peer, others);
  }
}

/** How long the slowest of `peers` took from its own start, in milliseconds. */
export function slowestMs(peers: readonly SimPeer[]): number {
  return Math.max(...peers.map((peer) => (peer.doneMs ?? Number.POSITIVE_INFINITY) - (peer.options.joinMs ?? 0)));
}

/** The median of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}

/** The mean of some numbers. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The shortest time in which any protocol could bring the share to all leechers, in milliseconds.
 *
 * @param leechers left out: all; else those that count, as if the others were not there
 */
export function fluidBoundMs(swarm: Swarm, leechers: readonly SimPeer[] = swarm.peers.slice(1)): number {
  const perSecond = (bytesPerMs: number): number => bytesPerMs * 1000;
  return (
    1000 *
    fluidBoundSeconds({
      sizeBytes: swarm.geometry.sizeBytes,
      seedUp: perSecond(swarm.peers[0]?.upBytesPerMs ?? 0),
      leechers: leechers.map((peer) => ({ up: perSecond(peer.upBytesPerMs), down: perSecond(peer.downBytesPerMs) })),
    })
  );
}

/** How many times the bound the slowest of the leechers took. @param leechers as for `fluidBoundMs` */
export function timesBound(swarm: Swarm, leechers: readonly SimPeer[] = swarm.peers.slice(1)): number {
  return slowestMs(leechers) / fluidBoundMs(swarm, leechers);
}

/** Bytes received twice, as a part of all received bytes. */
export function duplicateRatio(peers: readonly SimPeer[]): number {
  let duplicateBytes = 0;
  let downBytes = 0;
  for (const { core } of peers) {
    const stats = core.session?.stats(0);
    duplicateBytes += stats?.duplicateBytes ?? 0;
    downBytes += stats?.downBytes ?? 0;
  }
  return downBytes === 0 ? 0 : duplicateBytes / downBytes;
}

type Pair = readonly [from: SimPeer, to: SimPeer];

/** Each pair once; who dials alternates, so that nobody has to dial all. */
function allPairs(peers: readonly SimPeer[]): Pair[] {
  return peers.flatMap((a) =>
    peers.filter((b) => b.id > a.id).map((b): Pair => ((a.id + b.id) % 2 === 0 ? [a, b] : [b, a])),
  );
}

/** A random graph in which each peer has about `neighbours`, connected: everybody dials the half of them, one along a ring. */
function randomPairs(peers: readonly SimPeer[], options: { readonly neighbours: number; readonly rng: Rng }): Pair[] {
  const { neighbours, rng } = options;
  const ring = shuffle([...peers], rng);
  const seen = new Set<string>();
  const pairs: Pair[] = [];
  const link = (a: SimPeer, b: SimPeer): void => {
    const key = `${Math.min(a.id, b.id)} ${Math.max(a.id, b.id)}`;
    if (a !== b && !seen.has(key)) {
      seen.add(key);
      pairs.push([a, b]);
    }
  };
  for (const [at, peer] of ring.entries()) {
    link(peer, ring[(at + 1) % ring.length] ?? peer);
  }
  for (let round = 1; round < neighbours / 2; round++) {
    for (const [at, other] of shuffle([...peers], rng).entries()) {
      link(ring[at] ?? other, other);
    }
  }
  return pairs;
}
