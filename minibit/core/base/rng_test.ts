import { expect, test } from "bun:test";
import { createRng, shuffle } from "./rng.ts";

test("a seed repeats its stream, another seed gives another", () => {
  const draw = (seed: number): number[] => {
    const rng = createRng(seed);
    return Array.from({ length: 8 }, () => rng.next());
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

test("numbers lie in [0, 1), and are spread evenly", () => {
  const rng = createRng(42);
  const buckets = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const at = Math.floor(rng.next() * 10);
    buckets[at] = (buckets[at] as number) + 1;
  }
  expect(buckets).toHaveLength(10);
  expect(Math.min(...buckets)).toBeGreaterThan(850);
  expect(Math.max(...buckets)).toBeLessThan(1150);
});

test("below gives every integer under its bound and no other", () => {
  const rng = createRng(3);
  const seen = new Set(Array.from({ length: 500 }, () => rng.below(7)));
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(rng.below(1)).toBe(0);
});

test("shuffle keeps the items and puts each everywhere", () => {
  const firsts = new Set<number>();
  for (let seed = 0; seed < 100; seed++) {
    const items = shuffle([1, 2, 3, 4], createRng(seed));
    expect([...items].sort()).toEqual([1, 2, 3, 4]);
    firsts.add(items[0] as number);
  }
  expect(firsts.size).toBe(4);
});
