import { expect, test } from "bun:test";
import { ALLOWED_BLOCKS, SUGGEST_AHEAD_BLOCKS } from "../base/limits.ts";
import { createRng } from "../base/rng.ts";
import { LiveLink } from "../link/link.ts";
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import { SuggestAndAllow } from "./suggest_and_allow.ts";

const BLOCK = 1000;

function bench(blocks: number, options: { readonly have?: Bitfield; readonly allowedBlocks?: number } = {}) {
  const sent: PeerMessage[] = [];
  const have = options.have ?? Bitfield.full(blocks);
  const hints = new SuggestAndAllow({
    geometry: new Geometry(blocks * BLOCK, BLOCK),
    have,
    rng: createRng(1),
    send: (_link, message) => sent.push(message),
    allowedBlocks: options.allowedBlocks ?? ALLOWED_BLOCKS,
  });
  let nextId = 1;
  const link = (): LiveLink => {
    const id = nextId++;
    const live = new LiveLink(id, { peerId: id, dialed: undefined, nowMs: 0 });
    live.tell(new Bitfield(blocks));
    live.upload.assign("regular", 0);
    return live;
  };
  /** The blocks of all messages of a type. */
  const blocksOf = (type: "SUGGEST" | "ALLOW"): number[] =>
    sent.flatMap((message) => (message.type === type ? [...message.blocks] : []));
  return { hints, link, sent, blocksOf };
}

function first(block: number) {
  return { block, offset: 0, length: BLOCK };
}

test("a planning seed suggests other blocks to each, and keeps some ahead", () => {
  const { hints, link, blocksOf } = bench(20);
  hints.plan(() => 0);
  const [a, b] = [link(), link()];
  hints.suggest(a);
  hints.suggest(b);
  hints.suggest(b);
  expect(new Set(blocksOf("SUGGEST")).size).toBe(2 * SUGGEST_AHEAD_BLOCKS);
  const [asked] = a.upload.suggested as unknown as Iterable<number>;
  a.upload.enqueue(first(asked as number));
  hints.claimed(a, asked as number, 0);
  hints.suggest(a);
  expect(a.upload.suggested.size).toBe(SUGGEST_AHEAD_BLOCKS + 1); // one more for each block that waits here
});

test("without a plan nothing is suggested or refused", () => {
  const { hints, link, sent } = bench(4);
  hints.plan(() => 1);
  expect(hints.planning).toBe(false);
  hints.suggest(link());
  expect(sent).toEqual([]);
  expect(hints.refuses(link(), first(0), 0)).toBe(false);
});

test("a choke frees what was suggested or asked and not begun", () => {
  const { hints, link, blocksOf } = bench(4);
  hints.plan(() => 0);
  const [a, b] = [link(), link()];
  hints.suggest(a);
  const [asked] = blocksOf("SUGGEST") as [number];
  hints.claimed(a, asked, 0);
  hints.choked(a, [first(asked)]);
  expect(a.upload.suggested.size).toBe(0);
  hints.suggest(b);
  expect(b.upload.suggested.size).toBe(4);
});

test("a block it has in part it may finish though choked, within its bytes", () => {
  const { hints, link, sent } = bench(4);
  const a = link();
  hints.allowUnfinished(a);
  expect(sent).toEqual([]);
  a.upload.enqueue(first(2));
  a.upload.give(false, 0);
  hints.allowUnfinished(a);
  hints.allowUnfinished(a);
  expect(sent).toEqual([{ type: "ALLOW", blocks: [2] }]);
  expect(a.upload.allowanceBytes).toBe(BLOCK);
});

test("when all has spread, those that were suggested blocks hear that the plan is over", () => {
  const { hints, link, sent } = bench(2);
  hints.plan(() => 0);
  const [a, choked] = [link(), link()];
  choked.upload.assign("choked", 0);
  hints.spread(a, [0], [a, choked]);
  expect(sent).toEqual([]);
  hints.spread(choked, [1], [a, choked]);
  expect(sent).toEqual([{ type: "SUGGEST", blocks: [] }]);
  expect(hints.planning).toBe(false);
});

test("a newcomer without a slot is allowed a few blocks that we hold, once", () => {
  const have = new Bitfield(20);
  for (const block of [3, 7, 11, 12, 19]) {
    have.add(block);
  }
  const { hints, link, blocksOf } = bench(20, { have });
  const [served, experienced, newcomer] = [link(), link(), link()];
  experienced.upload.assign("choked", 0);
  experienced.holds?.add(1);
  newcomer.upload.assign("choked", 0);
  for (const one of [served, experienced, newcomer, newcomer]) {
    hints.welcome(one);
  }
  const allowed = blocksOf("ALLOW");
  expect(allowed).toHaveLength(ALLOWED_BLOCKS);
  expect(allowed.every((block) => have.has(block))).toBe(true);
});

test("when a link is gone its grants go to others", () => {
  const { hints, link, blocksOf } = bench(3);
  hints.plan(() => 0);
  const [a, b] = [link(), link()];
  hints.suggest(a);
  expect(blocksOf("SUGGEST")).toHaveLength(3);
  hints.forget(a);
  hints.suggest(b);
  expect(blocksOf("SUGGEST")).toHaveLength(6);
});

test("who allows no blocks says nothing to newcomers", () => {
  const { hints, link, sent } = bench(4, { allowedBlocks: 0 });
  const newcomer = link();
  newcomer.upload.assign("choked", 0);
  hints.welcome(newcomer);
  expect(sent).toEqual([]);
});
