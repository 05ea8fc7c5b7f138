import { expect, test } from "bun:test";
import { type BoardEvent, packRuns } from "./board_event.ts";
import { BoardModel } from "./board_model.ts";
import { copiesOf } from "./copies.ts";
import { etaMsOf, etaText, figuresOf, heldPercent, percentText } from "./swarm_figures.ts";
import { NO_BOARD_STATS, type PeerModel, type SwarmModel } from "./swarm_model.ts";
import { verdictOf } from "./verdict.ts";

const share = { name: "a", sizeBytes: 95, blockSizeBytes: 10, blockCount: 10 };

/** A seed and two peers, of which 1 holds 4 blocks and 2 holds none. */
function board(...events: readonly (readonly [t: number, event: BoardEvent])[]): SwarmModel {
  return boardOf({}, events);
}

function boardOf(
  uplinks: Pick<Extract<BoardEvent, { type: "swarm" }>, "peerUplinks">,
  events: readonly (readonly [t: number, event: BoardEvent])[],
): SwarmModel {
  const model = new BoardModel();
  const join = (id: number, count: number, t: number): void => {
    const peer = { id, name: `peer ${id}`, host: "::1", port: 1, seed: id === 0 };
    model.apply({
      t,
      event: { type: "peer", swarm: "s", peer, blocks: packRuns(Array.from({ length: count }).keys()) },
    });
  };
  model.apply({ t: 0, event: { type: "swarm", swarm: "s", share, expected: 3, uplinkBytesPerSecond: 10, ...uplinks } });
  join(0, 10, 0);
  join(1, 4, 1000);
  join(2, 0, 2000);
  for (const [t, event] of events) {
    model.apply({ t, event });
  }
  return model.swarms.get("s") as SwarmModel;
}

function rate(peer: number, downBytesPerSecond: number): [number, BoardEvent] {
  return [3000, { type: "stats", swarm: "s", peer, stats: { ...NO_BOARD_STATS, downBytesPerSecond } }];
}

function complete(peer: number, t: number): [number, BoardEvent][] {
  return [
    [t, { type: "blocks", swarm: "s", peer, blocks: [0, 10] }],
    [
      t,
      {
        type: "stats",
        swarm: "s",
        peer,
        stats: { ...NO_BOARD_STATS, downBytes: 100, duplicateBytes: 5, messages: { CHOKE: 1, BLOCK: 7 } },
      },
    ],
    [t, { type: "complete", swarm: "s", peer }],
  ];
}

test("the figures of a swarm under way", () => {
  const swarm = board(rate(1, 5), rate(2, 19));
  expect(figuresOf(swarm)).toEqual({
    ...{ here: 3, complete: 0, of: 2, percent: 20, bytesPerSecond: 24 },
    // 150 bytes at 24 a second, and a little for peer 1: it takes 11 s alone, the other 5 s
    etaMs: 5000 + 6000 / 4,
    copies: { min: 1, mean: 1.4, max: 2 },
  });
  expect(etaMsOf(swarm, swarm.peers.get(2) as PeerModel)).toBe(5000);
});

function departed(peer: number, how: "left" | "gone" = "left"): [number, BoardEvent] {
  return [9000, { type: "departed", swarm: "s", peer, how }];
}

test("who left with the whole share counts as copied, who went without is left out", () => {
  expect(figuresOf(board(...complete(1, 8000), departed(1), departed(2))).percent).toBe(100);
  expect(figuresOf(board(...complete(1, 8000), departed(1))).percent).toBeLessThan(100);
});

test("receivers are counted, which a seed is not: those to come, and those that went without", () => {
  expect(figuresOf(board())).toMatchObject({ complete: 0, of: 2 });
  expect(figuresOf(board(...complete(1, 8000), departed(2, "gone")))).toMatchObject({ complete: 1, of: 2 });
  // one more came than was expected, as where one is to be killed
  const peer = { id: 3, name: "peer 3", host: "::1", port: 1, seed: false };
  const joins: [number, BoardEvent] = [3000, { type: "peer", swarm: "s", peer, blocks: [] }];
  expect(figuresOf(board(joins, ...complete(1, 8000)))).toMatchObject({ complete: 1, of: 3 });
  // whose line broke when it had everything
  const again: [number, BoardEvent] = [
    9500,
    { type: "peer", swarm: "s", peer: { ...peer, id: 1, seed: true }, blocks: [0, 10] },
  ];
  expect(figuresOf(board(...complete(1, 8000), departed(1), again))).toMatchObject({ complete: 1, of: 2 });
});

test("when all have left, the swarm is shown as it was when it was whole", () => {
  const whole = [...complete(1, 8000), ...complete(2, 8500)];
  const ended = board(...whole, [8600, { type: "done", swarm: "s" }], departed(1), departed(2), departed(0));
  const deserted = board(...whole, departed(1), departed(2), departed(0));
  for (const swarm of [ended, deserted]) {
    expect(swarm.isOver).toBe(true);
    expect(figuresOf(swarm)).toMatchObject({ here: 3, complete: 2, of: 2, copies: { min: 3, mean: 3, max: 3 } });
    const viewer = new BoardModel();
    for (const event of swarm.snapshot()) {
      viewer.apply(event);
    }
    expect(figuresOf(viewer.swarms.get("s") as SwarmModel)).toEqual(figuresOf(swarm));
  }
  const half = board(...whole, [8600, { type: "done", swarm: "s" }], departed(1));
  const viewer = new BoardModel();
  for (const event of half.snapshot()) {
    viewer.apply(event);
  }
  expect(figuresOf(half).copies.min).toBe(3);
  expect(figuresOf(viewer.swarms.get("s") as SwarmModel)).toEqual(figuresOf(half));
});

