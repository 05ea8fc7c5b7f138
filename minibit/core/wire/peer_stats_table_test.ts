import { expect, test } from "bun:test";
import { NO_PEER_STATS, PEER_STATS, peerStatsOf, RATE_NAMES, STAT_NAMES, TOTAL_NAMES } from "./peer_stats_table.ts";
import { trackerWire } from "./tracker_wire.ts";

test("the STATS frame of this version of the protocol stays as it is, byte for byte", () => {
  const frame = trackerWire.encode({
    ...{ type: "STATS", downBytesPerSecond: 1, upBytesPerSecond: 2, downBytes: 3, upBytes: 4, duplicateBytes: 5 },
    ...{ hashFailures: 6, unchoked: [7], optimistic: [8], chokedBy: 9, neighbours: 10, activity: "choked" },
    flows: [{ peer: 11, bytesPerSecond: 12 }],
    fetching: [{ block: 13, peer: 14 }],
    messages: [{ type: 1, count: 15 }],
    done: true,
  });
  expect(Buffer.from(frame).toString("hex")).toBe(
    [
      ...["0000005e", "06"], // length and type
      ...["0000000000000001", "0000000000000002", "0000000000000003", "0000000000000004", "0000000000000005"],
      ...["00000006", "0001", "00000007", "0001", "00000008", "0009", "000a", "02"],
      ...["0001", "0000000b", "000000000000000c", "0001", "0000000d", "0000000e", "0001", "01", "0000000f", "01"],
    ].join(""),
  );
});

test("each statistic is a rate or a total, and stands in both lists once", () => {
  expect([...RATE_NAMES, ...TOTAL_NAMES].sort()).toEqual([...STAT_NAMES].sort());
  expect(new Set(Object.values(PEER_STATS).map(({ metric }) => metric)).size).toBe(STAT_NAMES.length);
});

test("statistics are picked out of what else is told", () => {
  const told = { ...NO_PEER_STATS, downBytes: 7, neighbours: 3 };
  expect(peerStatsOf(told)).toEqual({ ...NO_PEER_STATS, downBytes: 7 });
});
