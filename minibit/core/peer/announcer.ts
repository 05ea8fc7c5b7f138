import {
  ANNOUNCE_BATCH_BLOCKS,
  MAX_ANNOUNCE_MS,
  MAX_RUNS,
  MIN_ANNOUNCE_MS,
  RARE_COPIES,
  TRACKER_UPDATE_MS,
  TRACKER_UPDATE_RATIO,
} from "../base/limits.ts";
import type { LiveLink } from "../link/link.ts";
import type { Geometry } from "../share/geometry.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";

/**
 * Tells neighbours and the tracker which blocks were verified, many at a time.
 *
 * A message a block and neighbour would be most of all messages. But news of a rare block must not wait: somebody idles for it.
 */
export class Announcer {
  readonly #geometry: Geometry;
  readonly #send: (link: LiveLink, message: PeerMessage) => void;
  readonly #toTracker: (blocks: readonly number[]) => void;
  /** Verified and not announced to neighbours yet, in the order they came. */
  #news: number[] = [];
  #flushMs = Number.POSITIVE_INFINITY;
  #trackerNews: number[] = [];
  #trackerMs = Number.POSITIVE_INFINITY;
  #trackerLastMs = Number.NEGATIVE_INFINITY;

  constructor(options: {
    readonly geometry: Geometry;
    readonly send: (link: LiveLink, message: PeerMessage) => void;
    readonly toTracker: (blocks: readonly number[]) => void;
  }) {
    this.#geometry = options.geometry;
    this.#send = options.send;
    this.#toTracker = options.toTracker;
  }

  /** When `flush` should be called. */
  get nextDeadlineMs(): number {
    return Math.min(this.#flushMs, this.#trackerMs);
  }

  /** A block was verified; `etaMs`: how long our download will still take, 0 when it is over. */
  verified(block: number, options: { readonly copies: number; readonly etaMs: number; readonly nowMs: number }): void {
    const { copies, etaMs, nowMs } = options;
    this.#news.push(block);
    this.#trackerNews.push(block);
    const atOnce = copies <= RARE_COPIES || this.#news.length >= ANNOUNCE_BATCH_BLOCKS;
    const delayMs = atOnce ? 0 : Math.min(MAX_ANNOUNCE_MS, Math.max(MIN_ANNOUNCE_MS, etaMs / 100));
    this.#flushMs = Math.min(this.#flushMs, nowMs + delayMs);

    const isDue = this.#trackerNews.length >= this.#geometry.blockCount * TRACKER_UPDATE_RATIO || etaMs === 0;
    const dueMs = isDue ? nowMs : Math.max(nowMs, this.#trackerLastMs + TRACKER_UPDATE_MS);
    this.#trackerMs = Math.min(this.#trackerMs, dueMs);
  }

  /** A block is not held any more: all who may count on it are told at once. */
  lost(block: number, links: Iterable<LiveLink>): void {
    this.#news = this.#news.filter((other) => other !== block);
    this.#trackerNews = this.#trackerNews.filter((other) => other !== block);
    for (const link of links) {
      if (link.follows) {
        this.#send(link, { type: "LOST_BLOCKS", blocks: [block] });
      }
    }
  }

  /** Sends what is due. */
  flush(links: Iterable<LiveLink>, nowMs: number): void {
    if (nowMs >= this.#flushMs) {
      this.#flushMs = Number.POSITIVE_INFINITY;
      const messages = slices(this.#news).map((blocks) => ({ type: "UPDATE_BLOCKS", blocks }) as const);
      this.#news = [];
      for (const link of links) {
        for (const message of messages) {
          this.#tell(link, message);
        }
      }
    }
    if (nowMs >= this.#trackerMs) {
      this.#trackerMs = Number.POSITIVE_INFINITY;
      this.#trackerLastMs = nowMs;
      for (const blocks of slices(this.#trackerNews)) {
        this.#toTracker(blocks);
      }
      this.#trackerNews = [];
    }
  }

  /**
   * Who holds a block need not be told of it, unless it holds all: a seed must see its blocks spread. Most links lack
   * all of the news and get the very same message.
   */
  #tell(link: LiveLink, message: PeerMessage<"UPDATE_BLOCKS">): void {
    if (!link.follows) {
      return;
    }
    const { holds } = link;
    const isNewsToIt = (block: number): boolean => holds?.has(block) !== true || holds.complete;
    if (message.blocks.every(isNewsToIt)) {
      this.#send(link, message);
      return;
    }
    const blocks = message.blocks.filter(isNewsToIt);
    if (blocks.length > 0) {
      this.#send(link, { type: "UPDATE_BLOCKS", blocks });
    }
  }
}

/** The blocks in rising order, in parts that fit in a message. */
function slices(blocks: number[]): number[][] {
  const sorted = blocks.sort((a, b) => a - b);
  const parts: number[][] = [];
  for (let i = 0; i < sorted.length; i += MAX_RUNS) {
    parts.push(sorted.slice(i, i + MAX_RUNS));
  }
  return parts;
}
