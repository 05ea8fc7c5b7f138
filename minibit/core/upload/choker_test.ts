import { expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_SLOTS, OPTIMISTIC_SLOTS, REGULAR_SLOTS } from "../base/limits.ts";
import { createRng } from "../base/rng.ts";
import type { Slot } from "../link/slot.ts";
import { assignSlots, type Candidate, type ChokeMoment, type ChokeRule } from "./choker.ts";

interface Named extends Candidate {
  readonly name: string;
}

function candidate(name: string, about: Partial<Candidate> = {}): Named {
  return {
    name,
    slot: "choked",
    interested: true,
    receivedRate: 0,
    rareHeld: 0,
    waitingSinceMs: 0,
    remainingBlocks: 10,
    newcomer: false,
    snubbing: false,
    takesOnly: false,
    hoarding: false,
    ...about,
  };
}

/** The slots by name; "round" and tit-for-tat unless told otherwise. */
function deal(
  candidates: readonly Named[],
  options: {
    readonly rule?: ChokeRule;
    readonly moment?: ChokeMoment;
    readonly seed?: number;
    readonly count?: number;
  } = {},
): Record<string, Slot> {
  const { rule = "tit-for-tat", moment = "round", seed = 1, count = DEFAULT_SLOTS } = options;
  const slots = assignSlots(candidates, { rule, moment, rng: createRng(seed), slots: count });
  return Object.fromEntries([...slots].map(([{ name }, slot]) => [name, slot]));
}

function holders(slots: Record<string, Slot>, slot: Slot): string[] {
  return Object.keys(slots).filter((name) => slots[name] === slot);
}

const anyCandidate = fc.record({
  slot: fc.constantFrom<Slot>("choked", "regular", "optimistic"),
  interested: fc.boolean(),
  receivedRate: fc.integer({ min: 0, max: 1000 }),
  rareHeld: fc.nat(16),
  waitingSinceMs: fc.nat(1000),
  remainingBlocks: fc.nat(3),
  newcomer: fc.boolean(),
  snubbing: fc.boolean(),
  takesOnly: fc.boolean(),
  hoarding: fc.boolean(),
});
const RULES = ["tit-for-tat", "longest waiting"] as const;
const MOMENTS = ["vacancy", "round", "optimistic round"] as const;

