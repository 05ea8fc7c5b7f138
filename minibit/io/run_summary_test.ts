import { expect, test } from "bun:test";
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
