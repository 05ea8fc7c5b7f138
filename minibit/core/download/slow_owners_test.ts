import { expect, test } from "bun:test";
import { MAX_DUPLICATE_RATIO } from "../base/limits.ts";
import { hasSent } from "../testing/link_history.ts";
import { SchedulerBench, UNIT } from "../testing/scheduler_bench.ts";

/** A slow and a quick link that both hold block 0 of a share; the slow one was asked for it. */
function race(options: { readonly blocks?: number; readonly slow: number; readonly quick: number }) {
  const { blocks = 1000, slow, quick } = options;
  const others = Array.from({ length: blocks - 1 }, (_, i) => i + 1);
  const bench = new SchedulerBench({ blocks, unitsPerBlock: 2, have: others });
  const links = { slow: bench.add([0]), quick: bench.add([0]) };
  bench.haveRates([
    [links.slow, slow],
    [links.quick, quick],
  ]);
  bench.fill(links.slow);
  expect(bench.owners(0)).toEqual([links.slow.id]);
  return { bench, ...links };
}

test("rule 5: an idle link that is over three times as quick takes a block over", () => {
  const { bench, slow, quick } = race({ slow: UNIT, quick: 100 * UNIT });
  bench.fill(quick);
  expect(bench.owners(0)).toEqual([quick.id]);
  expect(bench.told(slow, "CANCEL")).toBe(2);
  expect(bench.asked(quick)).toEqual([0]);
});

test("rule 5: one that is hardly quicker does not", () => {
  const { bench, quick } = race({ slow: 60 * UNIT, quick: 70 * UNIT });
  bench.fill(quick);
  expect(bench.owners(0)).toEqual([0]);
});

test("rule 5: if what may come twice is over 1 % of the share, the slow one is called off and answers first", () => {
  const { bench, slow, quick } = race({ blocks: 10, slow: UNIT, quick: 100 * UNIT });
  bench.fill(quick);
  expect(bench.told(slow, "CANCEL")).toBe(2);
  expect(bench.owed(quick)).toEqual([]);
  for (const unit of bench.owed(slow)) {
    bench.reject(slow, unit, true);
  }
  bench.settle();
  expect(bench.asked(quick)).toEqual([0]);
  bench.deliverAll(quick);
  expect(bench.scheduler.duplicateBytes).toBe(0);
});

test("rule 5: what comes of a block that was taken over is used as far as it fits", () => {
  const { bench, slow, quick } = race({ slow: UNIT, quick: 100 * UNIT });
  bench.fill(quick);
  bench.deliver(slow); // it was on its way
  bench.deliverAll(quick);
  expect(bench.have.complete).toBe(true);
  expect(bench.scheduler.duplicateBytes).toBeLessThanOrEqual(UNIT);
});

test("rule 6: at the very end two links fetch the same block, and the loser is called off", () => {
  const { bench, slow, quick } = race({ slow: 32 * UNIT, quick: 80 * UNIT });
  bench.fill(quick);
  expect(bench.owners(0)).toEqual([slow.id, quick.id]);
  while (!bench.deliver(quick)) {
    bench.fill(quick);
  }
  bench.scheduler.stored(0);
  expect(bench.owed(slow).length).toBeGreaterThan(0);
  expect(bench.told(slow, "CANCEL")).toBe(bench.owed(slow).length);
  for (const unit of bench.owed(slow)) {
    bench.reject(slow, unit, true);
  }
  expect(bench.scheduler.duplicateBytes).toBe(0);
});

test("rule 6: a block that was called off and never answered is fetched by another at the very end", () => {
  const { bench, slow, quick } = race({ slow: UNIT, quick: 80 * UNIT });
  bench.scheduler.rarity.add(1); // while something waits, only its answer frees the block
  bench.fill(quick);
  expect(bench.told(slow, "CANCEL")).toBe(2);
  expect(bench.owners(0)).toEqual([]);
  bench.scheduler.rarity.remove(1);
  bench.fill(quick);
  expect(bench.owners(0)).toEqual([quick.id]);
  bench.deliverAll(quick);
  expect(bench.have.complete).toBe(true);
});

test("rule 6: never more than two owners", () => {
  const { bench, quick } = race({ slow: 32 * UNIT, quick: 80 * UNIT });
  const third = bench.add([0]);
  hasSent(third, 200 * UNIT, bench.nowMs);
  bench.fill(quick);
  bench.fill(third);
  expect(bench.owners(0)).toHaveLength(2);
});

test("rule 6: not while other blocks wait", () => {
  const bench = new SchedulerBench({ blocks: 1000, unitsPerBlock: 2 });
  const [slow, quick] = [bench.add([0]), bench.add([0])];
  bench.haveRates([
    [slow, 32 * UNIT],
    [quick, 80 * UNIT],
  ]);
  bench.fill(slow);
  bench.fill(quick);
  expect(bench.owners(0)).toEqual([slow.id]);
});

test("rule 6: a share of one block is never fetched twice: it would be over the 1 %", () => {
  const { bench, quick } = race({ blocks: 1, slow: 32 * UNIT, quick: 80 * UNIT });
  bench.fill(quick);
  expect(bench.owners(0)).toHaveLength(1);
});

test("several rescues together keep within 1 % of the share, even if everything comes twice", () => {
  const blocks = 300; // 1 % are 3 blocks
  const held = Array.from({ length: blocks - 10 }, (_, i) => i + 10);
  const bench = new SchedulerBench({ blocks, unitsPerBlock: 2, have: held });
  const slow = Array.from({ length: 10 }, (_, block) => bench.add([block]));
  const quick = Array.from({ length: 10 }, () => bench.add(Array.from({ length: 10 }, (_, block) => block)));
  bench.haveRates([...slow.map((link) => [link, UNIT] as const), ...quick.map((link) => [link, 100 * UNIT] as const)]);
  for (const link of [...slow, ...quick]) {
    bench.fill(link);
  }
  for (const link of [...quick, ...slow]) {
    bench.deliverAll(link);
    bench.settle();
  }
  for (const link of [...quick, ...slow]) {
    bench.deliverAll(link);
  }
  expect(bench.have.complete).toBe(true);
  expect(bench.scheduler.duplicateBytes).toBeLessThanOrEqual(MAX_DUPLICATE_RATIO * bench.geometry.sizeBytes);
});