test("who comes when all have left finds no copies but its own; a seed that leaves alone leaves nothing", () => {
  const peer = { id: 3, name: "peer 3", host: "::1", port: 1, seed: false };
  const late: [number, BoardEvent] = [10_000, { type: "peer", swarm: "s", peer, blocks: [0, 1] }];
  const swarm = board(...complete(1, 8000), departed(1), departed(2), departed(0), late);
  expect(figuresOf(swarm)).toMatchObject({ here: 1, copies: { min: 0, max: 1 } });
  expect(figuresOf(board(departed(1), departed(2), departed(0)))).toMatchObject({ here: 0, copies: { max: 0 } });
});

test("how long it takes is told from the rate of some seconds, not of the last one", () => {
  const swarm = board(rate(1, 10), rate(1, 5));
  expect(swarm.peers.get(1)?.stats.downBytesPerSecond).toBe(5);
  expect(etaMsOf(swarm, swarm.peers.get(1) as PeerModel)).toBe(55_000 / 9);
  expect(etaText(55_000 / 9)).toBe("0:07");
  expect(etaText(undefined)).toBe("-");
});

test("nobody can say how long it takes while nothing comes", () => {
  const swarm = board();
  expect(figuresOf(swarm).etaMs).toBeUndefined();
  expect(etaMsOf(swarm, swarm.peers.get(0) as PeerModel)).toBeUndefined();
});

test("a peer that receives nothing does not make the rest of the swarm endless, nor instant", () => {
  // 55 and 95 bytes are missing, and 5 a second come
  expect(figuresOf(board(rate(1, 5))).etaMs).toBe(30_000);
});

test("never 100 % before everything is there", () => {
  const swarm = board([5000, { type: "blocks", swarm: "s", peer: 1, blocks: [0, 9] }]);
  expect(heldPercent(swarm.peers.get(1) as PeerModel)).toBe(90);
  expect([percentText(99.94), percentText(100), percentText(7)]).toEqual(["99.9 %", "100 %", "7.0 %"]);
  expect(copiesOf(new Uint16Array(0))).toEqual({ min: 0, mean: 0, max: 0 });
});

test("no verdict while somebody fetches or is still to come", () => {
  expect(verdictOf(board())).toBeUndefined();
  expect(verdictOf(board(...complete(1, 9000)))).toBeUndefined();
});

test("the verdict tells who finished when, and how far from the bound", () => {
  const sent: [number, BoardEvent] = [
    9000,
    { type: "stats", swarm: "s", peer: 0, stats: { ...NO_BOARD_STATS, upBytes: 190 } },
  ];
  const verdict = verdictOf(board(sent, ...complete(2, 11_000), ...complete(1, 21_000)));
  expect(verdict?.finishers.map(({ peer, seconds }) => [peer.id, seconds])).toEqual([
    [2, 10],
    [1, 20],
  ]);
  expect(verdict).toMatchObject({
    ...{ seconds: 20, without: [], seedShares: 2, duplicateBytes: 10, hashFailures: 0 },
    messages: [
      ["BLOCK", 14],
      ["CHOKE", 2],
    ],
    // 95 bytes at 10 a second from the seed
    boundSeconds: 9.5,
  });
});

test("the bound knows of peers whose uplink carries something else", () => {
  const others: [number, BoardEvent][] = [...complete(2, 11_000), ...complete(1, 21_000)];
  expect(verdictOf(board(...others))?.boundSeconds).toBe(9.5);
  const peerUplinks = [[0, 5]] as const;
  expect(verdictOf(boardOf({ peerUplinks }, others))?.boundSeconds).toBe(19);
});

test("what receivers held when they came is no part of the bound", () => {
  // both fetched 40 of 95 bytes, and of those the seed has to send none: 80 bytes over three uplinks of 10 a second
  const had = [1, 2].flatMap((peer) => complete(peer, 11_000));
  const fetched = had.map(([t, event]) => {
    const stats = { ...NO_BOARD_STATS, downBytes: 45, duplicateBytes: 5 };
    return [t, event.type === "stats" ? { ...event, stats } : event] as const;
  });
  expect(verdictOf(board(...fetched))?.boundSeconds).toBeCloseTo(80 / 30);
});

test("who is gone is named as going without, and does not hold up the verdict", () => {
  const gone: [number, BoardEvent] = [12_000, { type: "departed", swarm: "s", peer: 2, how: "gone" }];
  const verdict = verdictOf(board(...complete(1, 9000), gone));
  expect(verdict?.without.map(({ id }) => id)).toEqual([2]);
  expect(verdict?.finishers).toHaveLength(1);
});
