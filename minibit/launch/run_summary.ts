import { formatSize } from "../io/os/units.ts";
import { type BoundOptions, boundReport } from "./bound_report.ts";
import type { PeerRecord } from "./peer_record.ts";

/** A shorter time between the last copy and the end is no news. */
const WORTH_TELLING_S = 0.1;
/** Disks that keep the copies for good within this time are no news. */
const WORTH_TELLING_MS = 50;

/** The table at the end: a line a peer, then the swarm's figures. */
export function summaryTable(
  records: readonly PeerRecord[],
  run: {
    readonly verdicts: ReadonlyMap<number, string>;
    readonly sizeBytes: number;
    /** How long all of it took. */
    readonly seconds: number;
    /** When the last copy was there, if that is told apart. */
    readonly lastCopySeconds?: number | undefined;
    readonly bound: BoundOptions;
  },
): string {
  const { verdicts, sizeBytes, seconds } = run;
  const rows = records.map(({ id, name, seconds: own, summary }) => [
    name,
    id === 0 || own === undefined ? "-" : own.toFixed(2),
    formatSize(summary?.downBytes ?? 0),
    formatSize(summary?.upBytes ?? 0),
    String(summary?.sources ?? 0),
    formatSize(summary?.duplicateBytes ?? 0),
    formatSize(summary?.peakMemoryBytes ?? 0),
    verdicts.get(id) ?? "-",
  ]);
  const messages = new Map<string, number>();
  for (const { summary } of records) {
    for (const [type, count] of Object.entries(summary?.messages ?? {})) {
      messages.set(type, (messages.get(type) ?? 0) + count);
    }
  }
  const seedRatio = sizeBytes === 0 ? 0 : (records[0]?.summary?.upBytes ?? 0) / sizeBytes;
  const counted = [...messages].filter(([, count]) => count > 0).map(([type, count]) => `${type} ${count}`);
  const complete = records.slice(1).filter(({ completeMs }) => completeMs !== undefined);
  const firstMs = Math.min(...complete.map(({ beganMs }) => beganMs ?? 0));
  const copiedMs = Math.max(...complete.map(({ completeMs = 0, syncMs }) => completeMs - syncMs));
  const syncMs = Math.max(0, ...complete.map((record) => record.syncMs));
  const wrongBlocks = records.reduce((sum, { summary }) => sum + (summary?.hashFailures ?? 0), 0);
  return [
    "",
    ...columns([["peer", "seconds", "received", "sent", "from", "duplicates", "memory", "result"], ...rows]),
    "",
    `Messages between peers: ${counted.join(", ")}`,
    `The seed sent ${seedRatio.toFixed(2)} times the share's ${formatSize(sizeBytes)}`,
    ...(wrongBlocks === 0 ? [] : [`Blocks that came with a wrong hash and were thrown away: ${wrongBlocks}`]),
    ...boundReport(records, { ...run.bound, seconds: (copiedMs - firstMs) / 1000 }).map((line, i) =>
      i === 0 ? `Copying took ${line}` : line,
    ),
    ...(syncMs < WORTH_TELLING_MS ? [] : [`Then disks were waited for, up to ${(syncMs / 1000).toFixed(1)} s`]),
    totalTime(seconds, run.lastCopySeconds),
    "",
  ].join("\n");
}

function totalTime(seconds: number, lastCopySeconds = seconds): string {
  const isLater = seconds - lastCopySeconds >= WORTH_TELLING_S;
  const copy = isLater ? `; the last copy was there after ${lastCopySeconds.toFixed(2)} s` : "";
  return `Total time: ${seconds.toFixed(2)} s${copy}`;
}

/** Lines with aligned columns. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
