/** How far a run was from the shortest time possible, and where its time went. */
import { fluidBoundSeconds } from "../core/fluid_bound.ts";
import type { PeerReport } from "./peer_report.ts";
import type { PeerRecord } from "./run_summary.ts";
import { formatRate } from "./units.ts";

type Summary = Extract<PeerReport, { event: "summary" }>;

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
 * The lines that tell it. Only those count who have everything, and of the share what the neediest of them had to fetch.
 *
 * @param run.seconds how long it took
 */
export function boundReport(
  records: readonly PeerRecord[],
  run: BoundOptions & { readonly seconds: number },
): string[] {
  const [seed] = records;
  const leechers = records
    .slice(1)
    .filter(({ seconds, summary }) => seconds !== undefined && (summary?.downBytes ?? 0) > 0);
  if (seed === undefined || leechers.length === 0) {
    return [];
  }
  const { seconds, downloadLimit } = run;
  const bound = fluidBoundSeconds({
    sizeBytes: Math.max(...leechers.map(({ summary }) => (summary?.downBytes ?? 0) - (summary?.duplicateBytes ?? 0))),
    seedUp: uplinkOf(seed, run),
    leechers: leechers.map((leecher) => ({ up: uplinkOf(leecher, run), down: downloadLimit })),
  });
  const known = Math.min(run.uplink ?? Number.POSITIVE_INFINITY, run.uploadLimit);
  const how =
    known < Number.POSITIVE_INFINITY ? `uplinks of ${formatRate(known)}` : "uplinks as measured: the most each sent";
  const isSure = known < Number.POSITIVE_INFINITY || seconds >= LEAST_MEASURED_S;
  const ratio =
    bound > 0 && isSure ? ` = ${(seconds / bound).toFixed(2)} x the bound of ${bound.toFixed(1)} s (${how})` : "";
  return [`${seconds.toFixed(1)} s${ratio}`, whereTimeWent(seed, leechers)];
}

function uplinkOf({ id, summary }: PeerRecord, { uplink, uploadLimit, uploadLimits }: BoundOptions): number {
  const known = Math.min(uplink ?? Number.POSITIVE_INFINITY, uploadLimits?.get(id) ?? uploadLimit);
  return known < Number.POSITIVE_INFINITY ? known : (summary?.peakUpBytesPerSecond ?? 0);
}

function whereTimeWent(seed: PeerRecord, leechers: readonly PeerRecord[]): string {
  const { givingMs = 0, uplinkIdleMs = 0 } = seed.summary?.timeUse ?? {};
  const waits = leechers.map(({ summary }) => summary).filter((summary) => summary !== undefined);
  return `Where the time went: the seed's uplink was idle for ${part(uplinkIdleMs, givingMs)}; leechers ${waitsOf(waits)}`;
}

/** What leechers waited for, as parts of the time they took. */
export function waitsOf(summaries: readonly Pick<Summary, "timeUse" | "hashMs" | "diskMs">[]): string {
  let [totalMs, chokedMs, nothingMs, hashMs, diskMs] = [0, 0, 0, 0, 0];
  for (const summary of summaries) {
    totalMs += summary.timeUse?.leechingMs ?? 0;
    chokedMs += summary.timeUse?.idleMs.choked ?? 0;
    nothingMs += summary.timeUse?.idleMs["nothing to ask"] ?? 0;
    hashMs += summary.hashMs;
    diskMs += summary.diskMs;
  }
  return [
    `waited choked ${part(chokedMs, totalMs)}, with nothing to ask ${part(nothingMs, totalMs)},`,
    `for the disk ${part(diskMs, totalMs)}, and hashed ${part(hashMs, totalMs)}`,
  ].join(" ");
}

function part(ms: number, ofMs: number): string {
  return `${((100 * ms) / Math.max(1, ofMs)).toFixed(1)} %`;
}
