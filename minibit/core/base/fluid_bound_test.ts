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

test("what leechers or others hold already need not travel, nor come from the seed", () => {
  const halves = leechers(2, 100).map((leecher) => ({ ...leecher, lacksBytes: 500 }));
  // both may hold the same half, or a half each: 2 x 500 bytes over 300 a second in any case
  expect(fluidBoundSeconds({ sizeBytes: 1000, seedUp: 100, leechers: halves })).toBeCloseTo(1000 / 300);
  const mostly = leechers(2, 100).map((leecher) => ({ ...leecher, lacksBytes: 900 }));
  expect(fluidBoundSeconds({ sizeBytes: 1000, seedUp: 100, leechers: mostly })).toBe(8);
  const [whole, empty] = [1000, 0].map((holdsBytes) => [{ up: 100, holdsBytes }]);
  const one = { sizeBytes: 1000, seedUp: 100, leechers: leechers(1, 0) };
  expect(fluidBoundSeconds({ ...one, helpers: whole ?? [] })).toBe(5);
  expect(fluidBoundSeconds({ ...one, helpers: empty ?? [] })).toBe(10);
});
