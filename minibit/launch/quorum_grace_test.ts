import { expect, test } from "bun:test";
import { QuorumGrace } from "./quorum_grace.ts";

function grace(hosts: number, quorum: number): { told: string[]; over: Promise<string>; made: QuorumGrace } {
  const told: string[] = [];
  const { promise: over, resolve: onOver } = Promise.withResolvers<string>();
  return { told, over, made: new QuorumGrace({ hosts, quorum, graceMs: 5, tell: (line) => told.push(line), onOver }) };
}

test("the time of the others begins once, when enough have their copy, and is told", async () => {
  const { told, over, made } = grace(10, 0.75);
  made.confirmed(7);
  expect(told).toEqual([]);
  made.confirmed(8);
  made.confirmed(9);
  expect(told).toEqual(["8 of 10 hosts have their copy, which is enough: the others have 5ms more (--grace)"]);
  expect(await over).toBe("when enough had their copy and 5ms more had passed");
});

test("nobody is given up where all must have their copy, or all have it", () => {
  for (const [quorum, count] of [
    [1, 9],
    [0.5, 10],
  ] as const) {
    const { told, made } = grace(10, quorum);
    made.confirmed(count);
    expect(told).toEqual([]);
  }
});
