import { type Codec, size64, u32 } from "./codec.ts";

/** One statistic that every peer tells of itself once a second. */
interface Stat {
  readonly codec: Codec<number>;
  /** A rate is of this moment, in units a second; a total only grows, until the peer starts anew. */
  readonly kind: "rate" | "total";
  /** How a monitoring system calls the sum over all peers, and what it is told of it. */
  readonly metric: string;
  readonly help: string;
}

/**
 * The statistics of a peer, one row each.
 *
 * The STATS frame, what is told of a peer that has sent none, `/status`, the board's events, the format of recordings and
 * the metrics are derived from it. A new row is sent behind the others, so it needs a new PROTOCOL_VERSION; `sessionStats`
 * measures it.
 */
export const PEER_STATS = {
  downBytesPerSecond: {
    codec: size64,
    kind: "rate",
    metric: "minibit_receive_bytes_per_second",
    help: "Payload that all peers receive just now",
  },
  upBytesPerSecond: {
    codec: size64,
    kind: "rate",
    metric: "minibit_send_bytes_per_second",
    help: "Payload that all peers send just now",
  },
  downBytes: {
    codec: size64,
    kind: "total",
    metric: "minibit_receive_bytes_total",
    help: "Payload that peers received",
  },
  upBytes: {
    codec: size64,
    kind: "total",
    metric: "minibit_send_bytes_total",
    help: "Payload that peers sent",
  },
  duplicateBytes: {
    codec: size64,
    kind: "total",
    metric: "minibit_duplicate_bytes_total",
    help: "Payload that peers received and had already",
  },
  hashFailures: {
    codec: u32,
    kind: "total",
    metric: "minibit_hash_failures_total",
    help: "Blocks that were thrown away for a wrong hash",
  },
} as const satisfies { readonly [name: string]: Stat };

type Table = typeof PEER_STATS;
export type StatName = keyof Table;
/** The names of the statistics of one kind. */
export type StatNameOf<Kind extends Stat["kind"]> = {
  [N in StatName]: Table[N]["kind"] extends Kind ? N : never;
}[StatName];
/** A value for each statistic. */
export type PeerStats = { readonly [N in StatName]: number };

export const STAT_NAMES = Object.keys(PEER_STATS) as readonly StatName[];
export const RATE_NAMES = STAT_NAMES.filter(
  (name) => PEER_STATS[name].kind === "rate",
) as readonly StatNameOf<"rate">[];
export const TOTAL_NAMES = STAT_NAMES.filter(
  (name) => PEER_STATS[name].kind === "total",
) as readonly StatNameOf<"total">[];

/** Makes something of each of these statistics. */
export function eachStat<N extends StatName, T>(names: readonly N[], make: (name: N) => T): { [name in N]: T } {
  const made: { [name in N]?: T } = {};
  for (const name of names) {
    made[name] = make(name); // made once a second for every peer: cheaper than entries
  }
  return made as { [name in N]: T };
}

/** The fields of the STATS frame. */
export const STAT_FIELDS: { readonly [N in StatName]: Table[N]["codec"] } = eachStat(
  STAT_NAMES,
  (name) => PEER_STATS[name].codec,
);

/** Of a peer that has told nothing. */
export const NO_PEER_STATS: PeerStats = eachStat(STAT_NAMES, () => 0);

/** The statistics among other values. */
export function peerStatsOf(values: PeerStats): PeerStats {
  return eachStat(STAT_NAMES, (name) => values[name]);
}
