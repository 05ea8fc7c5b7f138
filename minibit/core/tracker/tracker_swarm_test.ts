import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  HEARTBEAT_MS,
  MAX_BLOCKS,
  MAX_PEERS_ANSWERED,
  MAX_STATS_AT_ONCE,
  MAX_STATS_PER_SECOND,
} from "../base/limits.ts";
import { blocksOf, SHARE, SHARE_BLOCKS, shareOf, TrackerBench } from "../testing/tracker_bench.ts";
import { PEER_MESSAGES } from "../wire/peer_wire.ts";

describe("blocks", () => {
  test("copies are a matter of sets: announced twice counts once, gone counts no more", () => {
    const bench = new TrackerBench();
    const seed = bench.seed();
    const link = bench.register(1, { blocks: blocksOf(10, [0, 1]) });
    bench.update(link, 1, 2);
    bench.update(link, 1, 2);
    expect(bench.peer(1)).toMatchObject({ blocks: 3, percent: 30, complete: false });
    expect(bench.swarm().copies).toEqual({ min: 1, mean: 1.3, max: 2 });
    bench.close(seed);
    expect(bench.swarm().copies).toEqual({ min: 0, mean: 0.3, max: 1 });
  });

  test("what a peer does with its own set later is not the tracker's", () => {
    const bench = new TrackerBench();
    const blocks = blocksOf(10, [1]);
    bench.register(1, { blocks });
    blocks.add(2);
    expect(bench.peer(1).blocks).toBe(1);
  });

  test("a block the share does not have is refused", () => {
    const bench = new TrackerBench();
    const link = bench.register(1);
    bench.update(link, 9, 10);
    expect(bench.refusal(link)).toBe("protocol");
    expect(bench.last(link, "ERROR").text).toContain("block 10");
  });

  test("the rarest blocks a peer lacks are suggested, none that nobody holds", () => {
    const bench = new TrackerBench();
    const held = (...blocks: number[]) => ({ share: shareOf(40), blocks: blocksOf(40, blocks) });
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
    bench.register(1, held(...range(0, 30)));
    bench.register(2, held(...range(0, 10)));
    const asking = bench.register(3, held(...range(25, 30)));
    const { suggested } = bench.getPeers(asking);
    expect(suggested).toHaveLength(16);
    expect(new Set(suggested).size).toBe(16);
    expect(suggested.slice(0, 15).sort((a, b) => a - b)).toEqual(range(10, 25));
    expect(suggested[15]).toBeLessThan(10);
  });

  test("different askers are suggested different blocks", () => {
    const bench = new TrackerBench();
    const share = shareOf(1000);
    bench.seed(0, { share });
    const all = [1, 2, 3, 4].flatMap((id) => bench.getPeers(bench.register(id, { share })).suggested);
    expect(new Set(all).size).toBeGreaterThan(50);
  });

  test("copies and suggestions agree with counting by hand, whatever happens", () => {
    const step = fc.record({
      peer: fc.integer({ min: 1, max: 4 }),
      blocks: fc.uniqueArray(fc.nat(19)),
      leave: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const bench = new TrackerBench();
        const share = shareOf(20);
        const asking = bench.register(9, { share });
        const links = new Map<number, number>();
        const held = new Map<number, Set<number>>();
        for (const { peer, blocks, leave } of steps) {
          const rising = blocks.sort((a, b) => a - b);
          const link = links.get(peer);
          if (link === undefined) {
            links.set(peer, bench.register(peer, { share, blocks: blocksOf(20, rising) }));
            held.set(peer, new Set(rising));
          } else if (leave) {
            bench.close(link);
            links.delete(peer);
            held.delete(peer);
          } else {
            bench.update(link, ...rising);
            held.set(peer, new Set([...(held.get(peer) ?? []), ...rising]));
          }
        }
        const counts = Array.from({ length: 20 }, (_, b) => [...held.values()].filter((set) => set.has(b)).length);
        const sum = counts.reduce((a, b) => a + b, 0);
        expect(bench.swarm().copies).toEqual({ min: Math.min(...counts), mean: sum / 20, max: Math.max(...counts) });
        const rarity = counts.filter((copies) => copies > 0).sort((a, b) => a - b);
        const suggested = bench.getPeers(asking).suggested.map((block) => counts[block] ?? 0);
        expect(suggested).toEqual(rarity.slice(0, 16));
      }),
    );
  });

  test("a share of a million blocks is no trouble", () => {
    const bench = new TrackerBench();
    const share = shareOf(MAX_BLOCKS);
    bench.seed(0, { share });
    const link = bench.register(1, { share });
    expect(bench.getPeers(link).suggested).toHaveLength(16);
    bench.update(link, 0, 1, MAX_BLOCKS - 1);
    expect(bench.swarm().copies).toEqual({ min: 1, mean: 1 + 3 / MAX_BLOCKS, max: 2 });
  });
});

