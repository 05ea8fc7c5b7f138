import { expect, test } from "bun:test";
import {
  ANNOUNCE_BATCH_BLOCKS,
  MAX_ANNOUNCE_MS,
  MAX_RUNS,
  MIN_ANNOUNCE_MS,
  TRACKER_UPDATE_MS,
} from "../base/limits.ts";
import { LiveLink } from "../link/link.ts";
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import { Announcer } from "./announcer.ts";

/** An announcer with links that follow it, and all it said. */
function bench(options: { readonly links?: number; readonly followers?: number; readonly blockCount?: number } = {}) {
  const { links: count = 2, followers = count, blockCount = 1000 } = options;
  const sent: [link: number, blocks: readonly number[]][] = [];
  const told: (readonly number[])[] = [];
  const links: LiveLink[] = [];
  for (let id = 0; id < count; id++) {
    const link = new LiveLink(id, { peerId: id, dialed: undefined, nowMs: 0 });
    if (id < followers) {
      link.follow();
    }
    link.tell(new Bitfield(blockCount));
    links.push(link);
  }
  const announcer = new Announcer({
    geometry: new Geometry(blockCount * 1024, 1024),
    send: (link, message) => {
      if (message.type === "UPDATE_BLOCKS") {
        sent.push([link.id, message.blocks]);
      }
    },
    toTracker: (blocks) => told.push(blocks),
  });
  /** Verifies a common block. */
  const verify = (block: number, nowMs: number): void => announcer.verified(block, { copies: 9, etaMs: 5000, nowMs });
  return { announcer, links, sent, told, verify };
}

test("common blocks wait for a batch", () => {
  const { announcer, links, sent, verify } = bench();
  for (let block = 0; block < ANNOUNCE_BATCH_BLOCKS; block++) {
    announcer.flush(links, 1);
    expect(sent).toEqual([]);
    verify(block, 1);
  }
  announcer.flush(links, 1);
  const batch = Array.from({ length: ANNOUNCE_BATCH_BLOCKS }, (_, block) => block);
  expect(sent).toEqual([
    [0, batch],
    [1, batch],
  ]);
});

test("no block waits longer than a hundredth of the transfer, within its bounds", () => {
  for (const [etaMs, delayMs] of [
    [100, MIN_ANNOUNCE_MS],
    [10_000, 100],
    [1e9, MAX_ANNOUNCE_MS],
  ] as const) {
    const { announcer, links, sent } = bench();
    announcer.verified(7, { copies: 9, etaMs, nowMs: 50 });
    announcer.flush(links, 50 + delayMs - 1);
    expect(sent).toEqual([]);
    announcer.flush(links, 50 + delayMs);
    expect(sent).toHaveLength(2);
  }
});

test("a rare block is told at once, and all that waited with it, in rising order", () => {
  const { announcer, links, sent, verify } = bench();
  verify(9, 0);
  announcer.verified(4, { copies: 2, etaMs: 5000, nowMs: 3 });
  expect(announcer.nextDeadlineMs).toBeLessThanOrEqual(3);
  announcer.flush(links, 3);
  expect(sent).toEqual([
    [0, [4, 9]],
    [1, [4, 9]],
  ]);
});

test("nobody is told of a block it holds, nor told at all before it asked", () => {
  const { announcer, links, sent, verify } = bench({ links: 3, followers: 2 });
  links[0]?.holds?.add(5);
  links[1]?.holds?.add(6);
  verify(5, 0);
  announcer.flush(links, 1000);
  verify(6, 1000);
  announcer.flush(links, 2000);
  expect(sent).toEqual([
    [1, [5]],
    [0, [6]],
  ]);
});

test("a seed is told of everything: it plans by what has spread", () => {
  const { announcer, links, sent, verify } = bench({ links: 1, blockCount: 2 });
  links[0]?.holds?.add(0);
  links[0]?.holds?.add(1);
  verify(1, 0);
  announcer.flush(links, 1000);
  expect(sent).toEqual([[0, [1]]]);
});

test("nothing is said twice", () => {
  const { announcer, links, sent, verify } = bench({ links: 1 });
  verify(1, 0);
  announcer.flush(links, 1000);
  announcer.flush(links, 2000);
  expect(sent).toHaveLength(1);
  expect(announcer.nextDeadlineMs).toBe(Number.POSITIVE_INFINITY);
});

test("the tracker hears at most once a second, or every 5 % of the share", () => {
  const { announcer, links, told, verify } = bench();
  verify(0, 10);
  announcer.flush(links, 10);
  expect(told).toEqual([[0]]);
  for (let block = 1; block < 50; block++) {
    verify(block, 20);
  }
  announcer.flush(links, 20);
  expect(told).toHaveLength(1);
  verify(50, 21);
  announcer.flush(links, 21);
  expect(told[1]).toHaveLength(50);
  verify(51, 22);
  announcer.flush(links, 21 + TRACKER_UPDATE_MS - 1);
  expect(told).toHaveLength(2);
  announcer.flush(links, 21 + TRACKER_UPDATE_MS);
  expect(told[2]).toEqual([51]);
});

test("the tracker hears of the last block at once", () => {
  const { announcer, links, told } = bench();
  announcer.verified(0, { copies: 9, etaMs: 500, nowMs: 10 });
  announcer.flush(links, 10);
  announcer.verified(1, { copies: 9, etaMs: 0, nowMs: 11 });
  announcer.flush(links, 11);
  expect(told).toEqual([[0], [1]]);
});

test("an announcement longer than a message is cut into several", () => {
  const blockCount = MAX_RUNS + 10;
  const { announcer, links, sent, told, verify } = bench({ links: 1, blockCount });
  for (let block = 0; block < blockCount; block++) {
    verify(block, 0);
  }
  announcer.flush(links, 0);
  expect(sent.map(([, blocks]) => blocks.length)).toEqual([MAX_RUNS, 10]);
  expect(told.map((blocks) => blocks.length)).toEqual([MAX_RUNS, 10]);
});
