/** What `run_full.ts --hosts` tells in the end: a line a machine, and whether enough of them have their copy. */
import { UserError } from "../core/base/errors.ts";
import { formatCount, formatPercent } from "../io/os/units.ts";
import type { BoundOptions } from "./bound_report.ts";
import type { PushOutcome } from "./host_push.ts";
import { summaryTable } from "./run_summary.ts";

/** The table at the end: every machine with its verdict. */
export function hostsTable(outcome: PushOutcome, bound: BoundOptions): string {
  const verdicts = new Map(outcome.hosts.map(({ record, why }) => [record.id, why === undefined ? "verified" : why]));
  const sizeBytes = outcome.records[0]?.share?.sizeBytes ?? 0;
  const { seconds, lastCopySeconds } = outcome;
  return summaryTable(outcome.records, { verdicts, sizeBytes, seconds, lastCopySeconds, bound });
}

/**
 * Whether a share of machines confirmed the hash of what they hold.
 *
 * @param quorum the part of them that must, 0 to 1
 * @returns the exit code for success
 * @throws {UserError} too few did; it names the others
 */
export function checkQuorum({ hosts }: PushOutcome, quorum: number): number {
  const laggards = hosts.filter(({ why }) => why !== undefined);
  const confirmed = hosts.length - laggards.length;
  if (confirmed < quorum * hosts.length) {
    const names = laggards.map(({ host, why }) => `${host.name} (${why})`).join(", ");
    throw new UserError(
      `Cannot confirm ${formatPercent(quorum)} of ${formatCount(hosts.length, "host")}: ${confirmed} ${confirmed === 1 ? "holds" : "hold"} the share, not ${names}`,
    );
  }
  return 0;
}