describe("GET_PEERS", () => {
  function answerWith(others: number): number[] {
    const bench = new TrackerBench();
    const asking = bench.register(1000);
    for (let id = 0; id < others; id++) {
      bench.register(id);
    }
    return bench.getPeers(asking).peers.map((peer) => peer.id);
  }

  test("answers with all others in a small swarm, and never with the caller", () => {
    for (const others of [0, 1, 4, 5, MAX_PEERS_ANSWERED]) {
      expect(answerWith(others).sort((a, b) => a - b)).toEqual(Array.from({ length: others }, (_, id) => id));
    }
  });

  test("answers with a random part of a big one", () => {
    const ids = answerWith(200);
    expect(new Set(ids).size).toBe(MAX_PEERS_ANSWERED);
    expect(ids).not.toContain(1000);
    expect(Math.max(...ids)).toBeGreaterThan(100);
  });

  test("names each peer of a big swarm about as often as any other, also while some leave", () => {
    const bench = new TrackerBench();
    const asking = bench.register(1000);
    const links = Array.from({ length: 400 }, (_, id) => bench.register(id));
    for (const [id, link] of links.entries()) {
      if (id % 2 === 0) {
        bench.close(link);
      }
    }
    const named = new Map<number, number>();
    for (let i = 0; i < 2000; i++) {
      const { peers } = bench.getPeers(asking);
      expect(new Set(peers.map(({ id }) => id)).size).toBe(MAX_PEERS_ANSWERED);
      for (const { id } of peers) {
        named.set(id, (named.get(id) ?? 0) + 1);
      }
    }
    expect([...named.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => 2 * i + 1));
    // 300 each on average; five standard deviations of a fair draw are 80
    expect(Math.min(...named.values())).toBeGreaterThan(220);
    expect(Math.max(...named.values())).toBeLessThan(380);
  });

  test("an answer in a big swarm costs as much as in one of hundreds", () => {
    const draws = (peers: number): number => {
      const bench = new TrackerBench();
      for (let id = 0; id < peers; id++) {
        bench.seed(id);
      }
      const asking = bench.seed(peers);
      const before = bench.draws;
      bench.getPeers(asking);
      return bench.draws - before;
    };
    expect(draws(5000)).toBe(draws(200));
  });

  test("prefers those with few neighbours", () => {
    const bench = new TrackerBench();
    const asking = bench.register(1000);
    for (let id = 0; id < 60; id++) {
      bench.stats(bench.register(id), { neighbours: id % 2 === 0 ? 40 : 3 });
    }
    const ids = bench.getPeers(asking).peers.map((peer) => peer.id);
    expect(ids).toHaveLength(MAX_PEERS_ANSWERED);
    expect(ids.filter((id) => id % 2 === 0)).toEqual([]);
  });

  test("tells how many there are and how many lack blocks", () => {
    const bench = new TrackerBench();
    bench.seed();
    const gone = bench.register(1);
    const asking = bench.register(2);
    expect(bench.getPeers(asking)).toMatchObject({ registered: 3, incomplete: 2 });
    bench.close(gone);
    expect(bench.getPeers(asking)).toMatchObject({ registered: 2, incomplete: 1 });
    bench.update(asking, ...SHARE_BLOCKS);
    expect(bench.getPeers(asking)).toMatchObject({ registered: 2, incomplete: 1, suggested: [] });
    bench.stats(asking, { done: true });
    expect(bench.getPeers(asking)).toMatchObject({ registered: 2, incomplete: 0, suggested: [] });
  });
});

