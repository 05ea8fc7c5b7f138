import { expect, test } from "bun:test";
import { RunRecords } from "./run_records.ts";
import { summaryTable } from "./run_summary.ts";

const FREE = Number.POSITIVE_INFINITY;
const RUN = {
  ...{ verdicts: new Map<number, string>(), sizeBytes: 0, seconds: 25.5 },
  bound: { uplink: undefined, uploadLimit: FREE, downloadLimit: FREE },
};

/** The last line of a summary. */
function lastLine(lastCopySeconds?: number): string | undefined {
  return summaryTable([], { ...RUN, lastCopySeconds })
    .trimEnd()
    .split("\n")
    .at(-1);
}

test("the total time is that of the run; when the last copy was there is told where it differs", () => {
  expect(lastLine()).toBe("Total time: 25.50 s");
  expect(lastLine(25.45)).toBe("Total time: 25.50 s");
  expect(lastLine(1.2)).toBe("Total time: 25.50 s; the last copy was there after 1.20 s");
});

test("what disks took in the end is told apart from the copying", () => {
  const records = new RunRecords([{ row: "1", bar: "peer 1" }], process.stdout);
  const told = (syncMs: number): string => {
    for (const report of [
      { event: "share", swarmId: "", name: "a", sizeBytes: 10, blockSizeBytes: 10, blockCount: 1, blocks: 0 },
      { event: "complete", swarmId: "", seconds: 9, path: "a", syncMs },
      {
        ...{ event: "summary", downBytes: 10, upBytes: 0, duplicateBytes: 0, hashFailures: 0, sources: 1 },
        ...{ peakMemoryBytes: 0, idleTime: undefined, hashMs: 0, diskMs: 0, peakUpBytesPerSecond: 0, messages: {} },
      },
    ]) {
      records.report(1, JSON.stringify(report));
    }
    const [, record] = records.all;
    if (record !== undefined) {
      [record.beganMs, record.completeMs] = [1000, 10_000];
    }
    return summaryTable(records.all, RUN);
  };
  expect(told(4000)).toContain("Copying took 5.0 s\n");
  expect(told(4000)).toContain("\nThen disks were waited for, up to 4.0 s\n");
  expect(told(10)).toContain("Copying took 9.0 s\n");
  expect(told(10)).not.toContain("disks were waited for");
});
