import { assert } from "../base/errors.ts";
import { type Rng, shuffle } from "../base/rng.ts";

/** After the last block was asked for, this long nothing is sent twice: news of it is under way, and others have the block to give. */
const NEWS_MS = 100;

/** A link that was given so many more blocks than twice the others' mean, and passed on none of them, can wait. */
const HOARDED_BLOCKS = 4;

/** Promised to a link that has not asked for it yet; asked for by it, so about to be sent or sent. */
type Grant = { readonly link: number; claimed: boolean };

/**
 * Which blocks a lone seed should give away next, so that it sends each block once before it sends any twice.
 *
 * A seed that serves whatever is asked sends 1.04 to 1.3 times the share before every block exists elsewhere,
 * because leechers choose on stale news. So it SUGGESTs disjoint blocks, each to one leecher (a grant), and refuses a block
 * already given while others were never asked for. It never hides blocks and never waits for news to spread (libtorrent's
 * super-seeding does both and is slower).
 *
 * A block is free, granted, claimed, or spread (another peer announced it).
 */
export class SeedPlanner {
  readonly #grants = new Map<number, Grant>();
  /** Held by somebody else, as far as known. */
  readonly #spread: Uint8Array;
  /** The free blocks, and some that are free no more: skipped when met. */
  readonly #queue: number[] = [];
  #unspread = 0;
  /** Blocks granted and not claimed. */
  #unclaimed = 0;
  #lastClaimMs = Number.NEGATIVE_INFINITY;
  /** Blocks that only the link they were given to is known to hold. */
  readonly #hoarded = new Map<number, number>();
  /** How many of those each link has that was given any block. */
  readonly #hoards = new Map<number, number>();
  #hoardedBlocks = 0;

  constructor(blockCount: number, options: { readonly rng: Rng; readonly copies: (block: number) => number }) {
    this.#spread = new Uint8Array(blockCount);
    for (let block = 0; block < blockCount; block++) {
      if (options.copies(block) > 0) {
        this.#spread[block] = 1;
      } else {
        this.#unspread++;
        this.#queue.push(block);
      }
    }
    shuffle(this.#queue, options.rng);
  }

  /** Whether each block was seen at another peer: from then on rarest first does better than any plan of the seed. */
  get covered(): boolean {
    return this.#unspread === 0;
  }

  /** A peer announced `block`. */
  spread(link: number, block: number): void {
    const hoarder = this.#hoarded.get(block);
    if (hoarder !== undefined && hoarder !== link) {
      this.#hoarded.delete(block);
      this.#hoard(hoarder, -1);
    }
    if (this.#spread[block] === 0) {
      if (this.#grants.get(block)?.link === link) {
        this.#hoarded.set(block, link);
        this.#hoard(link, 1);
      }
      this.#spread[block] = 1;
      this.#unspread--;
      this.#forget(block);
    }
  }

  /** We cannot give `block` any more: it is not planned for. */
  withdraw(block: number): void {
    if (this.#spread[block] === 0) {
      this.#spread[block] = 1;
      this.#unspread--;
      this.#forget(block);
    }
  }

  /**
   * Whether a link passes on much less of what it was given than the others do, because it is slow or will not.
   *
   * What it is given next would have to be given again to somebody else.
   */
  hoards(link: number): boolean {
    const own = this.#hoards.get(link) ?? 0;
    const others = Math.max(1, this.#hoards.size - 1);
    return this.#hoards.size > 1 && own > (2 * (this.#hoardedBlocks - own)) / others + HOARDED_BLOCKS;
  }

  /**
   * Grants up to `count` free blocks to a link.
   *
   * @returns fewer, or none, when all are granted
   */
  grant(link: number, count: number): number[] {
    const granted: number[] = [];
    while (granted.length < count && this.#hasFree()) {
      const block = this.#queue.pop() as number;
      this.#grants.set(block, { link, claimed: false });
      this.#unclaimed++;
      granted.push(block);
    }
    return granted;
  }

  /** Grants an idle link, when nothing is free, the latest block that was granted to another and not asked for. */
  regrant(link: number): number | undefined {
    if (this.#unclaimed === 0 || this.#hasFree()) {
      return undefined;
    }
    const found = [...this.#grants].findLast(([, grant]) => grant.link !== link && !grant.claimed);
    if (found !== undefined) {
      this.#grants.set(found[0], { link, claimed: false });
    }
    return found?.[0];
  }

  /** The link asks for `block`, and it will be served. */
  claim(link: number, block: number, nowMs: number): void {
    const grant = this.#grants.get(block);
    if (grant === undefined ? this.#spread[block] === 0 : !grant.claimed) {
      this.#forget(block);
      this.#lastClaimMs = nowMs;
      this.#grants.set(block, { link, claimed: true });
    }
  }

  /** Whether `link` should take another block instead: this one was given to somebody, and some were given to nobody, or just now. */
  refuses(link: number, block: number, nowMs: number): boolean {
    if (this.repeats(link, block)) {
      return this.#unclaimed > 0 || this.#hasFree() || nowMs < this.#lastClaimMs + NEWS_MS;
    }
    const grant = this.#grants.get(block);
    return grant !== undefined && grant.link !== link && this.#hasFree();
  }

  /** Whether `block` was given to another peer than `link` already. */
  repeats(link: number, block: number): boolean {
    const grant = this.#grants.get(block);
    return this.#spread[block] === 1 || (grant?.claimed === true && grant.link !== link);
  }

  /** The link will not be served `block` after all. */
  release(link: number, block: number): void {
    if (this.#grants.get(block)?.link === link) {
      this.#forget(block);
      assert(this.#isFree(block), () => `block ${block} was granted though spread`);
      this.#queue.push(block);
    }
  }

  /** The link is gone: what it was given and did not announce may be lost. */
  releaseAll(link: number): void {
    this.#hoardedBlocks -= this.#hoards.get(link) ?? 0;
    this.#hoards.delete(link);
    for (const block of [...this.#grants.keys()]) {
      this.release(link, block);
    }
  }

  #hoard(link: number, change: 1 | -1): void {
    const own = this.#hoards.get(link);
    if (own !== undefined || change > 0) {
      this.#hoards.set(link, (own ?? 0) + change);
      this.#hoardedBlocks += change;
    }
  }

  #forget(block: number): void {
    if (this.#grants.get(block)?.claimed === false) {
      this.#unclaimed--;
    }
    this.#grants.delete(block);
  }

  #isFree(block: number): boolean {
    return this.#spread[block] === 0 && !this.#grants.has(block);
  }

  /** Whether a block is free; the last of the queue is, then. */
  #hasFree(): boolean {
    for (let last = this.#queue.at(-1); last !== undefined; last = this.#queue.at(-1)) {
      if (this.#isFree(last)) {
        return true;
      }
      this.#queue.pop();
    }
    return false;
  }
}
