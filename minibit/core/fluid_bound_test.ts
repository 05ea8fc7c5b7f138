import { expect, test } from "bun:test";
import { fluidBoundSeconds } from "./fluid_bound.ts";

const FREE = Number.POSITIVE_INFINITY;
const leechers = (count: number, up: number, down = FREE) => Array.from({ length: count }, () => ({ up, down }));

test("the bound is the seed's uplink, the slowest downlink, or all uplinks together", () => {
  expect(fluidBoundSeconds({ sizeBytes: 1000, seedUp: 100, leechers: leechers(8, 100) })).toBe(10);
  expect(fluidBoundSeconds({ sizeBytes: 1000, seedUp: 100, leechers: leechers(2, 100, 20) })).toBe(50);
  expect(fluidBoundSeconds({ sizeBytes: 1000, seedUp: 1000, leechers: leechers(9, 0) })).toBe(9);
  expect(fluidBoundSeconds({ sizeBytes: 1000, seedUp: FREE, leechers: leechers(9, FREE) })).toBe(0);
});
