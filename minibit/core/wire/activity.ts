/** Why a peer receives nothing just now, or that it does. */
export const ACTIVITIES = [
  "fetching",
  "complete",
  "choked",
  "nothing to ask",
  "no neighbours",
  "disk",
  "download limit",
] as const;
export type Activity = (typeof ACTIVITIES)[number];

/** Who sends to a peer, and how fast. */
export interface Flow {
  readonly peer: number;
  readonly bytesPerSecond: number;
}

/** A block on its way to a peer, and from whom. */
export interface BlockInFlight {
  readonly block: number;
  readonly peer: number;
}

/** What a peer is doing, for those who watch the swarm. */
export interface PeerActivity {
  readonly activity: Activity;
  readonly flows: readonly Flow[];
  readonly fetching: readonly BlockInFlight[];
}

/** A peer that has not learned what is shared. */
export function activityWithoutShare(neighbours: number): PeerActivity {
  return { activity: neighbours === 0 ? "no neighbours" : "nothing to ask", flows: [], fetching: [] };
}
