import { expect, test } from "bun:test";
import fc from "fast-check";
import { EventQueue } from "./event_queue.ts";

test("events come out by time, those of one time in the order they were added", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 3000 }), (times) => {
      const queue = new EventQueue<{ atMs: number; order: number }>();
      for (const [order, atMs] of times.entries()) {
        queue.add(atMs, { atMs, order });
      }
      const expected = times
        .map((atMs, order) => ({ atMs, order }))
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      expect(times.map(() => queue.shift())).toEqual(expected);
      expect(queue.shift()).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});

test("adding and taking may alternate", () => {
  const queue = new EventQueue<string>();
  queue.add(5, "a");
  queue.add(1, "b");
  expect(queue.shift()).toBe("b");
  queue.add(5, "c");
  queue.add(2, "d");
  expect([queue.shift(), queue.shift(), queue.shift()]).toEqual(["d", "a", "c"]);
  expect(queue.nowMs).toBe(5);
});

test("an event in the past is refused", () => {
  const queue = new EventQueue<string>();
  queue.add(5, "a");
  queue.shift();
  expect(() => queue.add(4, "b")).toThrow("an event at 4 ms, it is 5 ms");
});
