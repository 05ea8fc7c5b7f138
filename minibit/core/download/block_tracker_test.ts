import { expect, test } from "bun:test";
import fc from "fast-check";
import { createRng } from "../base/rng.ts";
import { LiveLink } from "../link/link.ts";
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import { BlockTracker, ownerOf } from "./block_tracker.ts";

const BLOCKS = 6;
const LENGTH = 100;

function ledgerOf(have: Bitfield, discarded: number[] = []): BlockTracker {
  return new BlockTracker({
    geometry: new Geometry(BLOCKS * LENGTH, LENGTH),
    have,
    rng: createRng(1),
    discard: (block) => discarded.push(block),
  });
}

function linkOf(id: number): LiveLink {
  return new LiveLink(id, { peerId: id, dialed: undefined, nowMs: 0 });
}

const step = fc.record({
  do: fc.constantFrom("learnAll", "learn", "forget", "begin", "own", "disown", "receive", "stored", "corrupt"),
  link: fc.nat(2),
  block: fc.nat(BLOCKS - 1),
  bytes: fc.constantFrom(1, 50, LENGTH),
});

test("whatever happens, each block is in one state and the counts on the links are right", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const tracker = ledgerOf(new Bitfield(BLOCKS));
      const links = [0, 1, 2].map(linkOf);
      const checking = new Set<number>();
      for (const { do: action, link: id, block, bytes } of steps) {
        const link = links[id] as LiveLink;
        const fetch = tracker.fetchOf(block);
        if (action === "learnAll" && link.holds === undefined) {
          const holds = new Bitfield(BLOCKS);
          holds.add(block);
          tracker.learnAll(link, holds);
        } else if (action === "learn") {
          tracker.learn(link, block);
        } else if (action === "forget" && link.holds !== undefined) {
          tracker.forget(link);
          links[id] = linkOf(id);
        } else if (action === "begin" && tracker.rarity.has(block)) {
          tracker.own(tracker.begin(block), link);
        } else if (action === "own" && fetch !== undefined && ownerOf(fetch, link) === undefined) {
          tracker.own(fetch, link);
        } else if (action === "disown" && fetch !== undefined) {
          tracker.disown(fetch, link);
        } else if (action === "receive" && tracker.received(block, bytes) !== undefined) {
          checking.add(block);
        } else if (action === "stored" && checking.delete(block)) {
          tracker.stored(block);
        } else if (action === "corrupt" && checking.delete(block)) {
          tracker.corrupt(block, { solo: bytes === 50 });
        }
        check(tracker, { links, checking });
      }
    }),
    { numRuns: 300 },
  );
});

function check(
  tracker: BlockTracker,
  state: { readonly links: readonly LiveLink[]; readonly checking: Set<number> },
): void {
  const { links, checking } = state;
  for (let block = 0; block < BLOCKS; block++) {
    const fetch = tracker.fetchOf(block);
    const states = [tracker.have.has(block), tracker.rarity.has(block), fetch !== undefined, checking.has(block)];
    expect(states.filter(Boolean)).toHaveLength(1);
    if (fetch !== undefined) {
      expect(tracker.unowned.has(fetch)).toBe(fetch.owners.length === 0);
    }
    expect(tracker.rarity.copies(block)).toBe(links.filter(({ holds }) => holds?.has(block) === true).length);
  }
  for (const { holds, download } of links) {
    const held = [...(holds ?? [])];
    expect(download.useful).toBe(held.filter((block) => !tracker.have.has(block)).length);
    expect(download.waiting).toBe(held.filter((block) => tracker.rarity.has(block)).length);
  }
  expect(tracker.completeLinks).toBe(links.filter(({ holds }) => holds?.complete === true).length);
  expect(tracker.remainingBytes).toBe((BLOCKS - tracker.have.count) * LENGTH);
}

test("what is held at the start neither waits nor counts as missing", () => {
  const have = new Bitfield(BLOCKS);
  have.add(2);
  const tracker = ledgerOf(have);
  expect(tracker.rarity.has(2)).toBe(false);
  expect(tracker.remainingBytes).toBe(5 * LENGTH);
});

test("late bytes of a block that waits again are welcome, unless it must come from one peer", () => {
  const discarded: number[] = [];
  const tracker = ledgerOf(new Bitfield(BLOCKS), discarded);
  expect(tracker.received(1, 40)).toBeUndefined();
  expect(tracker.fetchOf(1)?.received).toBe(40);
  expect(tracker.received(2, LENGTH)).toBeDefined();
  tracker.corrupt(2, { solo: true });
  expect(tracker.takesLate(2)).toBe(false);
  expect(tracker.received(2, 40)).toBeUndefined();
  expect(tracker.fetchOf(2)).toBeUndefined();
});
