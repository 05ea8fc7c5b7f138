import type { TrackerEvent } from "../../core/tracker/tracker_io.ts";
import type { MessageCounts, SwarmPeer } from "../../core/tracker/tracker_peer.ts";
import { peerStatsOf } from "../../core/wire/peer_stats_table.ts";
import { type BoardEvent, type BoardStats, packRuns } from "./board_event.ts";

/** What a tracker was told of the peers' uplinks, in bytes a second; left out or Infinity: not known. */
export interface KnownUplinks {
  readonly uplinkBytesPerSecond?: number | undefined;
  /** Those that carry something else. */
  readonly peerUplinks?: readonly (readonly [peer: number, bytesPerSecond: number])[];
}

/**
 * What the board tells of something that happened at the tracker; undefined: nothing.
 *
 * @param options what each uplink carries, where the tracker was told
 */
export function toBoardEvent(event: TrackerEvent, options: KnownUplinks = {}): BoardEvent | undefined {
  switch (event.kind) {
    case "new swarm": {
      const { share, expected } = event;
      const { uplinkBytesPerSecond: uplink, peerUplinks = [] } = options;
      const isKnown = uplink !== undefined && Number.isFinite(uplink);
      return {
        ...{ type: "swarm", swarm: event.swarm.id, share, expected },
        ...(isKnown ? { uplinkBytesPerSecond: uplink } : {}),
        ...(isKnown && peerUplinks.length > 0 ? { peerUplinks } : {}),
      };
    }
    case "registered": {
      const { peer, name, seed, blocks } = event;
      const { id, hosts, port } = peer;
      const [host = ""] = hosts;
      return { type: "peer", swarm: event.swarm.id, peer: { id, name, host, port, seed }, blocks: packRuns(blocks) };
    }
    case "verified":
      return { type: "blocks", swarm: event.swarm.id, peer: event.peer, blocks: packRuns(event.blocks) };
    case "reported":
      return {
        ...{ type: "stats", swarm: event.swarm.id, peer: event.peer },
        stats: toBoardStats(event.stats, event.messages),
      };
    case "complete":
      return { type: "complete", swarm: event.swarm.id, peer: event.peer.id };
    case "left":
    case "gone":
      return { type: "departed", swarm: event.swarm.id, peer: event.peer.id, how: event.kind };
    case "swarm done":
      return { type: "done", swarm: event.swarm.id };
    case "forgotten":
      return { type: "forgotten", swarm: event.swarm.id };
    case "waiting":
    case "refused":
      return undefined;
  }
}

/** What a peer told, as the board tells it. */
export function toBoardStats(stats: SwarmPeer["stats"], messages: MessageCounts): BoardStats {
  const { unchoked, optimistic, flows, fetching } = stats;
  return {
    ...peerStatsOf(stats),
    regular: unchoked.filter((peer) => !optimistic.includes(peer)),
    optimistic,
    chokedBy: stats.chokedBy,
    neighbours: stats.neighbours,
    activity: stats.activity,
    flows: flows.map(({ peer, bytesPerSecond }) => [peer, bytesPerSecond]),
    fetching: fetching.map(({ block, peer }) => [block, peer]),
    messages: { ...messages },
  };
}
