import { expect, test } from "bun:test";
import { ProtocolError } from "../base/errors.ts";
import { MIN_SNUB_MS } from "../base/limits.ts";
import { SchedulerBench, UNIT } from "../testing/scheduler_bench.ts";

const ALL = [0, 1, 2, 3, 4, 5, 6, 7];

test("a block is asked front to back, and the next as soon as its last unit was asked", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 2 });
  const link = bench.add([3, 5]);
  bench.fill(link);
  const [first, second] = bench.asked(link) as [number, number];
  expect(bench.owed(link)).toEqual([
    { block: first, offset: 0, length: UNIT },
    { block: first, offset: UNIT, length: UNIT },
    { block: second, offset: 0, length: UNIT },
    { block: second, offset: UNIT, length: UNIT },
  ]);
});

test("a block has one owner", () => {
  const bench = new SchedulerBench();
  const [a, b] = [bench.add(ALL), bench.add(ALL)];
  bench.fill(a);
  bench.fill(b);
  expect(new Set([...bench.asked(a), ...bench.asked(b)]).size).toBe(bench.asked(a).length + bench.asked(b).length);
});

test("the last block may be shorter than a unit", () => {
  const bench = new SchedulerBench({ blocks: 1, unitsPerBlock: 1 });
  const link = bench.add([0]);
  bench.fill(link);
  expect(bench.owed(link)).toEqual([{ block: 0, offset: 0, length: UNIT }]);
  expect(bench.deliver(link)).toBe(true);
});

test("nothing is asked of a link that chokes us, but what it allows", () => {
  const bench = new SchedulerBench();
  const link = bench.add(ALL);
  link.download.choke();
  bench.fill(link);
  expect(bench.owed(link)).toEqual([]);
  link.download.allow([6], 9);
  bench.fill(link);
  expect(bench.asked(link)).toEqual([6]);
  bench.deliverAll(link);
  expect(link.download.allowed.size).toBe(0); // for one time only
});

test("only an answer gives a block back: after CHOKE it waits for the REJECTs, then others fetch it from where it stands", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 4 });
  const [a, b] = [bench.add([2]), bench.add([2])];
  bench.fill(a);
  bench.deliver(a);
  a.download.choke();
  bench.scheduler.choked(a);
  bench.fill(b);
  expect(bench.owed(b)).toEqual([]);
  for (const unit of bench.owed(a)) {
    bench.reject(a, unit, true);
  }
  bench.settle();
  expect(bench.owed(b)[0]).toEqual({ block: 2, offset: UNIT, length: UNIT });
  bench.deliverAll(b);
  expect(bench.have.has(2)).toBe(true);
  expect(bench.scheduler.duplicateBytes).toBe(0);
});

test("a CHOKE followed at once by UNCHOKE asks nothing twice", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 4 });
  const link = bench.add([2]);
  bench.fill(link);
  bench.scheduler.choked(link);
  bench.fill(link);
  expect(bench.owed(link)).toHaveLength(4);
  bench.deliverAll(link);
  expect(bench.scheduler.duplicateBytes).toBe(0);
  expect(bench.have.has(2)).toBe(true);
});

test("an allowed block goes on through a choke", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 8 });
  const link = bench.add(ALL);
  bench.fill(link);
  const [block] = bench.asked(link) as [number];
  link.download.choke();
  link.download.allow([block], 9);
  bench.scheduler.choked(link);
  bench.deliver(link);
  bench.fill(link);
  bench.deliverAll(link);
  bench.fill(link);
  bench.deliverAll(link);
  expect(bench.have.has(block)).toBe(true);
});

test("a refused block is asked of others, and of the same link only later", () => {
  const bench = new SchedulerBench({ blocks: 1 });
  const [a, b] = [bench.add([0]), bench.add([0])];
  bench.fill(a);
  for (const unit of bench.owed(a)) {
    bench.reject(a, unit);
  }
  bench.fill(a);
  expect(bench.owed(a)).toEqual([]);
  bench.settle();
  expect(bench.asked(b)).toEqual([0]);
  for (const unit of bench.owed(b)) {
    bench.reject(b, unit);
  }
  bench.nowMs += 1000;
  bench.fill(a);
  expect(bench.asked(a)).toEqual([0]);
});

test("when a link is gone, another goes on where it stopped", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 4 });
  const [a, b] = [bench.add([1]), bench.add([1])];
  bench.fill(a);
  bench.deliver(a);
  bench.deliver(a);
  bench.scheduler.forget(a);
  bench.links.shift();
  bench.settle();
  expect(bench.owed(b)).toEqual([
    { block: 1, offset: 2 * UNIT, length: UNIT },
    { block: 1, offset: 3 * UNIT, length: UNIT },
  ]);
  expect(bench.scheduler.rarity.copies(1)).toBe(1);
});

test("part of a unit that came before its link closed is kept", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 2 });
  const [a, b] = [bench.add([1]), bench.add([1])];
  bench.fill(a);
  expect(bench.scheduler.received(1, 1000)).toBe(false);
  bench.scheduler.forget(a);
  bench.links.shift();
  bench.settle();
  expect(bench.owed(b)[0]).toEqual({ block: 1, offset: 1000, length: UNIT });
});

