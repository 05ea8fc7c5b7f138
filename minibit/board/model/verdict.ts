/** What there is to say when a swarm has come to its end. */
import { fluidBoundSeconds } from "../../core/base/fluid_bound.ts";
import { isWhole } from "./swarm_figures.ts";
import type { PeerModel, SwarmModel } from "./swarm_model.ts";

/** How a swarm ended. */
export interface Verdict {
  /** From when there was somebody to fetch and somebody to fetch from, until the last was complete. */
  readonly seconds: number;
  /** Who fetched the share, the first to finish first, and how many seconds each took. */
  readonly finishers: readonly { readonly peer: PeerModel; readonly seconds: number }[];
  /** Who went without it. */
  readonly without: readonly PeerModel[];
  /** What the seeds sent, in shares. */
  readonly seedShares: number;
  readonly duplicateBytes: number;
  readonly hashFailures: number;
  /** Messages between peers, the most frequent first. */
  readonly messages: readonly (readonly [name: string, count: number])[];
  /** The shortest time possible, where uplinks are known. */
  readonly boundSeconds: number | undefined;
}

/** The verdict; undefined while somebody still fetches, or is still to come. */
export function verdictOf(swarm: SwarmModel): Verdict | undefined {
  const peers = [...swarm.peers.values()];
  const leechers = peers.filter(({ seed }) => !seed);
  const finished = leechers.filter((peer) => peer.completeMs !== undefined);
  const without = leechers.filter((peer) => !isWhole(peer));
  const awaited = without.length === 0 && peers.length < swarm.expected;
  if (finished.length === 0 || (swarm.doneMs === undefined && (awaited || without.some(isHere)))) {
    return undefined;
  }
  const beganMs = Math.max(earliest(leechers), earliest(peers.filter(({ seed }) => seed)));
  const finishers = finished
    .map((peer) => ({ peer, seconds: Math.max(0, (peer.completeMs ?? 0) - beganMs) / 1000 }))
    .sort((a, b) => a.seconds - b.seconds || a.peer.id - b.peer.id);
  const sent = peers.filter(({ seed }) => seed).reduce((sum, { stats }) => sum + stats.upBytes, 0);
  return {
    seconds: finishers.at(-1)?.seconds ?? 0,
    finishers,
    without,
    seedShares: sent / Math.max(1, swarm.share.sizeBytes),
    duplicateBytes: leechers.reduce((sum, { stats }) => sum + stats.duplicateBytes, 0),
    hashFailures: leechers.reduce((sum, { stats }) => sum + stats.hashFailures, 0),
    messages: Object.entries(swarm.messages).sort(([, a], [, b]) => b - a),
    boundSeconds: boundOf(swarm, finished),
  };
}

/** Only those are waited for who have everything, and of the share only what they had to fetch. */
function boundOf(swarm: SwarmModel, finished: readonly PeerModel[]): number | undefined {
  const { uplinkBytesPerSecond: uplink, peerUplinks } = swarm;
  const peers = [...swarm.peers.values()];
  const seeds = peers.filter(({ seed }) => seed);
  const fetchers = finished.filter((peer) => fetchedBytes(peer) > 0);
  const helpers = peers.filter((peer) => !peer.seed && !fetchers.includes(peer));
  if (uplink === undefined || seeds.length === 0 || fetchers.length === 0) {
    return undefined;
  }
  const { sizeBytes } = swarm.share;
  const up = (all: readonly PeerModel[]): number =>
    all.reduce((sum, { id }) => sum + (peerUplinks.get(id) ?? uplink), 0);
  return fluidBoundSeconds({
    sizeBytes,
    seedUp: up(seeds),
    leechers: fetchers.map((peer) => ({
      ...{ up: up([peer]), down: Number.POSITIVE_INFINITY, lacksBytes: Math.min(sizeBytes, fetchedBytes(peer)) },
    })),
    helpers: helpers.map((peer) => ({
      ...{ up: up([peer]), holdsBytes: Math.max(0, heldBytes(swarm, peer) - fetchedBytes(peer)) },
    })),
  });
}

function fetchedBytes({ stats }: PeerModel): number {
  return stats.downBytes - stats.duplicateBytes;
}

function heldBytes({ share }: SwarmModel, { blocks }: PeerModel): number {
  return Math.min(share.sizeBytes, blocks.count * share.blockSizeBytes);
}

function isHere({ departure }: PeerModel): boolean {
  return departure === undefined;
}

function earliest(peers: readonly PeerModel[]): number {
  return peers.length === 0 ? 0 : Math.min(...peers.map(({ joinedMs }) => joinedMs));
}
