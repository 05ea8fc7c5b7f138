import { expect, test } from "bun:test";
import { SchedulerBench, UNIT } from "../testing/scheduler_bench.ts";

const ALL = [0, 1, 2, 3, 4, 5, 6, 7];

test("rule 1: a block left unfinished comes first, the one nearest to done before others", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 4 });
  const [a, b] = [bench.add([5]), bench.add([6])];
  bench.fill(a);
  bench.fill(b);
  bench.deliver(a);
  bench.deliver(b);
  bench.deliver(b);
  bench.scheduler.forget(a);
  bench.scheduler.forget(b);
  const c = bench.add(ALL);
  c.download.suggest([0], 9);
  bench.fill(c);
  expect(bench.owed(c).slice(0, 4)).toEqual([
    { block: 6, offset: 2 * UNIT, length: UNIT },
    { block: 6, offset: 3 * UNIT, length: UNIT },
    { block: 5, offset: UNIT, length: UNIT },
    { block: 5, offset: 2 * UNIT, length: UNIT },
  ]);
});

test("rule 2: suggestions are followed in their order, but for what is useless", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 2, have: [1] });
  const link = bench.add([0, 1, 2, 3, 4]);
  link.download.suggest([7, 1, 4, 2], 9); // 7: it does not hold it; 1: held already
  bench.fill(link);
  expect(bench.asked(link)).toEqual([4, 2]);
});

test("rule 2: while a seed plans, we choose ourselves only if the pipe would run dry", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 1 });
  const link = bench.add(ALL);
  bench.haveRates([[link, 500 * UNIT]]); // the pipe could hold more
  link.download.plan(true);
  link.download.suggest([6], 9);
  bench.fill(link);
  expect(bench.asked(link)[0]).toBe(6);
  expect(bench.owed(link)).toHaveLength(4);
});

test("rule 3: holding nothing, a block with two copies or more is asked, not the rarest", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 8 });
  const link = bench.add([2, 3]);
  bench.add([3]);
  bench.fill(link);
  expect(bench.asked(link)[0]).toBe(3);
});

test("rule 4: holding something, the rarest block the link holds is asked", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 8, have: [0] });
  bench.add([1, 2, 4]);
  bench.add([1, 4]);
  const link = bench.add([1, 2]);
  bench.fill(link);
  expect(bench.asked(link)[0]).toBe(2);
});

test("rule 4: peers with the same view ask for different blocks", () => {
  const firsts = new Set<number>();
  const bench = new SchedulerBench({ blocks: 100, unitsPerBlock: 8, have: [0] });
  for (let i = 0; i < 10; i++) {
    const link = bench.add(Array.from({ length: 100 }, (_, block) => block));
    bench.fill(link);
    firsts.add(bench.asked(link)[0] as number);
  }
  expect(firsts.size).toBe(10);
});

test("nothing is asked of a link that holds nothing we lack", () => {
  const bench = new SchedulerBench({ have: [0, 1] });
  const link = bench.add([0, 1]);
  bench.fill(link);
  expect(bench.owed(link)).toEqual([]);
  bench.scheduler.learn(link, 2);
  bench.fill(link);
  expect(bench.asked(link)).toEqual([2]);
});

test("a complete neighbour does not hide that another holds a common block", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 8, have: [0] });
  const seeds = [bench.add(ALL), bench.add(ALL)];
  const link = bench.add([5]);
  bench.fill(link);
  expect(bench.asked(link)).toEqual([5]);
  for (const seed of seeds) {
    bench.scheduler.forget(seed);
  }
  bench.scheduler.learn(link, 6);
  while (bench.asked(link).includes(5)) {
    bench.deliver(link);
    bench.fill(link);
  }
  expect(bench.asked(link)).toEqual([6]);
});
