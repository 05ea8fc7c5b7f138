import { expect, test } from "bun:test";
import fc from "fast-check";
import type { BoardEvent } from "./board_event.ts";
import { NO_BOARD_STATS } from "./swarm_model.ts";
import { BoardTotals } from "./totals.ts";

const share = { name: "a", sizeBytes: 10, blockSizeBytes: 10, blockCount: 1 };
const begins: BoardEvent = { type: "swarm", swarm: "s", share, expected: 0 };

function joins(id: number): BoardEvent {
  return { type: "peer", swarm: "s", peer: { id, name: "", host: "::1", port: 1, seed: false }, blocks: [] };
}

function tells(peer: number, downBytes: number, requests = 0): BoardEvent {
  const stats = { ...NO_BOARD_STATS, downBytes, messages: { REQUEST: requests } };
  return { type: "stats", swarm: "s", peer, stats };
}

function totalsOf(events: readonly BoardEvent[]): BoardTotals {
  const totals = new BoardTotals();
  for (const event of events) {
    totals.apply(event);
  }
  return totals;
}

test("totals add up over peers, also over those that left, came back or started anew", () => {
  const events = [begins, joins(1), joins(2), tells(1, 100), tells(2, 50), tells(1, 130)];
  expect(totalsOf(events).of("s").downBytes).toBe(180);
  const left: BoardEvent = { type: "departed", swarm: "s", peer: 1, how: "gone" };
  const cameBack = [...events, left, joins(1), tells(1, 140)];
  expect(totalsOf(cameBack).of("s").downBytes).toBe(190);
  const anew = [...events, left, joins(1), tells(1, 20)];
  expect(totalsOf(anew).of("s").downBytes).toBe(200);
});

test("messages are counted anew with each registration", () => {
  const events = [begins, joins(1), tells(1, 0, 3), joins(1), tells(1, 0, 5)];
  expect(totalsOf(events).of("s").messages).toEqual({ REQUEST: 8 });
});

test("totals never go back, whatever peers tell", () => {
  const event = fc.oneof(
    fc.record({ peer: fc.nat(2), bytes: fc.nat(1000), requests: fc.nat(9) }).map((one) => {
      return tells(one.peer, one.bytes, one.requests);
    }),
    fc.nat(2).map(joins),
    fc.constant(begins),
  );
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const totals = totalsOf([begins]);
      let last = { bytes: 0, requests: 0 };
      for (const one of events) {
        totals.apply(one);
        const { downBytes: bytes, messages } = totals.of("s");
        const requests = messages["REQUEST"] ?? 0;
        expect(bytes).toBeGreaterThanOrEqual(last.bytes);
        expect(requests).toBeGreaterThanOrEqual(last.requests);
        last = { bytes, requests };
      }
    }),
  );
});

test("a forgotten swarm is forgotten", () => {
  const totals = totalsOf([begins, joins(1), tells(1, 5), { type: "forgotten", swarm: "s" }]);
  expect(totals.of("s").downBytes).toBe(0);
});
