import type { Bitfield } from "../share/bitfield.ts";
import { NO_PEER_STATS, type PeerStats, peerStatsOf } from "../wire/peer_stats_table.ts";
import type { PeerAddress, TrackerMessage } from "../wire/tracker_wire.ts";

/** How many messages of each name. */
export type MessageCounts = { [name: string]: number };

/** A registered peer. */
export interface SwarmPeer extends Omit<PeerAddress, "hosts"> {
  hosts: readonly string[];
  readonly name: string;
  /** The link it registered on. */
  readonly link: number;
  /** It held every block when it registered. */
  readonly seed: boolean;
  readonly blocks: Bitfield;
  readonly messages: MessageCounts;
  /** A random number of its process: the same peer on a new line has the same, another process with its id has not. */
  readonly instance: number;
  /** Its copy stands, whole and under its name: for a peer that was killed just before that, all blocks are not enough. */
  done: boolean;
  /** When it registered. */
  readonly joinedMs: number;
  heardMs: number;
  /** Where it stands in its swarm's row. */
  place: number;
  /** How many STATS it has sent. */
  reports: number;
  stats: Omit<TrackerMessage<"STATS">, "type">;
}

/** A peer as `/status` tells it. */
export interface PeerStatus extends PeerStats {
  readonly id: number;
  readonly name: string;
  /** The first of its addresses, and all of them. */
  readonly host: string;
  readonly hosts: readonly string[];
  readonly port: number;
  /** left: its connection ended; gone: it fell silent. The other values are then the last known. */
  readonly state: "here" | "left" | "gone";
  /** How many blocks it holds. */
  readonly blocks: number;
  readonly percent: number;
  readonly complete: boolean;
  /** It held every block when it registered. */
  readonly seed: boolean;
  /** The peers it has given a slot, the optimistic one among them. */
  readonly unchoked: readonly number[];
  readonly optimistic: number | null;
  /** It lacks blocks, and none of its neighbours has given it a slot. */
  readonly choked: boolean;
  /** How many of its neighbours choke it. */
  readonly chokedBy: number;
  readonly neighbours: number;
  /** Messages it sent to peers, by name. */
  readonly messages: MessageCounts;
}

/** What is told of a peer that has not sent STATS yet. */
export const NO_STATS: SwarmPeer["stats"] = {
  ...NO_PEER_STATS,
  unchoked: [],
  optimistic: [],
  chokedBy: 0,
  neighbours: 0,
  activity: "no neighbours",
  flows: [],
  fetching: [],
  messages: [],
  done: false,
};

/** Whether a peer holds the whole share, and its copy stands. */
export function isComplete(peer: Pick<SwarmPeer, "blocks" | "done">): boolean {
  return peer.done && peer.blocks.complete;
}

/** A registered peer as `/status` tells it. */
export function toStatus(peer: SwarmPeer): PeerStatus {
  const { blocks, stats } = peer;
  const complete = isComplete(peer);
  return {
    id: peer.id,
    name: peer.name,
    host: peer.hosts[0] ?? "",
    hosts: peer.hosts,
    port: peer.port,
    state: "here",
    blocks: blocks.count,
    percent: complete ? 100 : Math.floor((1000 * blocks.count) / Math.max(1, blocks.size)) / 10,
    complete,
    seed: peer.seed,
    ...peerStatsOf(stats),
    unchoked: [...new Set([...stats.unchoked, ...stats.optimistic])],
    optimistic: stats.optimistic[0] ?? null,
    choked: !complete && stats.chokedBy >= stats.neighbours,
    chokedBy: stats.chokedBy,
    neighbours: stats.neighbours,
    messages: { ...peer.messages },
  };
}
