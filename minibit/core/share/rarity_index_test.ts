import { expect, test } from "bun:test";
import fc from "fast-check";
import { createRng } from "../base/rng.ts";
import { RarityIndex } from "./rarity_index.ts";

const BLOCKS = 12;

type Step =
  | { readonly do: "toggle" | "gained" | "lost"; readonly block: number }
  | { readonly do: "rarest" | "random"; readonly minCopies: number; readonly mask: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom("toggle", "gained", "lost"), block: fc.nat(BLOCKS - 1) }),
    fc.record({ do: fc.constantFrom("rarest", "random"), minCopies: fc.nat(4), mask: fc.nat(2 ** BLOCKS - 1) }),
  ) as fc.Arbitrary<Step>,
  { maxLength: 200 },
);

test("agrees with a naive model whatever happens in whatever order", () => {
  fc.assert(
    fc.property(steps, fc.nat(), (sequence, seed) => {
      const rarity = new RarityIndex(BLOCKS, createRng(seed));
      const copies = new Array<number>(BLOCKS).fill(0);
      const waiting = new Set<number>();
      for (const step of sequence) {
        if ("block" in step) {
          applyToBoth(rarity, { step, copies, waiting });
        } else {
          checkChoice(rarity, { step, copies, waiting });
        }
        checkOrder(rarity, { copies, waiting });
      }
    }),
    { numRuns: 300 },
  );
});

interface Model {
  readonly copies: number[];
  readonly waiting: Set<number>;
}

function applyToBoth(
  rarity: RarityIndex,
  { step, copies, waiting }: Model & { readonly step: Extract<Step, { readonly block: number }> },
): void {
  const { block } = step;
  const held = copies[block] ?? 0;
  if (step.do === "toggle") {
    if (waiting.delete(block)) {
      rarity.remove(block);
    } else {
      waiting.add(block);
      rarity.add(block);
    }
  } else if (step.do === "gained") {
    copies[block] = held + 1;
    rarity.gained(block);
  } else if (held > 0) {
    copies[block] = held - 1;
    rarity.lost(block);
  }
}

function checkChoice(
  rarity: RarityIndex,
  { step, copies, waiting }: Model & { readonly step: Extract<Step, { readonly mask: number }> },
): void {
  const wanted = (block: number): boolean => ((step.mask >> block) & 1) === 1;
  const copiesOf = (block: number): number => copies[block] ?? 0;
  const fitting = [...waiting].filter((block) => wanted(block) && copiesOf(block) >= step.minCopies);
  const found = rarity[step.do](wanted, step.minCopies);
  if (fitting.length === 0) {
    expect(found).toBeUndefined();
  } else {
    expect(fitting).toContain(found as number);
    if (step.do === "rarest") {
      expect(copiesOf(found as number)).toBe(Math.min(...fitting.map(copiesOf)));
    }
  }
}

function checkOrder(rarity: RarityIndex, { copies, waiting }: Model): void {
  const order = [...rarity.first(BLOCKS)];
  expect(rarity.length).toBe(waiting.size);
  expect(new Set(order)).toEqual(waiting);
  const inOrder = order.map((block) => copies[block] ?? 0);
  expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
  for (let block = 0; block < BLOCKS; block++) {
    expect(rarity.has(block)).toBe(waiting.has(block));
    expect(rarity.copies(block)).toBe(copies[block] ?? 0);
  }
}

test("ties fall at random: each of four equally rare blocks comes first about as often", () => {
  const first = new Map<number, number>();
  for (let seed = 0; seed < 2000; seed++) {
    const rarity = new RarityIndex(4, createRng(seed));
    for (let block = 0; block < 4; block++) {
      rarity.add(block);
      rarity.gained(block);
    }
    const found = rarity.rarest(() => true) as number;
    first.set(found, (first.get(found) ?? 0) + 1);
  }
  for (let block = 0; block < 4; block++) {
    expect(first.get(block)).toBeWithin(400, 600);
  }
});

test("random takes each fitting block about as often", () => {
  const rarity = new RarityIndex(5, createRng(7));
  for (const block of [0, 1, 2, 3, 4]) {
    rarity.add(block);
  }
  for (const block of [1, 3, 4]) {
    rarity.gained(block);
    rarity.gained(block);
  }
  const found = new Map<number, number>();
  for (let i = 0; i < 3000; i++) {
    const block = rarity.random(() => true, 2) as number;
    found.set(block, (found.get(block) ?? 0) + 1);
  }
  expect([...found.keys()].sort()).toEqual([1, 3, 4]);
  for (const times of found.values()) {
    expect(times).toBeWithin(850, 1150);
  }
});

test("a block can neither wait twice, nor be taken or lose a copy when it has none", () => {
  const rarity = new RarityIndex(2, createRng(1));
  rarity.add(0);
  expect(() => rarity.add(0)).toThrow();
  expect(() => rarity.remove(1)).toThrow();
  expect(() => rarity.lost(0)).toThrow();
});