test("a unit that falls in a gap cannot be used, and the block is asked again from its end", () => {
  const bench = new SchedulerBench({ unitsPerBlock: 3 });
  const link = bench.add([1]);
  bench.fill(link);
  const [first, second, third] = bench.owed(link);
  bench.reject(link, first, true);
  bench.deliver(link, second);
  expect(bench.scheduler.duplicateBytes).toBe(UNIT);
  bench.reject(link, third, true);
  bench.nowMs += 1000;
  bench.fill(link);
  expect(bench.owed(link)[0]).toMatchObject({ block: 1, offset: 0 });
});

test("an answer to nothing is a protocol error", () => {
  const bench = new SchedulerBench();
  const link = bench.add(ALL);
  bench.fill(link);
  const unit = { block: 7, offset: 1, length: 5 };
  expect(bench.scheduler.judge(link, unit)).toBe("unsolicited");
  expect(() => bench.scheduler.arrived(link, unit, { receivedBytes: 5, nowMs: 0 })).toThrow(ProtocolError);
  expect(() => bench.reject(link, unit)).toThrow(ProtocolError);
});

test("a link that owes units too long is called off, asked one at a time, and heard again when it delivers", () => {
  const bench = new SchedulerBench({ blocks: 8, unitsPerBlock: 1 });
  const [a, b] = [bench.add(ALL), bench.add(ALL)];
  bench.fill(a);
  const owed = bench.owed(a);
  bench.nowMs = MIN_SNUB_MS;
  expect(bench.scheduler.snubIfSilent(a, bench.nowMs)).toBe(false);
  bench.nowMs++;
  expect(bench.scheduler.snubIfSilent(a, bench.nowMs)).toBe(true);
  expect(bench.scheduler.snubIfSilent(a, bench.nowMs)).toBe(false);
  expect(bench.told(a, "CANCEL")).toBe(2);
  bench.fill(a);
  expect(bench.owed(a)).toHaveLength(2); // nothing more until it answers
  for (const unit of owed) {
    bench.reject(a, unit);
  }
  bench.settle();
  expect(bench.owed(a)).toHaveLength(1);
  bench.deliver(a);
  expect(a.download.snubbed).toBe(false);
  expect(bench.owed(b)).not.toEqual([]);
});

test("a link that does not even answer CANCELs loses its blocks in the end, and can keep no other as a hostage", () => {
  const bench = new SchedulerBench({ blocks: 2, unitsPerBlock: 1 });
  const [dead, other] = [bench.add([0]), bench.add([0])];
  bench.fill(dead);
  const owed = bench.owed(dead);
  for (bench.nowMs = 0; bench.nowMs <= 2 * MIN_SNUB_MS + 500; bench.nowMs += 250) {
    bench.scheduler.snubIfSilent(dead, bench.nowMs);
    bench.settle();
  }
  expect(bench.asked(other)).toEqual([0]);
  expect(bench.owed(dead)).toEqual(owed);
  bench.deliverAll(other);
  expect(bench.have.has(0)).toBe(true);
});

test("with a download limit the requests are held back, and it is known when they may go on", () => {
  const bench = new SchedulerBench({ blocks: 8, unitsPerBlock: 1, bytesPerSecond: UNIT });
  const link = bench.add(ALL);
  bench.fill(link);
  expect(bench.owed(link)).toHaveLength(1);
  const atMs = bench.scheduler.refillAtMs(bench.nowMs);
  expect(atMs).toBeWithin(900, 1001);
  bench.nowMs = atMs;
  bench.settle();
  expect(bench.owed(link)).toHaveLength(2);
});

test("a wrong block of several senders is fetched anew from one peer only, from its first byte", () => {
  const bench = new SchedulerBench({ blocks: 1, unitsPerBlock: 4 });
  const [a, b] = [bench.add([0]), bench.add([0])];
  bench.fill(a);
  bench.deliver(a);
  bench.scheduler.choked(a);
  for (const unit of bench.owed(a)) {
    bench.reject(a, unit, true);
  }
  bench.fill(b);
  while (!bench.deliver(b)) {}
  bench.scheduler.corrupt(0, { solo: true });
  bench.settle();
  expect(bench.owners(0)).toHaveLength(1);
});

test("a solo block that its only peer leaves starts over, and bytes of others are not wanted", () => {
  const bench = new SchedulerBench({ blocks: 1, unitsPerBlock: 4 });
  const [a, b] = [bench.add([0]), bench.add([0])];
  bench.fill(a);
  while (!bench.deliver(a)) {}
  bench.scheduler.corrupt(0, { solo: true });
  bench.fill(a);
  bench.scheduler.received(0, 100);
  bench.scheduler.forget(a);
  bench.links.shift();
  expect(bench.discarded).toEqual([0]);
  bench.settle();
  expect(bench.owed(b)[0]).toMatchObject({ block: 0, offset: 0 });
});
