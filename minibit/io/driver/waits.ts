import type { PeerReport } from "./peer_report.ts";

type Summary = Extract<PeerReport, { event: "summary" }>;

/** What leechers waited for, as parts of the time they took. */
export function waitsOf(summaries: readonly Pick<Summary, "idleTime" | "hashMs" | "diskMs">[]): string {
  let [totalMs, chokedMs, nothingMs, hashMs, diskMs] = [0, 0, 0, 0, 0];
  for (const summary of summaries) {
    totalMs += summary.idleTime?.leechingMs ?? 0;
    chokedMs += summary.idleTime?.idleMs.choked ?? 0;
    nothingMs += summary.idleTime?.idleMs["nothing to ask"] ?? 0;
    hashMs += summary.hashMs;
    diskMs += summary.diskMs;
  }
  return [
    `waited choked ${partText(chokedMs, totalMs)}, with nothing to ask ${partText(nothingMs, totalMs)},`,
    `for the disk ${partText(diskMs, totalMs)}, and hashed ${partText(hashMs, totalMs)}`,
  ].join(" ");
}

/** A part of a time: `12.5 %`. */
export function partText(ms: number, ofMs: number): string {
  return `${((100 * ms) / Math.max(1, ofMs)).toFixed(1)} %`;
}