describe("status", () => {
  test("tells of every peer what it reported", () => {
    const bench = new TrackerBench(4);
    bench.seed();
    const link = bench.register(1, { blocks: blocksOf(10, [1, 2, 3]) });
    bench.stats(link, {
      downBytesPerSecond: 1000,
      upBytesPerSecond: 500,
      downBytes: 3072,
      upBytes: 1024,
      duplicateBytes: 7,
      hashFailures: 1,
      unchoked: [0, 2],
      optimistic: [2],
      chokedBy: 1,
      neighbours: 2,
    });
    expect(bench.peer(1)).toEqual({
      id: 1,
      name: "peer 1",
      host: "10.0.0.1",
      hosts: ["10.0.0.1", "10.0.0.9"],
      port: 6001,
      state: "here",
      blocks: 3,
      percent: 30,
      complete: false,
      seed: false,
      downBytesPerSecond: 1000,
      upBytesPerSecond: 500,
      downBytes: 3072,
      upBytes: 1024,
      duplicateBytes: 7,
      hashFailures: 1,
      unchoked: [0, 2],
      optimistic: 2,
      choked: false,
      chokedBy: 1,
      neighbours: 2,
      messages: {},
    });
    bench.stats(link, { chokedBy: 2, neighbours: 2 });
    expect(bench.peer(1).choked).toBe(true);
    expect(bench.peer(0)).toMatchObject({ seed: true, complete: true, percent: 100, choked: false });
    expect(bench.swarm()).toMatchObject({ id: "07".repeat(32), ...SHARE, expected: 4, complete: 1 });
  });

  test("tells of a peer once, also when it went and came back", () => {
    const bench = new TrackerBench();
    bench.seed();
    bench.close(bench.register(1));
    expect(bench.peer(1).state).toBe("left");
    bench.register(1);
    expect(bench.swarm().peers.map(({ id, state }) => [id, state])).toEqual([
      [0, "here"],
      [1, "here"],
    ]);
  });

  test("adds up messages by name, for each peer and for the swarm", () => {
    const bench = new TrackerBench();
    const seed = bench.seed();
    const link = bench.register(1);
    const counts = (requests: number) => [
      { type: PEER_MESSAGES.HELLO.code, count: 1 },
      { type: PEER_MESSAGES.REQUEST.code, count: requests },
    ];
    bench.stats(link, { messages: counts(5) });
    bench.stats(link, { messages: counts(7) });
    bench.stats(seed, { messages: counts(0) });
    expect(bench.peer(1).messages).toEqual({ HELLO: 2, REQUEST: 12 });
    expect(bench.swarm().messages).toEqual({ HELLO: 3, REQUEST: 12 });
    bench.stats(link, { messages: [{ type: 99, count: 1 }] });
    expect(bench.refusal(link)).toBe("protocol");
  });

  test("reports of blocks that the share does not have, and floods of reports, end the link", () => {
    const bench = new TrackerBench();
    const liar = bench.register(1);
    bench.stats(liar, { fetching: [{ block: SHARE.blockCount, peer: 0 }] });
    expect(bench.refusal(liar)).toBe("protocol");
    const link = bench.register(2);
    for (let i = 0; i < MAX_STATS_AT_ONCE; i++) {
      bench.stats(link);
    }
    expect(bench.refusal(link)).toBeUndefined();
    bench.pass(HEARTBEAT_MS);
    bench.stats(link);
    expect(bench.refusal(link)).toBeUndefined();
    for (let i = 0; i < MAX_STATS_PER_SECOND; i++) {
      bench.stats(link);
    }
    expect(bench.refusal(link)).toBe("protocol");
  });

  test("is plain JSON, a hundred percent only for what is whole", () => {
    const bench = new TrackerBench();
    const share = shareOf(3000);
    bench.register(1, {
      share,
      blocks: blocksOf(
        3000,
        Array.from({ length: 2999 }, (_, i) => i),
      ),
    });
    expect(bench.peer(1).percent).toBe(99.9);
    const snapshot = bench.core.snapshot();
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
  });
});
