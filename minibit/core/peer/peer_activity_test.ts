import { expect, test } from "bun:test";
import { MAX_FETCHES_TOLD } from "../base/limits.ts";
import { SchedulerBench, UNIT } from "../testing/scheduler_bench.ts";
import { activityWithoutShare } from "../wire/activity.ts";
import { peerActivityOf } from "./peer_activity.ts";

function doing(bench: SchedulerBench) {
  const { scheduler, have } = bench;
  return peerActivityOf({ links: new Set(bench.links), scheduler, isComplete: have.complete }, bench.nowMs);
}

test("who fetches tells which blocks, from whom and how fast", () => {
  const bench = new SchedulerBench({ blocks: 4 });
  const a = bench.add([0, 1]);
  const b = bench.add([2, 3]);
  bench.haveRates([[a, 1_000_000]]);
  bench.fill(a);
  bench.fill(b);
  const { activity, flows, fetching } = doing(bench);
  expect(activity).toBe("fetching");
  expect(flows).toEqual([{ peer: a.peerId, bytesPerSecond: Math.round(a.download.peekBytesPerSecond(bench.nowMs)) }]);
  expect(flows[0]?.bytesPerSecond).toBeGreaterThan(500_000);
  const told = fetching.map(({ block, peer }) => `${block} from ${peer}`).sort();
  const asked = [a, b].flatMap((link) => bench.asked(link).map((block) => `${block} from ${link.peerId}`)).sort();
  expect(told).toEqual(asked);
});

test("a link that has sent nothing for long is no flow", () => {
  const bench = new SchedulerBench();
  const link = bench.add([0]);
  bench.haveRates([[link, 1_000_000]]);
  bench.nowMs += 5000;
  expect(doing(bench).flows).toEqual([]);
});

test("a crowd of blocks in flight is cut", () => {
  const bench = new SchedulerBench({ blocks: 300, unitsPerBlock: 1 });
  const link = bench.add(Array.from({ length: 300 }, (_, block) => block));
  bench.haveRates([[link, 4000 * UNIT]]);
  bench.fill(link);
  expect(bench.asked(link).length).toBeGreaterThan(MAX_FETCHES_TOLD);
  expect(doing(bench).fetching).toHaveLength(MAX_FETCHES_TOLD);
});

test("who waits tells why", () => {
  expect(activityWithoutShare(0).activity).toBe("no neighbours");
  expect(activityWithoutShare(3).activity).toBe("nothing to ask");

  const bench = new SchedulerBench({ blocks: 2, unitsPerBlock: 1 });
  expect(doing(bench).activity).toBe("no neighbours");
  const link = bench.add([]);
  expect(doing(bench).activity).toBe("nothing to ask");
  link.download.choke();
  bench.scheduler.learn(link, 0);
  bench.scheduler.learn(link, 1);
  expect(doing(bench).activity).toBe("choked");

  link.download.unchoke();
  bench.fill(link);
  expect(doing(bench).activity).toBe("fetching");
  bench.deliver(link);
  bench.deliver(link);
  expect(doing(bench).activity).toBe("disk");
  bench.scheduler.stored(0);
  expect(doing(bench).activity).toBe("disk");
  bench.scheduler.stored(1);
  expect(doing(bench).activity).toBe("complete");
});

test("who is held up by its own limit says so", () => {
  const bench = new SchedulerBench({ blocks: 20, unitsPerBlock: 1, bytesPerSecond: UNIT / 10 });
  const link = bench.add(Array.from({ length: 20 }, (_, block) => block));
  bench.fill(link);
  bench.deliver(link);
  bench.fill(link);
  expect(bench.owed(link)).toEqual([]);
  expect(doing(bench).activity).toBe("download limit");
});
