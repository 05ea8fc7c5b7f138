import { expect, test } from "bun:test";
import { MAX_BLOCKS } from "../../core/base/limits.ts";
import type { TimedEvent } from "./board_event.ts";
import { BoardModel } from "./board_model.ts";
import { BoardFeed } from "./feed.ts";

/** A feed whose peers hold every n-th block of a share of so many. */
function partly(peers: number, blockCount: number, every: number): BoardFeed {
  const feed = new BoardFeed();
  const share = { name: "a", sizeBytes: blockCount * 10, blockSizeBytes: 10, blockCount };
  feed.tell({ type: "swarm", swarm: "s", share, expected: 0 });
  const blocks = Array.from({ length: Math.ceil(blockCount / every) }, (_, i) => [every * i, 1]).flat();
  for (let id = 0; id < peers; id++) {
    feed.tell({ type: "peer", swarm: "s", peer: { id, name: "", host: "::1", port: 1, seed: false }, blocks });
  }
  return feed;
}

/** What a viewer is told first; undefined: it may not watch. */
function snapshotOf(feed: BoardFeed): Uint8Array | undefined {
  const told: Uint8Array[] = [];
  const leave = feed.watch({ isReady: true, send: (bytes) => told.push(bytes), close: () => undefined });
  leave?.();
  return told[0];
}

test("300 peers that hold blocks all over a share of 1 TiB can be watched, in a message of some megabytes", () => {
  const snapshot = snapshotOf(partly(300, 1 << 18, 12));
  expect(snapshot?.length).toBeLessThan(20 * 1024 * 1024);
  expect(snapshot?.length).toBeGreaterThan(300 * 32 * 1024);
});

test("what a viewer is told of them is what they hold", () => {
  const feed = partly(3, 1001, 2);
  const text = new TextDecoder().decode(snapshotOf(feed));
  const { events } = JSON.parse(text.slice(text.indexOf("{"))) as { readonly events: readonly TimedEvent[] };
  const model = new BoardModel();
  for (const event of events) {
    model.apply(event);
  }
  const swarm = model.swarms.get("s");
  expect([...(swarm?.peers.get(2)?.blocks ?? [])]).toEqual(Array.from({ length: 501 }, (_, i) => 2 * i));
  expect(swarm?.copies).toEqual(feed.model.swarms.get("s")?.copies);
});

test("more than can be shown is refused, not made", () => {
  expect(snapshotOf(partly(450, MAX_BLOCKS, 80))).toBeUndefined();
});
