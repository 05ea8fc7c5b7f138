import { expect, test } from "bun:test";
import { parsePeerUplink, trackerFlagsOf } from "./board_flags.ts";

const KIB = 1024;

test("the tracker is told of uplinks only where all are known", () => {
  const record = undefined;
  expect(trackerFlagsOf({ record: "run.ndjson", uplink: Number.POSITIVE_INFINITY })).toEqual([
    "--record",
    "run.ndjson",
  ]);
  expect(trackerFlagsOf({ record, uplink: 50 * KIB, peerUplinks: new Map([[6, 0]]) })).toEqual([
    ...["--uplink", "51200B/s", "--peer-uplink", "6=none"],
  ]);
  expect(trackerFlagsOf({ record, uplink: KIB, peerUplinks: new Map([[0, Number.POSITIVE_INFINITY]]) })).toEqual([]);
});

test("the tracker reads what it is told of one peer", () => {
  expect(parsePeerUplink("4=15KiB/s")).toEqual([4, 15 * KIB]);
  expect(parsePeerUplink("6=none")).toEqual([6, 0]);
  expect(() => parsePeerUplink("6")).toThrow("no peer and '=' in front");
  expect(() => parsePeerUplink("6=")).toThrow('Cannot read the rate ""');
  expect(() => parsePeerUplink("6=1KiB/s=2KiB/s")).toThrow("Cannot read the rate");
  expect(() => parsePeerUplink("6=0")).toThrow("0 is nothing");
  expect(() => parsePeerUplink("x=1KiB/s")).toThrow("Cannot");
});
