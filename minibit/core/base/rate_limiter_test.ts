import { expect, test } from "bun:test";
import fc from "fast-check";
import { RateLimiter } from "./rate_limiter.ts";

/** Takes units one after the other, each as soon as it may; returns when the last one was let through. */
function drain(limiter: RateLimiter, units: readonly number[]): number {
  let nowMs = 0;
  for (const bytes of units) {
    const readyMs = limiter.readyAtMs(nowMs);
    expect(readyMs).toBeGreaterThanOrEqual(nowMs);
    nowMs = readyMs;
    expect(limiter.take(bytes, nowMs)).toBe(true);
  }
  return nowMs;
}

test("over time exactly the limit is let through, whatever the units", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1000, max: 1e9 }),
      fc.array(fc.integer({ min: 1, max: 1 << 18 }), { minLength: 50, maxLength: 200 }),
      (bytesPerSecond, units) => {
        const endMs = drain(new RateLimiter(bytesPerSecond, 0), units);
        const bytes = units.slice(0, -1).reduce((sum, unit) => sum + unit, 0);
        const exactMs = (bytes / bytesPerSecond) * 1000;
        expect(endMs).toBeLessThanOrEqual(exactMs + units.length); // it rounds up to whole milliseconds, and keeps the rest
        expect(endMs).toBeGreaterThanOrEqual(exactMs - 50 - 1); // the burst at the start
      },
    ),
  );
});

test("a unit larger than the bucket passes whole, and is paid for by waiting", () => {
  const limiter = new RateLimiter(1000, 0);
  expect(limiter.take(10_000, 0)).toBe(true);
  expect(limiter.take(1, 9_000)).toBe(false);
  expect(limiter.readyAtMs(9_000)).toBe(9_950);
  expect(limiter.take(1, 9_950)).toBe(true);
});

test("a pause is not saved up beyond a short burst", () => {
  const limiter = new RateLimiter(1_000_000, 0);
  let passed = 0;
  while (limiter.take(1000, 3_600_000)) {
    passed += 1000;
  }
  expect(passed).toBeLessThanOrEqual(51_000);
});

test("it is ready exactly when it says, not before", () => {
  const limiter = new RateLimiter(100_000, 0);
  limiter.take(20_000, 0);
  const readyMs = limiter.readyAtMs(0);
  expect(limiter.take(1, readyMs - 1)).toBe(false);
  expect(limiter.take(1, readyMs)).toBe(true);
});

test("without a limit everything passes at once", () => {
  const limiter = new RateLimiter(Number.POSITIVE_INFINITY, 5);
  for (let i = 0; i < 1000; i++) {
    expect(limiter.take(1 << 30, 5)).toBe(true);
  }
  expect(limiter.readyAtMs(6)).toBe(6);
});
