import { expect, test } from "bun:test";
import { nameList, peerLabel, tame } from "../model/labels.ts";
import { NO_BOARD_STATS, type PeerModel, type SwarmModel } from "../model/swarm_model.ts";
import { Playback } from "../recording/playback.ts";
import { livelyEvents } from "../testing/lively_recording.ts";
import { chartSeries } from "./chart_series.ts";
import { layOutMap } from "./map_layout.ts";
import { mapTip } from "./map_tip.ts";
import { bend, chokedPairs, edgeWidth, nearestPoint, ringEdges, ringPoints } from "./ring_layout.ts";
import { ringWords } from "./ring_words.ts";

const playback = new Playback(livelyEvents());
playback.seek(19_000);
const swarm = [...playback.model.swarms.values()][0] as SwarmModel;

test("points stand on the circle, the first at the top", () => {
  const points = ringPoints(4, { centre: { x: 100, y: 100 }, radius: 50 });
  expect(points.map(({ x, y }) => [Math.round(x), Math.round(y)])).toEqual([
    [100, 50],
    [150, 100],
    [100, 150],
    [50, 100],
  ]);
  expect(nearestPoint(points, { x: 148, y: 103 }, 10)).toBe(1);
  expect(nearestPoint(points, { x: 100, y: 100 }, 10)).toBeUndefined();
});

test("every transfer is an edge of its slot's kind, and departed peers have none", () => {
  const edges = ringEdges(swarm);
  const flows = [...swarm.peers.values()].flatMap(({ id, stats }) => stats.flows.map(([from]) => `${from} ${id}`));
  expect(flows.length).toBeGreaterThan(10);
  const drawn = edges.filter(({ rate }) => rate > 0).map(({ from, to }) => `${from} ${to}`);
  expect(new Set(drawn)).toEqual(new Set(flows.filter((flow) => !flow.startsWith("5 "))));
  expect(new Set(edges.map(({ kind }) => kind))).toContain("optimistic");
  for (const { from, to, kind } of edges) {
    const { regular, optimistic } = swarm.peers.get(from)?.stats ?? NO_BOARD_STATS;
    const slot = optimistic.includes(to) ? "optimistic" : regular.includes(to) ? "regular" : "none";
    expect(kind).toBe(slot);
    expect([from, to]).not.toContain(5);
  }
});

test("choked are those that want blocks and have no slot", () => {
  const pairs = chokedPairs(swarm, { max: 1000 });
  expect(pairs.length).toBeGreaterThan(10);
  const slots = new Set(
    ringEdges(swarm)
      .filter(({ kind }) => kind !== "none")
      .map(({ from, to }) => `${from} ${to}`),
  );
  expect(pairs.filter(([from, to]) => slots.has(`${from} ${to}`) || to === 0 || from === 5 || to === 5)).toEqual([]);
  expect(chokedPairs(swarm, { max: 3 })).toHaveLength(3);
  expect(chokedPairs(swarm, { chosen: 4, max: 1000 }).every((pair) => pair.includes(4))).toBe(true);
});

test("there and back do not cover each other; width goes with the rate and stays bounded", () => {
  const [a, b, centre] = [
    { x: 0, y: 0 },
    { x: 10, y: 0 },
    { x: 5, y: 5 },
  ];
  expect(bend(a, b, centre)).not.toEqual(bend(b, a, centre));
  const limits = { topRate: 100, max: 7 };
  expect([0, 25, 100, 900].map((rate) => edgeWidth(rate, limits))).toEqual([1, 4, 7, 7]);
});

test("words tell what a peer gets and gives", () => {
  const peer = swarm.peers.get(4) as PeerModel;
  expect(ringWords(swarm, peer)).toMatch(
    /^gets .* from peer .*; gives \d slots: peer .*; choked by \d+ of 10 neighbours$/,
  );
  expect(ringWords(swarm, swarm.peers.get(5) as PeerModel)).toMatch(
    /^is not here any more; it got \d.* and gave \d.*B$/,
  );
});

test("the map tells of a cell: its block, the copies, and who fetches it from whom", () => {
  const layout = layOutMap({ width: 1200, devicePixelRatio: 1, peers: 12, blocks: 200 });
  const peers = [...swarm.peers.values()].sort((one, other) => one.id - other.id);
  const row = peers.findIndex(({ stats }) => stats.fetching.length > 0);
  const [block, from] = peers[row]?.stats.fetching[0] ?? [0, 0];
  const lines = mapTip({ row, column: block }, { layout, swarm, peers });
  expect(lines[0]).toBe(`Block ${block} · 64.0 KiB`);
  expect(lines[1]).toMatch(/^\d+ cop(y|ies) among 11 peers$/);
  expect(lines[2]).toBe(`peer ${peers[row]?.id} fetches it from peer ${from}`);
  expect(mapTip({ row: 0, column: 3 }, { layout, swarm, peers })[2]).toBe("peer 0 holds it");
  expect(mapTip({ row: undefined, column: 199 }, { layout, swarm, peers })[0]).toBe("Block 199 · 63.0 KiB");
  const narrow = layOutMap({ width: 232, devicePixelRatio: 1, peers: 12, blocks: 200 });
  expect(mapTip({ row: 0, column: 0 }, { layout: narrow, swarm, peers }).join("\n")).toMatch(
    /^Blocks 0 to 1 · 64.0 KiB each\n/,
  );
});

test("samples turn into lines of equal length, with holes where a peer was not there", () => {
  const series = chartSeries(swarm.history.samples, swarm.beganMs);
  expect(series.percents.size).toBe(11);
  for (const line of [series.bytesPerSecond, series.minCopies, ...series.percents.values()]) {
    expect(line).toHaveLength(series.seconds.length);
  }
  expect(series.percents.get(6)?.[0]).toBeNull();
  expect(series.percents.get(6)?.at(-1)).toBeGreaterThan(0);
});

test("names of untrusted peers are one short line", () => {
  expect(tame("a\u202eb\u0000c\nd ")).toBe("abcd");
  expect(tame("x".repeat(500))).toBe(`${"x".repeat(23)}…`);
  expect(peerLabel({ id: 7, name: "\u200b " })).toBe("peer 7");
  expect(nameList(["a", "b", "c", "d"])).toBe("a, b, c and 1 other");
  expect(nameList(["a", "b", "c", "d", "e"])).toBe("a, b, c and 2 others");
  expect([nameList([]), nameList(["a"]), nameList(["a", "b"])]).toEqual(["", "a", "a and b"]);
});
