import { expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_DEPARTED_SHOWN } from "../../core/base/limits.ts";
import { type BoardEvent, type BoardPeer, packRuns, type TimedEvent, unpackRuns } from "./board_event.ts";
import { BoardModel } from "./board_model.ts";
import { NO_BOARD_STATS } from "./swarm_model.ts";

const BLOCKS = 40;
const share = { name: "a", sizeBytes: BLOCKS * 10, blockSizeBytes: 10, blockCount: BLOCKS };
const swarmBegins: BoardEvent = { type: "swarm", swarm: "s", share, expected: 0 };

const peerId = fc.integer({ min: 0, max: 4 });
const blocks = fc
  .uniqueArray(fc.integer({ min: 0, max: BLOCKS - 1 }))
  .map((list) => packRuns(list.sort((a, b) => a - b)));
const anyEvent: fc.Arbitrary<BoardEvent> = fc.oneof(
  fc.record({ id: peerId, blocks }).map(({ id, blocks }): BoardEvent => {
    return { type: "peer", swarm: "s", peer: { id, name: `peer ${id}`, host: "::1", port: 1, seed: false }, blocks };
  }),
  fc.record({ type: fc.constant("blocks" as const), swarm: fc.constant("s"), peer: peerId, blocks }),
  fc.record({
    type: fc.constant("stats" as const),
    swarm: fc.constantFrom("s", "unknown"),
    peer: peerId,
    stats: fc.record({ downBytesPerSecond: fc.nat(1000), hashFailures: fc.nat(3) }).map((some) => ({
      ...NO_BOARD_STATS,
      ...some,
    })),
  }),
  fc.record({ type: fc.constant("complete" as const), swarm: fc.constant("s"), peer: peerId }),
  fc.record({
    type: fc.constant("departed" as const),
    swarm: fc.constant("s"),
    peer: peerId,
    how: fc.constantFrom("left" as const, "gone" as const),
  }),
);
const anyEvents = fc.array(anyEvent, { maxLength: 60 }).map((events): TimedEvent[] => {
  return [swarmBegins, ...events].map((event, i) => ({ t: i * 100, event }));
});

function modelOf(events: readonly TimedEvent[]): BoardModel {
  const model = new BoardModel();
  for (const event of events) {
    model.apply(event);
  }
  return model;
}

test("a peer that was complete and comes back with less is so no more, and nor is its group", () => {
  const peer: BoardPeer = { id: 1, name: "peer 1", host: "::1", port: 1, seed: false };
  const happened: readonly BoardEvent[] = [
    swarmBegins,
    { type: "peer", swarm: "s", peer, blocks: [0, BLOCKS] },
    { type: "complete", swarm: "s", peer: 1 },
    { type: "done", swarm: "s" },
  ];
  const model = modelOf(happened.map((event, i) => ({ t: i, event })));
  const swarm = model.swarms.get("s");
  model.apply({ t: 10, event: { type: "peer", swarm: "s", peer, blocks: [0, BLOCKS] } });
  expect([swarm?.peers.get(1)?.completeMs, swarm?.doneMs]).toEqual([2, 3]);
  model.apply({ t: 20, event: { type: "peer", swarm: "s", peer, blocks: [0, 3] } });
  expect([swarm?.peers.get(1)?.completeMs, swarm?.doneMs]).toEqual([undefined, undefined]);
});

test("copies are those of the peers that are here, whatever happens", () => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      const swarm = modelOf(events).swarms.get("s");
      const here = [...(swarm?.peers.values() ?? [])].filter((peer) => peer.departure === undefined);
      for (let block = 0; block < BLOCKS; block++) {
        expect(swarm?.copies[block]).toBe(here.filter((peer) => peer.blocks.has(block)).length);
      }
    }),
  );
});

test("a snapshot brings another model to the same state", () => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      const model = modelOf(events);
      const copy = modelOf(JSON.parse(JSON.stringify(model.snapshot())));
      expect(copy.snapshot()).toEqual(model.snapshot());
      expect(copy.swarms.get("s")?.copies).toEqual(model.swarms.get("s")?.copies as Uint16Array);
    }),
  );
});

test("of those that departed only the last are shown, however many come and go", () => {
  const events = Array.from({ length: 3 * MAX_DEPARTED_SHOWN }, (_, id): TimedEvent[] => [
    {
      t: id,
      event: { type: "peer", swarm: "s", peer: { id, name: "", host: "::1", port: 1, seed: false }, blocks: [0, 1] },
    },
    { t: id, event: { type: "departed", swarm: "s", peer: id, how: "left" } },
  ]).flat();
  const swarm = modelOf([{ t: 0, event: swarmBegins }, ...events]).swarms.get("s");
  expect(swarm?.peers.size).toBe(MAX_DEPARTED_SHOWN);
  expect(swarm?.peers.has(3 * MAX_DEPARTED_SHOWN - 1)).toBe(true);
  expect(swarm?.copies[0]).toBe(0);
});

test("the charts end when all is done, and go on when somebody comes", () => {
  const peer = (id: number): BoardPeer => ({ id, name: "", host: "::1", port: 1, seed: false });
  const joins = (t: number, id: number): TimedEvent => ({
    t,
    event: { type: "peer", swarm: "s", peer: peer(id), blocks: [0, BLOCKS] },
  });
  const leaves = (t: number, id: number): TimedEvent => ({
    t,
    event: { type: "departed", swarm: "s", peer: id, how: "left" },
  });
  const ended = [joins(0, 0), joins(0, 1), { t: 5000, event: { type: "done", swarm: "s" } as const }, leaves(6000, 0)];
  const timesOf = (events: readonly TimedEvent[]): number[] =>
    modelOf([{ t: 0, event: swarmBegins }, ...events])
      .swarms.get("s")
      ?.history.samples.map(({ t }) => t) ?? [];
  expect(timesOf([...ended, leaves(7000, 1)])).toEqual([0, 5000]);
  expect(timesOf([...ended, joins(8000, 2)])).toEqual([0, 5000, 8000]);
});

test("runs of blocks read back as the blocks", () => {
  expect(packRuns([0, 1, 2, 7, 9, 10])).toEqual([0, 3, 7, 1, 9, 2]);
  expect([...unpackRuns([0, 3, 7, 1, 9, 2])]).toEqual([0, 1, 2, 7, 9, 10]);
  expect(packRuns([])).toEqual([]);
});

test("the charts of a long swarm stay bounded and keep their beginning", () => {
  const events = Array.from({ length: 10_000 }, (_, i): TimedEvent => {
    return { t: i * 1000, event: { type: "stats", swarm: "s", peer: 0, stats: NO_BOARD_STATS } };
  });
  const joins: TimedEvent = {
    t: 0,
    event: { type: "peer", swarm: "s", peer: { id: 0, name: "", host: "::1", port: 1, seed: false }, blocks: [] },
  };
  const { samples } = modelOf([{ t: 0, event: swarmBegins }, joins, ...events]).swarms.get("s")?.history ?? {
    samples: [],
  };
  expect(samples.length).toBeLessThanOrEqual(600);
  expect(samples.length).toBeGreaterThan(200);
  expect(samples[0]?.t).toBe(0);
  expect(samples.at(-1)?.t).toBeGreaterThan(9_900_000);
});
