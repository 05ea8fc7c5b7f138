/** The numbers that stand above everything else: how far a swarm is, how fast, and for how long still. */
import { formatClock } from "../../core/base/formats.ts";
import { type CopyCounts, copiesOf } from "./copies.ts";
import type { PeerModel, SwarmModel } from "./swarm_model.ts";

/** How much faster the last one becomes when all others are complete. */
const FASTER_ALONE = 4;
/** Who is choked by more of its neighbours than this is slow because they do not serve it. */
const HELD_BACK = 0.45;
/** Who takes so much longer than the others is behind them: less is chance. */
const FAR_BEHIND = 1.2;
/** Who has been here for so long is believed to take up to twice as long as all together, after twice the time three times. */
const BELIEVED_AFTER_MS = 30_000;

/** A swarm at a glance. */
export interface SwarmFigures {
  /** Peers that are here; once it is over, those that were at the end. */
  readonly here: number;
  /** Receivers, which the seeds are not: those that are complete. */
  readonly complete: number;
  /** All receivers, also those that are still to come and those that went without. */
  readonly of: number;
  /** What peers hold of what they should hold in the end; the seeds do not count. */
  readonly percent: number;
  readonly bytesPerSecond: number;
  /** Until all that are here are complete; undefined when nobody can say. */
  readonly etaMs: number | undefined;
  readonly copies: CopyCounts;
}

/** Looks at a swarm. */
export function figuresOf(swarm: SwarmModel): SwarmFigures {
  const here = [...swarm.peers.values()].filter(({ departure }) => departure === undefined);
  // who left with the whole share has it still; who went without is no part of the swarm any more
  const leechers = [...swarm.peers.values()].filter(
    (peer) => !peer.seed && (peer.departure === undefined || isWhole(peer)),
  );
  const receivers = [...swarm.peers.values()].filter(({ seed }) => !seed);
  const seeds = swarm.peers.size - receivers.length;
  return {
    here: swarm.holders.length,
    complete: receivers.filter(isWhole).length,
    of: Math.max(receivers.length, swarm.expected - Math.max(1, seeds)),
    percent: leechers.reduce((sum, peer) => sum + heldPercent(peer), 0) / Math.max(1, leechers.length),
    bytesPerSecond: here.reduce((sum, { stats }) => sum + stats.downBytesPerSecond, 0),
    etaMs: swarmEtaMs(swarm),
    copies: copiesOf(swarm.copies),
  };
}

/** Whether a peer is known to hold the whole share. */
export function isWhole(peer: PeerModel): boolean {
  return peer.seed || peer.completeMs !== undefined;
}

/** How long something still takes, as a clock tells it: `0:07`; a dash when nobody can say. */
export function etaText(etaMs: number | undefined): string {
  return etaMs === undefined ? "-" : formatClock(Math.ceil(etaMs / 1000) * 1000);
}

/** What a peer holds, in percent; never 100 before it has everything. */
export function heldPercent(peer: PeerModel): number {
  const { blocks } = peer;
  if (blocks.complete) {
    return blocks.size > 0 || isWhole(peer) ? 100 : 0;
  }
  return Math.floor((1000 * blocks.count) / blocks.size) / 10;
}

/** A percentage for people: `51.5 %`, and `100 %` only when it is. */
export function percentText(percent: number): string {
  return percent >= 100 ? "100 %" : `${percent.toFixed(1)} %`;
}

/** How long a peer takes until it is complete, at its rate of the last seconds; undefined when it does not receive, or is done. */
export function etaMsOf(swarm: SwarmModel, peer: PeerModel): number | undefined {
  const rate = peer.steadyDownBytesPerSecond;
  if (peer.departure !== undefined || peer.blocks.complete || rate <= 0) {
    return undefined;
  }
  return (1000 * missingBytes(swarm, peer)) / rate;
}

/**
 * All bytes that are missing at the rate of all; or longer, where one is far behind the others.
 *
 * What that one receives now is the lesser part of the truth: when the others are complete, their part of the uplinks is left
 * to it. And the less it counts the shorter the peer has been here: who has just begun receives little.
 */
function swarmEtaMs(swarm: SwarmModel): number | undefined {
  const incomplete = [...swarm.peers.values()].filter((peer) => peer.departure === undefined && !peer.blocks.complete);
  const all = incomplete.reduce((sum, peer) => sum + peer.steadyDownBytesPerSecond, 0);
  const rate = swarm.throughput.perSecond;
  if (rate <= 0 || all <= 0) {
    return undefined;
  }
  const bytes = incomplete.reduce((sum, peer) => sum + missingBytes(swarm, peer), 0);
  const togetherMs = (1000 * bytes) / rate;
  const behindMs = incomplete.map((peer) => {
    const ownMs = etaMsOf(swarm, peer) ?? 0;
    const othersBytes = bytes - missingBytes(swarm, peer);
    const othersMs = (1000 * othersBytes) / Math.max(1, all - peer.steadyDownBytesPerSecond);
    const knownMs = swarm.lastMs - peer.joinedMs;
    return ownMs <= FAR_BEHIND * othersMs || isHeldBack(peer)
      ? 0
      : Math.min(othersMs + (ownMs - othersMs) / FASTER_ALONE, togetherMs * (1 + knownMs / BELIEVED_AFTER_MS));
  });
  return Math.max(togetherMs, ...behindMs);
}

/** Whether a peer is slow because others do not serve it, not because it cannot be faster: they will once they are complete. */
function isHeldBack({ steadyChokedPart }: PeerModel): boolean {
  return steadyChokedPart > HELD_BACK;
}

/** What a peer has still to fetch: blocks it told of, and bytes that are not a whole block yet, or not told of. */
function missingBytes({ share }: SwarmModel, { blocks, stats, foundBytes }: PeerModel): number {
  const fetched = stats.downBytes - stats.duplicateBytes - stats.hashFailures * share.blockSizeBytes;
  const held = Math.max(blocks.count * share.blockSizeBytes, foundBytes + fetched);
  return Math.max(0, share.sizeBytes - held);
}
