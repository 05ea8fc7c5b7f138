import { describe, expect, test } from "bun:test";
import { Bitfield } from "../share/bitfield.ts";
import { SHARE_BLOCKS, shareOf, TrackerBench, UNKNOWN_SHARE } from "../testing/tracker_bench.ts";

describe("the end of a group", () => {
  test("SWARM_DONE is said to all once as many as expected are complete, also if some have left", () => {
    const bench = new TrackerBench(3);
    const seed = bench.seed();
    const early = bench.register(1);
    const late = bench.register(2);
    bench.complete(early, ...SHARE_BLOCKS);
    bench.close(early);
    expect(bench.swarm()).toMatchObject({ complete: 2, expected: 3, done: false });
    bench.update(late, ...SHARE_BLOCKS.slice(1));
    expect(bench.names(seed)).not.toContain("SWARM_DONE");
    bench.complete(late, 0);
    for (const link of [seed, late]) {
      expect(bench.names(link).filter((name) => name === "SWARM_DONE")).toHaveLength(1);
    }
    bench.update(late, 0);
    bench.stats(late, { done: true });
    expect(bench.names(late).filter((name) => name === "SWARM_DONE")).toHaveLength(1);
    expect(bench.swarm()).toMatchObject({ complete: 3, done: true });
    expect(bench.kinds().filter((kind) => kind === "complete")).toHaveLength(3);
    expect(bench.events).toContainEqual({
      kind: "swarm done",
      swarm: { id: "07".repeat(32), name: "arquivos" },
      complete: 3,
    });
  });

  test("receivers are told apart from the seed, wherever they are", () => {
    const bench = new TrackerBench(4);
    bench.seed();
    expect(bench.swarm().receivers).toEqual({ complete: 0, of: 3 });
    const early = bench.register(1);
    bench.complete(early, ...SHARE_BLOCKS);
    bench.close(early);
    bench.close(bench.register(2));
    expect(bench.swarm()).toMatchObject({ complete: 2, receivers: { complete: 1, of: 3 } });
    bench.seed(1); // with all that it fetched
    expect(bench.swarm()).toMatchObject({ complete: 2, receivers: { complete: 1, of: 3 } });
  });

  test("whoever registers after that is told at once", () => {
    const bench = new TrackerBench(1);
    const seed = bench.seed();
    const late = bench.register(1);
    expect(bench.names(late)).toEqual(["REGISTERED", "SWARM_DONE"]);
    expect(bench.last(late, "SWARM_DONE").incomplete).toBe(1);
    bench.complete(late, ...SHARE_BLOCKS);
    expect(bench.names(seed)).toEqual(["REGISTERED", "SWARM_DONE"]);
  });

  test("a peer that holds every block is not complete before its copy stands", () => {
    const bench = new TrackerBench(2);
    const seed = bench.seed();
    const killed = bench.register(1);
    bench.update(killed, ...SHARE_BLOCKS);
    bench.close(killed);
    expect(bench.swarm()).toMatchObject({ complete: 1, done: false });
    const again = bench.register(1, { blocks: Bitfield.full(10) });
    expect(bench.swarm()).toMatchObject({ complete: 1, done: false });
    expect(bench.getPeers(seed).incomplete).toBe(1);
    bench.complete(again);
    expect(bench.swarm()).toMatchObject({ complete: 2, done: true });
    expect(bench.last(seed, "SWARM_DONE").incomplete).toBe(0);
  });

  test("a peer that was complete and comes back with less is so no more: the group waits for it", () => {
    const bench = new TrackerBench(3);
    const seed = bench.seed();
    bench.close(bench.seed(1));
    const poor = bench.register(1);
    expect(bench.swarm()).toMatchObject({ complete: 1, done: false });
    bench.complete(bench.register(2), ...SHARE_BLOCKS);
    expect(bench.names(seed)).not.toContain("SWARM_DONE");
    bench.complete(poor, ...SHARE_BLOCKS);
    expect(bench.names(seed)).toContain("SWARM_DONE");
  });

  test("those who are done hear of one more who is here and lacks blocks, until it does no more", () => {
    const bench = new TrackerBench(2);
    const seed = bench.seed();
    const more = bench.register(2);
    bench.complete(bench.register(1), ...SHARE_BLOCKS);
    expect(bench.last(seed, "SWARM_DONE").incomplete).toBe(1);
    bench.stats(seed, { done: true });
    expect(bench.last(seed, "ALIVE").incomplete).toBe(1);
    bench.complete(more, ...SHARE_BLOCKS);
    bench.stats(seed, { done: true });
    expect(bench.last(seed, "ALIVE").incomplete).toBe(0);
  });

  test("a tracker that starts late learns who is complete as they register", () => {
    const bench = new TrackerBench(3);
    const links = [bench.seed(0), bench.seed(1), bench.seed(2)];
    for (const link of links) {
      expect(bench.names(link)).toEqual(["REGISTERED", "SWARM_DONE"]);
    }
  });

  test("a peer that comes back is not counted twice", () => {
    const bench = new TrackerBench(3);
    bench.seed();
    bench.close(bench.seed(1));
    bench.seed(1);
    expect(bench.swarm()).toMatchObject({ complete: 2, done: false });
  });

  test("without --expect nobody is told that it is over", () => {
    const bench = new TrackerBench(0);
    const link = bench.seed();
    expect(bench.names(link)).toEqual(["REGISTERED"]);
    expect(bench.swarm()).toMatchObject({ complete: 1, expected: 0, done: false });
  });

  test("a peer of an empty share is complete only once it knows that it is empty", () => {
    const bench = new TrackerBench(2);
    bench.seed(0, { share: shareOf(0) });
    const link = bench.register(1, { share: UNKNOWN_SHARE });
    expect(bench.swarm()).toMatchObject({ complete: 1, done: false, copies: { min: 0, mean: 0, max: 0 } });
    expect(bench.peer(1)).toMatchObject({ complete: false, percent: 0 });
    bench.stats(link, { done: true });
    expect(bench.swarm()).toMatchObject({ complete: 2, done: true });
    expect(bench.peer(1)).toMatchObject({ complete: true, percent: 100 });
  });

  test("a new round of the same share does not end before it has begun", () => {
    for (const expected of [0, 2]) {
      const bench = new TrackerBench(expected);
      const first = [bench.seed(0), bench.seed(1)];
      for (const link of first) {
        bench.close(link);
      }
      expect(bench.swarm().complete).toBe(2);
      // whoever was complete and comes back alone is no new round
      const again = bench.seed(1);
      expect(bench.swarm().complete).toBe(2);
      bench.close(again);

      expect(bench.names(bench.seed(0))).toEqual(["REGISTERED"]);
      expect(bench.swarm()).toMatchObject({ complete: 1, done: false });
      expect(bench.names(bench.register(1))).toEqual(["REGISTERED"]);
    }
  });
});
