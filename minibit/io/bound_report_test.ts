import { expect, test } from "bun:test";
import { boundReport } from "./bound_report.ts";
import type { PeerRecord } from "./run_summary.ts";

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** A peer that was complete after 12 s, if `downBytes` came. */
function record(
  id: number,
  options: { readonly peak?: number; readonly downBytes?: number; readonly choked?: number },
): PeerRecord {
  const { peak = 0, downBytes = 1000, choked = 0 } = options;
  return {
    ...{ id, name: String(id), share: undefined, blocks: 0, bytesPerSecond: 0, beganMs: 0, lonelySinceMs: undefined },
    ...{ quietSinceMs: undefined, killedBlocks: undefined },
    ...{ completeMs: 0, seconds: downBytes > 0 ? 12 : undefined },
    summary: {
      ...{ event: "summary", downBytes, upBytes: 0, duplicateBytes: 0, hashFailures: 0, sources: 1 },
      ...{ peakMemoryBytes: 0, messages: {}, hashMs: 120, diskMs: 0, peakUpBytesPerSecond: peak },
      timeUse: {
        ...{ leechingMs: 12_000, idleMs: { choked, "nothing to ask": 0 } },
        ...{ givingMs: 10_000, uplinkIdleMs: 500 },
      },
    },
  };
}

const RECORDS = [
  record(0, { peak: 200, downBytes: 0 }),
  record(1, { peak: 100, choked: 1200 }),
  record(2, { peak: 50 }),
];
const RUN = { seconds: 12, uplink: undefined, uploadLimit: NO_LIMIT, downloadLimit: NO_LIMIT };

test("the ratio is to the bound of the given uplinks, of the limits, or of what was measured", () => {
  expect(boundReport(RECORDS, { ...RUN, uplink: 100 })[0]).toBe(
    "12.0 s = 1.20 x the bound of 10.0 s (uplinks of 100 B/s)",
  );
  expect(boundReport(RECORDS, { ...RUN, uplink: 200, uploadLimit: 100 })[0]).toStartWith("12.0 s = 1.20 x");
  // 2 x 1000 bytes over 200 + 100 + 50 bytes a second
  expect(boundReport(RECORDS, RUN)[0]).toBe(
    "12.0 s = 2.10 x the bound of 5.7 s (uplinks as measured: the most each sent)",
  );
  expect(boundReport(RECORDS, { ...RUN, downloadLimit: 100 })[0]).toStartWith("12.0 s = 1.20 x the bound of 10.0 s");
});

test("a peer with a limit of its own counts with that one", () => {
  const run = { ...RUN, uploadLimit: 100 };
  // 2 x 1000 bytes over 100 + 0 + 0 bytes a second
  const idle = new Map([
    [1, 0],
    [2, 0],
  ]);
  expect(boundReport(RECORDS, { ...run, uploadLimits: idle })[0]).toBe(
    "12.0 s = 0.60 x the bound of 20.0 s (uplinks of 100 B/s)",
  );
  expect(boundReport(RECORDS, { ...run, uploadLimits: new Map([[0, 50]]) })[0]).toStartWith("12.0 s = 0.60 x");
});

test("what a peer had already does not count", () => {
  const halves = RECORDS.slice(0, 1).concat(record(1, { downBytes: 500 }), record(2, { downBytes: 400 }));
  expect(boundReport(halves, { ...RUN, uplink: 100 })[0]).toStartWith("12.0 s = 2.40 x the bound of 5.0 s");
});

test("of a run too short to measure uplinks no bound is told", () => {
  expect(boundReport(RECORDS, { ...RUN, seconds: 0.5 })[0]).toBe("0.5 s");
  expect(boundReport(RECORDS, { ...RUN, seconds: 0.5, uplink: 4000 })[0]).toStartWith("0.5 s = 2.00 x");
});

test("it tells where the time went, of those who have everything", () => {
  expect(boundReport([...RECORDS, record(3, { downBytes: 0 })], RUN)[1]).toBe(
    "Where the time went: the seed's uplink was idle for 5.0 %; leechers waited choked 5.0 %, with nothing to ask 0.0 %, for the disk 0.0 %, and hashed 1.0 %",
  );
});

test("where nothing was fetched there is nothing to tell", () => {
  expect(boundReport([record(0, { downBytes: 0 }), record(1, { downBytes: 0 })], RUN)).toEqual([]);
});
