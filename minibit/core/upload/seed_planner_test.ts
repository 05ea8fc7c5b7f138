import { expect, test } from "bun:test";
import fc from "fast-check";
import { createRng } from "../base/rng.ts";
import { SeedPlanner } from "./seed_planner.ts";

const LATER_MS = 1_000_000;

function planner(blockCount: number, copies: (block: number) => number = () => 0): SeedPlanner {
  return new SeedPlanner(blockCount, { rng: createRng(5), copies });
}

test("each block is granted once before any is granted twice", () => {
  const plan = planner(20);
  const granted = [plan.grant(1, 7), plan.grant(2, 7), plan.grant(3, 7)];
  expect(granted.map((blocks) => blocks.length)).toEqual([7, 7, 6]);
  expect(new Set(granted.flat()).size).toBe(20);
  expect(plan.grant(1, 1)).toEqual([]);
});

test("what others hold already is not planned", () => {
  const plan = planner(4, (block) => block % 2);
  expect(plan.grant(1, 9).sort()).toEqual([0, 2]);
  expect(planner(4, () => 1).covered).toBe(true);
});

test("the plan is over when each block was seen at another peer", () => {
  const plan = planner(2);
  plan.spread(1, 0);
  plan.spread(1, 0);
  expect(plan.covered).toBe(false);
  plan.spread(1, 1);
  expect(plan.covered).toBe(true);
});

test("a block given to another is refused while some were given to nobody", () => {
  const plan = planner(3);
  const [mine] = plan.grant(1, 1) as [number];
  expect(plan.refuses(2, mine, 0)).toBe(true);
  expect(plan.refuses(1, mine, 0)).toBe(false);
  plan.claim(1, mine, 0);
  expect(plan.refuses(1, mine, 0)).toBe(false);
  expect(plan.refuses(2, mine, LATER_MS)).toBe(true);
});

test("a block that has spread is refused while some were given to nobody, even to the link that spread it", () => {
  const plan = planner(2);
  const [block] = plan.grant(1, 1) as [number];
  plan.claim(1, block, 0);
  plan.spread(1, block);
  expect(plan.refuses(1, block, LATER_MS)).toBe(true);
  expect(plan.repeats(1, block)).toBe(true);
});

test("once every block was asked for, repeats are refused for a moment only: news may be under way, but is not waited for", () => {
  const plan = planner(2);
  for (const block of plan.grant(1, 2)) {
    plan.claim(1, block, 1000);
  }
  expect(plan.refuses(2, 0, 1001)).toBe(true);
  expect(plan.refuses(2, 0, 2000)).toBe(false);
  expect(plan.repeats(2, 0)).toBe(true);
});

test("a grant that nobody asked for goes to another link when nothing is free", () => {
  const plan = planner(2);
  const [first, second] = plan.grant(1, 2) as [number, number];
  plan.claim(1, first, 0);
  expect(plan.refuses(2, second, LATER_MS)).toBe(false); // whoever asks first
  expect(plan.regrant(2)).toBe(second);
  expect(plan.regrant(2)).toBeUndefined();
  plan.claim(2, second, 0);
  expect(plan.refuses(2, second, 0)).toBe(false);
  expect(plan.refuses(1, second, 0)).toBe(true);
});

test("nothing is taken from a link while blocks are free", () => {
  const plan = planner(2);
  plan.grant(1, 1);
  expect(plan.regrant(2)).toBeUndefined();
});

test("what is released can be granted again", () => {
  const plan = planner(3);
  const granted = plan.grant(1, 3);
  plan.claim(1, granted[0] as number, 0);
  plan.release(2, granted[0] as number); // not its own
  expect(plan.grant(2, 3)).toEqual([]);
  plan.release(1, granted[0] as number);
  expect(plan.grant(2, 3)).toEqual([granted[0] as number]);
});

test("the grants of a link that left are free again, except for what it spread", () => {
  const plan = planner(4);
  const granted = plan.grant(1, 3);
  plan.spread(1, granted[0] as number);
  plan.releaseAll(1);
  expect(plan.grant(2, 9)).toHaveLength(3);
});

/** Gives a link `count` blocks, which it announces. */
function give(plan: SeedPlanner, link: number, count: number): number[] {
  const blocks = plan.grant(link, count);
  for (const block of blocks) {
    plan.claim(link, block, 0);
    plan.spread(link, block);
  }
  return blocks;
}

test("a link that passes on none of many blocks hoards, until others have them", () => {
  const plan = planner(100);
  const kept = give(plan, 1, 20);
  expect(plan.hoards(1)).toBe(false); // nobody else was given anything yet
  for (const block of give(plan, 2, 20)) {
    plan.spread(3, block);
  }
  expect([plan.hoards(1), plan.hoards(2), plan.hoards(3)]).toEqual([true, false, false]);
  for (const block of kept.slice(0, 16)) {
    plan.spread(3, block);
  }
  expect(plan.hoards(1)).toBe(false);
});

test("where nobody's blocks are seen elsewhere, as with few neighbours, nobody hoards", () => {
  const plan = planner(100);
  const links = [1, 2, 3, 4];
  for (const link of links) {
    give(plan, link, 20);
  }
  expect(links.filter((link) => plan.hoards(link))).toEqual([]);
});

test("a link that left hoards no more, nor do its blocks count", () => {
  const plan = planner(100);
  const lost = give(plan, 1, 20);
  for (const block of give(plan, 2, 20)) {
    plan.spread(3, block);
  }
  plan.releaseAll(1);
  for (const block of lost) {
    plan.spread(3, block);
  }
  expect(plan.hoards(1)).toBe(false);
  give(plan, 4, 10);
  expect(plan.hoards(4)).toBe(true);
});

test("whatever happens, no block is promised to two links, and each is granted until it spread", () => {
  const step = fc.record({
    do: fc.constantFrom("grant", "claim", "release", "releaseAll", "spread", "regrant"),
    link: fc.integer({ min: 1, max: 3 }),
    block: fc.nat(7),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const plan = planner(8);
      const owner = new Map<number, number>();
      const spread = new Set<number>();
      for (const { do: action, link, block } of steps) {
        if (action === "grant") {
          for (const granted of plan.grant(link, 2)) {
            expect(owner.has(granted) || spread.has(granted)).toBe(false);
            owner.set(granted, link);
          }
        } else if (action === "claim" && !plan.refuses(link, block, LATER_MS)) {
          plan.claim(link, block, 0);
          if (!spread.has(block) && !plan.repeats(link, block)) {
            owner.set(block, link);
          }
        } else if (action === "release" && owner.get(block) === link) {
          plan.release(link, block);
          owner.delete(block);
        } else if (action === "releaseAll") {
          plan.releaseAll(link);
          for (const [held, by] of [...owner]) {
            if (by === link) {
              owner.delete(held);
            }
          }
        } else if (action === "spread") {
          plan.spread(link, block);
          spread.add(block);
          owner.delete(block);
        } else if (action === "regrant") {
          const taken = plan.regrant(link);
          if (taken !== undefined) {
            expect(owner.get(taken)).not.toBe(link);
            owner.set(taken, link);
          }
        }
        expect(plan.covered).toBe(spread.size === 8);
      }
      const rest = plan.grant(99, 8);
      expect(new Set(rest).size + owner.size + spread.size).toBe(8);
    }),
    { numRuns: 300 },
  );
});
