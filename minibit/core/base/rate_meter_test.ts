import { expect, test } from "bun:test";
import fc from "fast-check";
import { RateMeter } from "./rate_meter.ts";

test("a steady stream is measured right from the first bytes on", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 10, max: 200 }), (kilobytes, stepMs) => {
      const meter = new RateMeter(0);
      for (let nowMs = stepMs; nowMs <= 5000; nowMs += stepMs) {
        meter.add(kilobytes * stepMs, nowMs); // `kilobytes` thousand bytes a second
        const rate = meter.bytesPerSecond(nowMs) / (kilobytes * 1000);
        expect(rate).toBeWithin(0.99, 1.2); // each step's bytes count as new, though half a step old
      }
    }),
  );
});

test("what was long ago counts no more", () => {
  const meter = new RateMeter(0);
  meter.add(1_000_000, 100);
  expect(meter.bytesPerSecond(100)).toBeGreaterThan(1_000_000);
  expect(meter.bytesPerSecond(10_000)).toBeLessThan(100);
});

test("all bytes ever are kept apart from the rate", () => {
  const meter = new RateMeter(0);
  meter.add(3, 1);
  meter.add(4, 100_000);
  expect(meter.totalBytes).toBe(7);
});

test("a burst within a moment is no infinite rate", () => {
  const meter = new RateMeter(50);
  meter.add(1000, 50);
  expect(meter.bytesPerSecond(50)).toBe(100_000);
});

test("looking at a meter changes nothing", () => {
  const [watched, alone] = [new RateMeter(0), new RateMeter(0)];
  for (const meter of [watched, alone]) {
    meter.add(50_000, 100);
    expect(meter.peek(100)).toBe(meter.bytesPerSecond(100));
  }
  expect(watched.peek(700)).toBeLessThan(watched.peek(100));
  for (const meter of [watched, alone]) {
    meter.resume(700);
    meter.add(50_000, 800);
  }
  expect(watched.bytesPerSecond(800)).toBe(alone.bytesPerSecond(800));
});

test("a pause that is nobody's fault does not count", () => {
  const meter = new RateMeter(0);
  meter.add(100_000, 100);
  const before = meter.bytesPerSecond(100);
  meter.resume(60_000);
  expect(meter.bytesPerSecond(60_000)).toBe(before);
});

test("a steady rate grows from the first burst, and is the same as the other after a while", () => {
  const meter = new RateMeter(0);
  meter.add(1000, 1);
  expect(meter.steadyBytesPerSecond(1)).toBe(4000);
  for (let ms = 10; ms <= 1000; ms += 10) {
    meter.add(100, ms);
  }
  expect(meter.steadyBytesPerSecond(1000)).toBe(meter.bytesPerSecond(1000));
});
