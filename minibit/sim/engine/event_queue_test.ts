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

test("whatever is added how, and taken in between, comes out by time and order", () => {
  const step = fc.record({ kind: fc.constantFrom("add", "append", "shift"), delayMs: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6000, size: "max" }), (steps) => {
      const queue = new EventQueue<number>();
      const waiting: { readonly atMs: number; readonly order: number }[] = [];
      for (const [order, { kind, delayMs }] of steps.entries()) {
        if (kind === "shift") {
          waiting.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
          expect(queue.shift()).toBe(waiting.shift()?.order);
        } else {
          const atMs = queue.nowMs + (kind === "append" ? 1 : delayMs);
          queue[kind as "add" | "append"](atMs, order);
          waiting.push({ atMs, order });
        }
        expect(queue.length).toBe(waiting.length);
      }
    }),
    { numRuns: 20 },
  );
});

test("rings that grow after they wrapped around keep their order", () => {
  const queue = new EventQueue<number>();
  let [added, taken] = [0, 0];
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 900 * (round + 1); i++) {
      queue.append(queue.nowMs + 1, added++);
    }
    for (let i = 0; i < 700 * (round + 1); i++) {
      expect(queue.shift()).toBe(taken++);
    }
  }
  while (queue.length > 0) {
    expect(queue.shift()).toBe(taken++);
  }
  expect(taken).toBe(added);
});

test("what is appended may not be behind what was appended before", () => {
  const queue = new EventQueue<string>();
  queue.append(5, "a");
  expect(() => queue.append(4, "b")).toThrow("behind a later one");
});
