import { expect, test } from "bun:test";
import type { BoardEvent, BoardStats } from "../model/board_event.ts";
import { BoardModel } from "../model/board_model.ts";
import { NO_BOARD_STATS, type PeerModel, type SwarmModel } from "../model/swarm_model.ts";
import { isIdle, peerWords } from "./peer_words.ts";

const share = { name: "a", sizeBytes: 100, blockSizeBytes: 10, blockCount: 10 };

function board(...events: readonly (readonly [t: number, event: BoardEvent])[]): {
  swarm: SwarmModel;
  peer: PeerModel;
} {
  const model = new BoardModel();
  const address = { id: 1, name: "ada", host: "::1", port: 1, seed: false };
  model.apply({ t: 1000, event: { type: "swarm", swarm: "s", share, expected: 0 } });
  model.apply({ t: 1000, event: { type: "peer", swarm: "s", peer: address, blocks: [] } });
  for (const [t, event] of events) {
    model.apply({ t, event });
  }
  const swarm = model.swarms.get("s") as SwarmModel;
  return { swarm, peer: swarm.peers.get(1) as PeerModel };
}

function told(stats: Partial<BoardStats>): BoardEvent {
  return { type: "stats", swarm: "s", peer: 1, stats: { ...NO_BOARD_STATS, ...stats } };
}

test.each<[Partial<BoardStats>, string]>([
  [{ activity: "choked", chokedBy: 4, neighbours: 4 }, "choked by all 4 neighbours for 3 s"],
  [{ activity: "choked", chokedBy: 1, neighbours: 1 }, "choked by its only neighbour for 3 s"],
  [{ activity: "choked", chokedBy: 3, neighbours: 4 }, "choked by 3 of 4 neighbours for 3 s"],
  [{ activity: "disk" }, "waits for its disk for 3 s"],
  [{ activity: "nothing to ask" }, "nothing it needs nearby for 3 s"],
  [{ activity: "download limit" }, "at its download limit for 3 s"],
  [{ activity: "no neighbours" }, "knows no other peer yet for 3 s"],
  [{ activity: "fetching", flows: [[0, 5]] }, "fetching from 1 peer"],
  [{ activity: "fetching" }, "fetching"],
  [{ activity: "fetching", hashFailures: 2 }, "fetching; 2 blocks with a wrong hash"],
  [{ activity: "<b>" as "disk" }, "waits"],
])("of a peer that tells %j", (stats, words) => {
  const { swarm, peer } = board([2000, told(stats)]);
  expect(peerWords(peer, { swarm, nowMs: 5000 })).toBe(words);
});

test("what has just begun is told without a time, what lasts with a clock", () => {
  const { swarm, peer } = board([2000, told({ activity: "disk" })], [9000, told({ activity: "disk" })]);
  expect(peerWords(peer, { swarm, nowMs: 3000 })).toBe("waits for its disk");
  expect(peerWords(peer, { swarm, nowMs: 92_000 })).toBe("waits for its disk for 1:30");
});

test("a peer that is not here is told with when it went, in the swarm's time", () => {
  const departed: BoardEvent = { type: "departed", swarm: "s", peer: 1, how: "left" };
  const left = board([12_000, { type: "complete", swarm: "s", peer: 1 }], [13_000, departed]);
  const ended = board([13_000, departed]);
  const gone = board([13_000, { type: "departed", swarm: "s", peer: 1, how: "gone" }]);
  expect(peerWords(left.peer, { swarm: left.swarm, nowMs: 20_000 })).toBe("left at 0:12");
  expect(peerWords(ended.peer, { swarm: ended.swarm, nowMs: 20_000 })).toBe("gone at 0:12 with 0.0 %");
  expect(peerWords(gone.peer, { swarm: gone.swarm, nowMs: 20_000 })).toBe("gone: silent since 0:12");
});

test("a complete peer is not idle, whatever it told last", () => {
  const before = board([2000, told({ activity: "choked" })]);
  const after = board(
    [2000, told({ activity: "choked", regular: [2, 3], upBytesPerSecond: 9 })],
    [3000, { type: "complete", swarm: "s", peer: 1 }],
  );
  expect(isIdle(before.peer)).toBe(true);
  expect(isIdle(after.peer)).toBe(false);
  expect(peerWords(after.peer, { swarm: after.swarm, nowMs: 9000 })).toBe("complete, gives to 2 peers");
});
