import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  MAX_PIPELINE_UNITS,
  MAX_SLOW_UNIT_BYTES,
  MAX_UNIT_BYTES,
  MAX_UNIT_TARGET_MS,
  MIN_PIPELINE_UNITS,
  MIN_QUICK_PIPELINE_UNITS,
  MIN_SNUB_MS,
  MIN_UNIT_BYTES,
  QUICK_LINK_RATE,
  SNUB_FACTOR,
  UNIT_TARGET_MS,
} from "../base/limits.ts";
import { patienceMs, pipelineDepth, unitSize } from "./pipeline.ts";

const SMALL_BLOCK = 64 * 1024;

test("a unit lasts as long as it should, rounded down, between its bounds", () => {
  expect(unitSize(0, SMALL_BLOCK)).toBe(MIN_UNIT_BYTES);
  expect(unitSize(((40 * 1024) / UNIT_TARGET_MS) * 1000, SMALL_BLOCK)).toBe(32 * 1024);
  expect(unitSize(1e9, SMALL_BLOCK)).toBe(MAX_UNIT_BYTES);
});

test("of large blocks larger units are asked on slow links too, four of which are no more than the block", () => {
  expect(unitSize(0, 1024)).toBe(MIN_UNIT_BYTES);
  expect(unitSize(0, 100 * 1024)).toBe(MIN_UNIT_BYTES);
  expect(unitSize(0, 128 * 1024)).toBe(32 * 1024);
  expect(unitSize(0, 1 << 26)).toBe(MAX_SLOW_UNIT_BYTES);
  expect(unitSize(1e9, 1 << 26)).toBe(MAX_UNIT_BYTES);
});

test("units last longer on a quick link", () => {
  const lasts = (rate: number): number => (unitSize(rate, SMALL_BLOCK) / rate) * 1000;
  expect(lasts(QUICK_LINK_RATE)).toBeLessThanOrEqual(UNIT_TARGET_MS);
  expect(lasts(2 * QUICK_LINK_RATE)).toBeGreaterThan(UNIT_TARGET_MS);
  expect(lasts(4 * QUICK_LINK_RATE)).toBeLessThanOrEqual(MAX_UNIT_TARGET_MS);
  expect(unitSize(4.2 * QUICK_LINK_RATE, SMALL_BLOCK)).toBe(MAX_UNIT_BYTES);
});

test("units are powers of two and never shrink as the rate grows", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e10, noNaN: true }),
      fc.double({ min: 1, max: 100, noNaN: true }),
      fc.integer({ min: 1, max: 1 << 26 }),
      (rate, by, block) => {
        expect(Number.isInteger(Math.log2(unitSize(rate, block)))).toBe(true);
        expect(unitSize(rate * by, block)).toBeGreaterThanOrEqual(unitSize(rate, block));
      },
    ),
  );
});

test("the depth covers two round trips or 50 ms, whichever is longer", () => {
  const unitBytes = 16 * 1024;
  const blockSizeBytes = 4 * unitBytes;
  const rate = 100 * unitBytes; // a unit each 10 ms
  expect(pipelineDepth(rate, { rttMs: 1, unitBytes, blockSizeBytes })).toBe(5);
  expect(pipelineDepth(rate, { rttMs: 50, unitBytes, blockSizeBytes })).toBe(10);
  expect(pipelineDepth(rate, { rttMs: Number.POSITIVE_INFINITY, unitBytes, blockSizeBytes })).toBe(5);
});

test("the depth keeps its bounds", () => {
  expect(pipelineDepth(0, { rttMs: 1, unitBytes: 16384, blockSizeBytes: 65536 })).toBe(MIN_PIPELINE_UNITS);
  expect(pipelineDepth(1e12, { rttMs: 1000, unitBytes: 16384, blockSizeBytes: 65536 })).toBe(MAX_PIPELINE_UNITS);
});

test("a slow link keeps 64 KiB in flight, a quick one two units", () => {
  const depth = (unitBytes: number): number => pipelineDepth(0, { rttMs: 1, unitBytes, blockSizeBytes: 1 << 20 });
  expect([16, 32, 64].map((kib) => kib * 1024 * depth(kib * 1024))).toEqual([65536, 65536, 65536]);
  expect(depth(2 * MAX_SLOW_UNIT_BYTES)).toBe(MIN_QUICK_PIPELINE_UNITS);
  expect(depth(MAX_UNIT_BYTES)).toBe(MIN_QUICK_PIPELINE_UNITS);
});

test("patience lasts for some blocks at the link's rate, within bounds", () => {
  expect(patienceMs(1_000_000, 1_000_000)).toBe(SNUB_FACTOR * 1000);
  expect(patienceMs(1024, 1e9)).toBe(MIN_SNUB_MS);
  expect(patienceMs(1 << 26, 1)).toBe(60_000);
  expect(patienceMs(1024)).toBe(MIN_SNUB_MS);
  expect(patienceMs(1 << 20)).toBeGreaterThan(30_000); // unknown, and large blocks: others may have their turn first
});

test("of small blocks few are asked of one peer at first, so that others have some to give", () => {
  const [rttMs, unitBytes] = [1, 16384];
  expect(pipelineDepth(0, { rttMs, unitBytes, blockSizeBytes: 1024 })).toBe(2);
  expect(pipelineDepth(0, { rttMs, unitBytes, blockSizeBytes: 32768 })).toBe(MIN_PIPELINE_UNITS);
});

test("blocks smaller than a unit are counted by their own size, down to the smallest unit", () => {
  const options = { rttMs: 1, unitBytes: 256 * 1024 };
  const rate = 20 * 256 * 1024; // a unit in 50 ms
  expect(pipelineDepth(rate, { ...options, blockSizeBytes: 1024 * 1024 })).toBe(MIN_QUICK_PIPELINE_UNITS);
  expect(pipelineDepth(rate, { ...options, blockSizeBytes: 32 * 1024 })).toBe(8);
  expect(pipelineDepth(rate, { ...options, blockSizeBytes: 1024 })).toBe(16);
});