test("never more than 4 regular and 1 optimistic, and nobody gets a slot who does not want it", () => {
  const cases = fc.record({
    about: fc.array(anyCandidate, { maxLength: 12 }),
    rule: fc.constantFrom(...RULES),
    moment: fc.constantFrom(...MOMENTS),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(cases, ({ about, ...options }) => {
      const candidates = about.map((one, i) => candidate(`${i}`, one));
      const slots = deal(candidates, options);
      expect(Object.keys(slots)).toHaveLength(candidates.length);
      expect(holders(slots, "regular").length).toBeLessThanOrEqual(REGULAR_SLOTS);
      expect(holders(slots, "optimistic").length).toBeLessThanOrEqual(OPTIMISTIC_SLOTS);
      const isRefused = (one: Candidate): boolean => options.rule === "tit-for-tat" && one.takesOnly;
      const waits = candidates.some((one) => one.interested && !isRefused(one) && slots[one.name] === "choked");
      for (const one of candidates) {
        const { name, interested, slot, remainingBlocks, snubbing } = one;
        expect(interested && isRefused(one) && slots[name] !== "choked").toBe(false);
        if (slots[name] !== "choked" && !interested) {
          expect(slot).not.toBe("choked"); // it may only keep what it had
          expect(remainingBlocks).toBeGreaterThan(0);
        }
        if (options.rule === "tit-for-tat" && snubbing && interested) {
          expect(slots[name]).not.toBe("regular");
        }
      }
      const isPassedOver = (c: Candidate): boolean => isRefused(c) || (options.rule === "tit-for-tat" && c.snubbing);
      const someoneServed = candidates.filter((c) => c.interested && !isPassedOver(c));
      if (waits && someoneServed.length >= REGULAR_SLOTS + OPTIMISTIC_SLOTS) {
        const interestedHolders = candidates.filter(({ name, interested }) => interested && slots[name] !== "choked");
        expect(interestedHolders).toHaveLength(REGULAR_SLOTS + OPTIMISTIC_SLOTS);
      }
    }),
    { numRuns: 1000 },
  );
});

test("a round gives the regular slots to those that sent most", () => {
  const slots = deal("abcdef".split("").map((name, i) => candidate(name, { receivedRate: 100 * i })));
  expect(holders(slots, "regular").sort()).toEqual(["c", "d", "e", "f"]);
  expect(holders(slots, "optimistic")).toHaveLength(1);
});

test("equal partners are ranked by the rare blocks they hold", () => {
  const slots = deal("abcdef".split("").map((name, i) => candidate(name, { receivedRate: 5, rareHeld: i })));
  expect(holders(slots, "regular").sort()).toEqual(["c", "d", "e", "f"]);
});

test("an incumbent keeps its slot unless a challenger is more than 1.1 times better", () => {
  const incumbents = ["a", "b", "c", "d"].map((name) => candidate(name, { slot: "regular", receivedRate: 1000 }));
  const close = deal([...incumbents, candidate("x", { receivedRate: 1100 })]);
  expect(holders(close, "regular").sort()).toEqual(["a", "b", "c", "d"]);
  const better = deal([...incumbents, candidate("x", { receivedRate: 1101 })]);
  expect(holders(better, "regular")).toContain("x");
});

test("a vacancy is filled by the best that waits, and moves nobody", () => {
  const slots = deal(
    [
      candidate("a", { slot: "regular" }),
      candidate("b", { slot: "regular" }),
      candidate("c", { slot: "regular" }),
      candidate("o", { slot: "optimistic", receivedRate: 900 }),
      candidate("x", { receivedRate: 500 }),
      candidate("y", { receivedRate: 800 }),
    ],
    { moment: "vacancy" },
  );
  expect(holders(slots, "regular").sort()).toEqual(["a", "b", "c", "y"]);
  expect(holders(slots, "optimistic")).toEqual(["o"]);
});

test("when all slots are taken they stay as they are at a vacancy, however good the challenger", () => {
  const held = ["a", "b", "c", "d"].map((name) => candidate(name, { slot: "regular" }));
  const slots = deal([...held, candidate("o", { slot: "optimistic" }), candidate("x", { receivedRate: 1e9 })], {
    moment: "vacancy",
  });
  expect(slots["x"]).toBe("choked");
});

test("who lost interest keeps its slot until somebody wants it", () => {
  const idle = candidate("idle", { slot: "regular", interested: false });
  const others = ["a", "b", "c"].map((name) => candidate(name, { slot: "regular" }));
  expect(deal([idle, ...others], { moment: "vacancy" })["idle"]).toBe("regular");
  expect(deal([idle, ...others, candidate("x"), candidate("y")], { moment: "vacancy" })["idle"]).toBe("choked");
});

test("who holds everything loses its slot at once", () => {
  const complete = candidate("done", { slot: "regular", interested: false, remainingBlocks: 0 });
  expect(deal([complete], { moment: "vacancy" })["done"]).toBe("choked");
});

test("a seed serves a hoarding peer when nobody else wants to be served", () => {
  const hoarding = candidate("h", { slot: "regular", hoarding: true, waitingSinceMs: 0 });
  const others = ["a", "b", "c", "d", "e"].map((name) => candidate(name, { waitingSinceMs: 100 }));
  expect(deal([hoarding, ...others], { rule: "longest waiting", moment: "optimistic round" })["h"]).toBe("choked");
  expect(deal([hoarding], { rule: "longest waiting" })["h"]).toBe("regular");
});

test("a snubbing partner has no regular slot of a leecher, but may have one of a seed", () => {
  const snubbing = candidate("s", { slot: "regular", snubbing: true });
  expect(deal([snubbing], { moment: "vacancy" })["s"]).toBe("optimistic");
  expect(deal([snubbing], { rule: "longest waiting" })["s"]).toBe("regular");
});

test("only the third round moves the optimistic slot", () => {
  const best = ["a", "b", "c", "d"].map((name) => candidate(name, { slot: "regular", receivedRate: 100 }));
  const rest = ["x", "y", "z"].map((name) => candidate(name));
  const crowd = [...best, candidate("o", { slot: "optimistic" }), ...rest];
  const moved = { round: 0, "optimistic round": 0 };
  for (let seed = 0; seed < 200; seed++) {
    for (const moment of ["round", "optimistic round"] as const) {
      moved[moment] += Number(deal(crowd, { moment, seed })["o"] === "choked");
    }
  }
  expect(moved.round).toBe(0);
  expect(moved["optimistic round"]).toBeWithin(110, 190); // three of four draws fall on another
});

test("a newcomer is three times as likely to be drawn", () => {
  const best = ["a", "b", "c", "d"].map((name) => candidate(name, { receivedRate: 100 }));
  let drawn = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const slots = deal([...best, candidate("new", { newcomer: true }), candidate("old")], { seed });
    drawn += Number(slots["new"] === "optimistic");
  }
  expect(drawn).toBeWithin(700, 800);
});

test("a seed serves the longest waiting first, then whoever got its slot last", () => {
  const crowd = [
    candidate("held long", { slot: "regular", waitingSinceMs: 10 }),
    candidate("held short", { slot: "regular", waitingSinceMs: 90 }),
    candidate("waits long", { waitingSinceMs: 20 }),
    candidate("waits short", { waitingSinceMs: 80 }),
    candidate("waits", { waitingSinceMs: 50 }),
  ];
  const slots = deal(crowd, { rule: "longest waiting" });
  expect(holders(slots, "regular").sort()).toEqual(["held short", "waits", "waits long", "waits short"].sort());
});

test("as many slots as it was told, the last of them optimistic; with none everybody is choked", () => {
  const crowd = Array.from({ length: 12 }, (_, i) => candidate(`peer ${i}`, { receivedRate: i }));
  for (const [count, regular, optimistic] of [
    [0, 0, 0],
    [1, 0, 1],
    [3, 2, 1],
    [9, 8, 1],
  ] as const) {
    for (const moment of ["vacancy", "round", "optimistic round"] as const) {
      const slots = deal(crowd, { moment, count });
      expect([holders(slots, "regular").length, holders(slots, "optimistic").length]).toEqual([regular, optimistic]);
    }
  }
});

test("who takes only gets no slot of a leecher, though some are free, and loses the one it has; a seed serves it", () => {
  const rider = candidate("rider", { takesOnly: true, slot: "regular" });
  for (const moment of MOMENTS) {
    expect(deal([rider, candidate("other")], { moment })["rider"]).toBe("choked");
  }
  expect(deal([rider, candidate("other")], { rule: "longest waiting" })["rider"]).not.toBe("choked");
});
