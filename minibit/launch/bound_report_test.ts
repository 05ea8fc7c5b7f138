import { expect, test } from "bun:test";
import { boundReport } from "./bound_report.ts";
import type { PeerRecord } from "./peer_record.ts";

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** A peer that was complete after 12 s, if `downBytes` came. */
function record(
  id: number,
  options: { readonly peak?: number; readonly downBytes?: number; readonly choked?: number; readonly found?: number },
): PeerRecord {
  const { peak = 0, downBytes = 1000, choked = 0, found = 0 } = options;
  const size = { sizeBytes: 1000, blockSizeBytes: 10, blockCount: 100 };
  return {
    ...{ id, name: String(id), blocks: 0, bytesPerSecond: 0, beganMs: 0, lonelySinceMs: undefined },
    share: { event: "share", swarmId: "", name: "a", ...size, blocks: id === 0 ? 100 : found },
    ...{ quietSinceMs: undefined, killedBlocks: undefined },
    ...{ completeMs: 0, syncMs: 0, seconds: downBytes > 0 ? 12 : undefined },
    summary: {
      ...{ event: "summary", downBytes, upBytes: 0, duplicateBytes: 0, hashFailures: 0, sources: 1 },
      ...{ peakMemoryBytes: 0, messages: {}, hashMs: 120, diskMs: 0, peakUpBytesPerSecond: peak },
      idleTime: {
        ...{ leechingMs: 12_000, idleMs: { choked, "nothing to ask": 0 } },
      },
      uplinkUse: id === 0 ? { wantedMs: 10_000, idleMs: 500 } : undefined,
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
  // 2 x 1000 bytes over 100 + 0 + 0, or 50 + 100 + 100 bytes a second
  const idle = new Map([
    [1, 0],
    [2, 0],
  ]);
  expect(boundReport(RECORDS, { ...run, seconds: 24, uploadLimits: idle })[0]).toBe(
    "24.0 s = 1.20 x the bound of 20.0 s (uplinks of 100 B/s)",
  );
  const slowSeed = { ...run, seconds: 24, uploadLimits: new Map([[0, 50]]) };
  expect(boundReport(RECORDS, slowSeed)[0]).toStartWith("24.0 s = 1.20 x the bound of 20.0 s");
});

test("what a peer had already does not count", () => {
  const halves = RECORDS.slice(0, 1).concat(record(1, { downBytes: 500 }), record(2, { downBytes: 400 }));
  // 900 bytes over three uplinks; the seed has to send none of them
  expect(boundReport(halves, { ...RUN, uplink: 100 })[0]).toStartWith("12.0 s = 4.00 x the bound of 3.0 s");
  const complete = RECORDS.slice(0, 2).concat(record(2, { downBytes: 0, found: 100 }));
  expect(boundReport(complete, { ...RUN, uplink: 100 })[0]).toStartWith("12.0 s = 3.60 x the bound of 3.3 s");
});

test("nobody is faster than the bound: then the uplinks are not as they were said to be", () => {
  expect(boundReport(RECORDS, { ...RUN, seconds: 6, uplink: 100 })[0]).toBe(
    "6.0 s, less than the bound of 10.0 s for uplinks of 100 B/s: they carry more than --uplink says",
  );
  // a limit lets the first bytes through at once
  expect(boundReport(RECORDS, { ...RUN, seconds: 9.9, uploadLimit: 100 })[0]).toBe("9.9 s");
  expect(boundReport(RECORDS, { ...RUN, seconds: 5 })[0]).toBe("5.0 s");
});

test("a peer that was killed and told nothing of its uplink leaves the bound unknown", () => {
  const killed = { ...record(3, {}), seconds: undefined, summary: undefined };
  expect(boundReport([...RECORDS, killed], RUN)[0]).toBe("12.0 s");
  expect(boundReport([...RECORDS, killed], { ...RUN, uplink: 100 })[0]).toStartWith("12.0 s = 1.20 x");
});

test("where the system does not tell how the uplink is used nothing is said of it", () => {
  const silent = RECORDS.map((peer) => ({
    ...peer,
    summary: peer.summary === undefined ? undefined : { ...peer.summary, uplinkUse: undefined },
  }));
  expect(boundReport(silent, RUN)[1]).toStartWith("Where the time went: leechers waited choked 5.0 %");
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
