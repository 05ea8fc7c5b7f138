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
      const ledger = ledgerOf(new Bitfield(BLOCKS));
      const links = [0, 1, 2].map(linkOf);
      const checking = new Set<number>();
      for (const { do: action, link: id, block, bytes } of steps) {
        const link = links[id] as LiveLink;
        const fetch = ledger.fetchOf(block);
        if (action === "learnAll" && link.holds === undefined) {
          const holds = new Bitfield(BLOCKS);
          holds.add(block);
          ledger.learnAll(link, holds);
        } else if (action === "learn") {
          ledger.learn(link, block);
        } else if (action === "forget" && link.holds !== undefined) {
          ledger.forget(link);
          links[id] = linkOf(id);
        } else if (action === "begin" && ledger.picker.has(block)) {
          ledger.own(ledger.begin(block), link);
        } else if (action === "own" && fetch !== undefined && ownerOf(fetch, link) === undefined) {
          ledger.own(fetch, link);
        } else if (action === "disown" && fetch !== undefined) {
          ledger.disown(fetch, link);
        } else if (action === "receive" && ledger.received(block, bytes) !== undefined) {
          checking.add(block);
        } else if (action === "stored" && checking.delete(block)) {
          ledger.stored(block);
        } else if (action === "corrupt" && checking.delete(block)) {
          ledger.corrupt(block, { solo: bytes === 50 });
        }
        check(ledger, { links, checking });
      }
    }),
    { numRuns: 300 },
  );
});

function check(
  ledger: BlockTracker,
  state: { readonly links: readonly LiveLink[]; readonly checking: Set<number> },
): void {
  const { links, checking } = state;
  for (let block = 0; block < BLOCKS; block++) {
    const fetch = ledger.fetchOf(block);
    const states = [ledger.have.has(block), ledger.picker.has(block), fetch !== undefined, checking.has(block)];
    expect(states.filter(Boolean)).toHaveLength(1);
    if (fetch !== undefined) {
      expect(ledger.unowned.has(fetch)).toBe(fetch.owners.length === 0);
    }
    expect(ledger.picker.copies(block)).toBe(links.filter(({ holds }) => holds?.has(block) === true).length);
  }
  for (const { holds, download } of links) {
    const held = [...(holds ?? [])];
    expect(download.useful).toBe(held.filter((block) => !ledger.have.has(block)).length);
    expect(download.waiting).toBe(held.filter((block) => ledger.picker.has(block)).length);
  }
  expect(ledger.completeLinks).toBe(links.filter(({ holds }) => holds?.complete === true).length);
  expect(ledger.remainingBytes).toBe((BLOCKS - ledger.have.count) * LENGTH);
}

test("what is held at the start neither waits nor counts as missing", () => {
  const have = new Bitfield(BLOCKS);
  have.add(2);
  const ledger = ledgerOf(have);
  expect(ledger.picker.has(2)).toBe(false);
  expect(ledger.remainingBytes).toBe(5 * LENGTH);
});

test("late bytes of a block that waits again are welcome, unless it must come from one peer", () => {
  const discarded: number[] = [];
  const ledger = ledgerOf(new Bitfield(BLOCKS), discarded);
  expect(ledger.received(1, 40)).toBeUndefined();
  expect(ledger.fetchOf(1)?.received).toBe(40);
  expect(ledger.received(2, LENGTH)).toBeDefined();
  ledger.corrupt(2, { solo: true });
  expect(ledger.takesLate(2)).toBe(false);
  expect(ledger.received(2, 40)).toBeUndefined();
  expect(ledger.fetchOf(2)).toBeUndefined();
});
