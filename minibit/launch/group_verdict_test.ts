import { expect, test } from "bun:test";
import type { SwarmStatus } from "../core/tracker/tracker_swarm.ts";
import { checkGroup, judgeGroup } from "./group_verdict.ts";

type Peer = SwarmStatus["peers"][number];

/** A swarm of which the seed and some receivers are complete, the others as told. */
function swarm(complete: number, others: readonly Partial<Peer>[]): SwarmStatus {
  const done = Array.from({ length: complete }, (_, id) => ({ id, complete: true }));
  const peers = [...done, ...others.map((peer, index) => ({ id: complete + index, complete: false, ...peer }))];
  return { complete, peers } as unknown as SwarmStatus;
}

const SLOW = {
  name: "peer 8",
  host: "10.0.0.8",
  state: "here",
  percent: 43,
  downBytesPerSecond: 1.2 * 1024 * 1024,
} as const;
const GONE = { name: "peer 9", host: "10.0.0.9", state: "gone", percent: 10 } as const;

test("a group is confirmed when its part of the receivers is complete; the seed is none of them", () => {
  const group = { expected: 11, quorum: 0.8, deadlineMs: 60_000 };
  expect(checkGroup(swarm(9, [SLOW, GONE]), group)).toBe(0);
  expect(() => checkGroup(swarm(8, [SLOW, GONE]), group)).toThrow("7 hold the share");
  expect(checkGroup(swarm(1, [SLOW]), { ...group, quorum: 0 })).toBe(0);
});

test("laggards are named: how far they are, whether they are gone, and how many never came", () => {
  const check = (): number => checkGroup(swarm(2, [SLOW, GONE]), { expected: 6, quorum: 1, deadlineMs: 60_000 });
  expect(check).toThrow(
    "Cannot confirm 100.0% of 5 receivers after 1m00s: 1 holds the share, not peer 8 at 10.0.0.8 (too slow: 43.0% at 1.20 MiB/s), peer 9 at 10.0.0.9 (gone at 10.0%), 2 that never came",
  );
  expect(() => checkGroup(undefined, { expected: 3, quorum: 0.5, deadlineMs: 500 })).toThrow("3 that never came");
});

test("who fell silent just before the end has the time to come back, and counts by what it holds then", async () => {
  const group = { expected: 3, quorum: 1, deadlineMs: 60_000 };
  let looks = 0;
  const comesBack = () => swarm(++looks < 3 ? 2 : 3, looks < 3 ? [GONE] : []);
  expect(await judgeGroup(comesBack, { ...group, comeBackMs: () => 5000 })).toBe(0);
  expect(looks).toBe(3);
  const waits = [300, 200, 0];
  const staysAway = judgeGroup(() => swarm(2, [GONE]), { ...group, comeBackMs: () => waits.shift() ?? 0 });
  expect(staysAway).rejects.toThrow("peer 9 at 10.0.0.9 (gone at 10.0%)");
  await staysAway.catch(() => undefined);
  expect(waits).toEqual([]);
});

test("a laggard that has every block and no copy yet is told as such", () => {
  const check = () => checkGroup(swarm(1, [{ ...GONE, percent: 100 }]), { expected: 2, quorum: 1, deadlineMs: 1000 });
  expect(check).toThrow("peer 9 at 10.0.0.9 (gone at 100%, but no copy yet)");
});
