/** How far a run was from the shortest time possible, and where its time went. */
import { fluidBoundSeconds } from "../core/base/fluid_bound.ts";
import { partText, waitsOf } from "../io/driver/waits.ts";
import { formatRate } from "../io/os/units.ts";
import type { PeerRecord } from "./peer_record.ts";

/** In a shorter run nobody sends long enough to tell what its uplink carries. */
const LEAST_MEASURED_S = 3;

/** What is known of the uplinks. Bytes a second; Infinity: no limit. */
export interface BoundOptions {
  /** What each peer's uplink carries; undefined: the most that each sent is taken for it. */
  readonly uplink: number | undefined;
  /** The limits that the peers were given. */
  readonly uploadLimit: number;
  /** Those of peers that were given another one. */
  readonly uploadLimits?: ReadonlyMap<number, number>;
  readonly downloadLimit: number;
}

/**
 * The lines that tell it. Only those are waited for who have everything, and of the share only what they had to fetch.
 *
 * @param run.seconds how long it took
 */
export function boundReport(
  records: readonly PeerRecord[],
  run: BoundOptions & { readonly seconds: number },
): string[] {
  const [seed] = records;
  const leechers = records.slice(1).filter(isFetcher);
  if (seed === undefined || leechers.length === 0) {
    return [];
  }
  return [`${run.seconds.toFixed(1)} s${distanceFromBound(records, run)}`, whereTimeWent(seed, leechers)];
}

/** ` = 1.20 x the bound of 10.0 s (...)`; nothing where nobody can tell what the uplinks carry. */
function distanceFromBound(records: readonly PeerRecord[], run: BoundOptions & { readonly seconds: number }): string {
  const { seconds, uplink = Number.POSITIVE_INFINITY, uploadLimit } = run;
  const known = Math.min(uplink, uploadLimit);
  const isKnown = known < Number.POSITIVE_INFINITY;
  const bound = boundOf(records, run);
  if (!(bound > 0) || !(isKnown || seconds >= LEAST_MEASURED_S)) {
    return "";
  }
  const how = isKnown ? `uplinks of ${formatRate(known)}` : "uplinks as measured: the most each sent";
  if (seconds >= bound) {
    return ` = ${(seconds / bound).toFixed(2)} x the bound of ${bound.toFixed(1)} s (${how})`;
  }
  // nobody is faster than the bound: the uplinks are not what they were said to be
  return uplink <= uploadLimit && isKnown
    ? `, less than the bound of ${bound.toFixed(1)} s for ${how}: they carry more than --uplink says`
    : "";
}

function boundOf([seed, ...others]: readonly PeerRecord[], run: BoundOptions): number {
  if (seed === undefined) {
    return 0;
  }
  const leechers = others.filter(isFetcher);
  const helpers = others.filter((peer) => peer.share !== undefined && !isFetcher(peer));
  const lacks = leechers.map(fetchedBytes);
  if ([seed, ...leechers, ...helpers].some((peer) => uplinkOf(peer, run) === Number.POSITIVE_INFINITY)) {
    return 0;
  }
  const sizeBytes = seed.share?.sizeBytes ?? Math.max(...lacks);
  return fluidBoundSeconds({
    sizeBytes,
    seedUp: uplinkOf(seed, run),
    leechers: leechers.map((leecher, i) => ({
      up: uplinkOf(leecher, run),
      down: run.downloadLimit,
      lacksBytes: Math.min(sizeBytes, lacks[i] ?? 0), // a block that came twice as its hash was wrong had to come once
    })),
    helpers: helpers.map((peer) => ({ up: uplinkOf(peer, run), holdsBytes: foundBytes(peer) })),
  });
}

/** Whether a peer has everything, and had to fetch some of it. */
function isFetcher(record: PeerRecord): boolean {
  return record.seconds !== undefined && fetchedBytes(record) > 0;
}

function fetchedBytes({ summary }: PeerRecord): number {
  return (summary?.downBytes ?? 0) - (summary?.duplicateBytes ?? 0);
}

/** What a peer held when it opened the share. */
function foundBytes({ share }: PeerRecord): number {
  return share === undefined ? 0 : Math.min(share.sizeBytes, share.blocks * share.blockSizeBytes);
}

/** What a peer's uplink carries. Who was killed told nothing: without a limit nobody knows how much that was. */
function uplinkOf({ id, summary }: PeerRecord, { uplink, uploadLimit, uploadLimits }: BoundOptions): number {
  const known = Math.min(uplink ?? Number.POSITIVE_INFINITY, uploadLimits?.get(id) ?? uploadLimit);
  return known < Number.POSITIVE_INFINITY ? known : (summary?.peakUpBytesPerSecond ?? Number.POSITIVE_INFINITY);
}

function whereTimeWent(seed: PeerRecord, leechers: readonly PeerRecord[]): string {
  const { uplinkUse } = seed.summary ?? {};
  const waits = leechers.map(({ summary }) => summary).filter((summary) => summary !== undefined);
  const idle =
    uplinkUse === undefined || uplinkUse.wantedMs === 0
      ? ""
      : `the seed's uplink was idle for ${partText(uplinkUse.idleMs, uplinkUse.wantedMs)}; `;
  return `Where the time went: ${idle}leechers ${waitsOf(waits)}`;
}
