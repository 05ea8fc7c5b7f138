import { assert } from "../base/errors.ts";
import type { Rng } from "../base/rng.ts";

const ABSENT = -1;

/**
 * The blocks nobody is fetching yet, rarest first.
 *
 * One array holds them sorted by copies; bucket boundaries tell where each number of copies starts; an index tells
 * where each block stands. An announcement moves a block across one boundary: O(1), however large the share. Inside
 * a bucket a block is put at a random place, so that peers with the same view ask for different blocks.
 *
 * Source: libtorrent `piece_picker.cpp`; Legout et al. 2006 for why rarest first is enough.
 */
export class RarityIndex {
  readonly #rng: Rng;
  readonly #copies: Uint16Array;
  readonly #order: Uint32Array;
  readonly #position: Int32Array;
  /** `#starts[c]`: index in `#order` of the first block with at least `c` copies; the last entry is the length. */
  readonly #starts: number[] = [0, 0];
  #length = 0;

  constructor(blockCount: number, rng: Rng) {
    this.#rng = rng;
    this.#copies = new Uint16Array(blockCount);
    this.#order = new Uint32Array(blockCount);
    this.#position = new Int32Array(blockCount).fill(ABSENT);
  }

  /** How many blocks wait to be picked. */
  get length(): number {
    return this.#length;
  }

  /** How many blocks wait that no neighbour holds. */
  get unheld(): number {
    return this.#startOf(1);
  }

  /** How many neighbours hold `block`. */
  copies(block: number): number {
    return this.#copies[block] ?? 0;
  }

  /** Whether `block` waits to be picked. */
  has(block: number): boolean {
    return (this.#position[block] ?? ABSENT) !== ABSENT;
  }

  /** Lets `block` be picked; it must not wait already. */
  add(block: number): void {
    assert(!this.has(block), () => `block ${block} waits already`);
    const copies = this.copies(block);
    this.#makeBuckets(copies);
    // open a gap at the end and carry it down to the block's bucket, one move a bucket
    let gap = this.#length++;
    for (let bucket = this.#starts.length - 1; bucket > copies; bucket--) {
      const start = this.#starts[bucket] as number;
      if (start !== gap) {
        this.#put(this.#order[start] as number, gap); // an empty bucket has nothing to move
      }
      gap = start;
      this.#starts[bucket] = start + 1;
    }
    this.#put(block, gap);
    this.#mix(gap, copies);
  }

  /** Takes `block` out: somebody fetches it, or it is held. */
  remove(block: number): void {
    assert(this.has(block), () => `block ${block} does not wait`);
    let gap = this.#position[block] as number;
    for (let bucket = this.copies(block) + 1; bucket < this.#starts.length; bucket++) {
      const last = (this.#starts[bucket] as number) - 1;
      if (last !== gap) {
        this.#put(this.#order[last] as number, gap);
      }
      gap = last;
      this.#starts[bucket] = last;
    }
    this.#length--;
    this.#position[block] = ABSENT;
  }

  /** One more neighbour holds `block`. */
  gained(block: number): void {
    const copies = this.copies(block);
    this.#copies[block] = copies + 1;
    if (this.has(block)) {
      this.#makeBuckets(copies + 1);
      // swap with the last of its bucket, then move the boundary over it
      const last = (this.#starts[copies + 1] as number) - 1;
      this.#swap(this.#position[block] as number, last);
      this.#starts[copies + 1] = last;
      this.#mix(last, copies + 1);
    }
  }

  /** One neighbour less holds `block`. */
  lost(block: number): void {
    const copies = this.copies(block);
    assert(copies > 0, () => `block ${block} has no copy to lose`);
    this.#copies[block] = copies - 1;
    if (this.has(block)) {
      const first = this.#starts[copies] as number;
      this.#swap(this.#position[block] as number, first);
      this.#starts[copies] = first + 1;
      this.#mix(first, copies - 1);
    }
  }

  /** Up to `count` of the rarest waiting blocks. */
  first(count: number): Uint32Array {
    return this.#order.subarray(0, Math.min(count, this.#length));
  }

  /**
   * The rarest waiting block with at least `minCopies` copies that `wanted` accepts; ties fall at random.
   *
   * O(blocks refused before it), so `minCopies` is worth giving: most blocks of a young swarm are held by the seed alone.
   */
  rarest(wanted: (block: number) => boolean, minCopies = 0): number | undefined {
    for (let i = this.#startOf(minCopies); i < this.#length; i++) {
      const block = this.#order[i] as number;
      if (wanted(block)) {
        return block;
      }
    }
    return undefined;
  }

  /**
   * A random waiting block with at least `minCopies` copies that `wanted` accepts.
   *
   * For a peer's first block: a common block comes soon and from many, and having something to trade soon counts more
   * than its rarity (Cohen 2003, "random first piece").
   */
  random(wanted: (block: number) => boolean, minCopies = 0): number | undefined {
    const start = this.#startOf(minCopies);
    const span = this.#length - start;
    const first = span > 0 ? this.#rng.below(span) : 0;
    for (let i = 0; i < span; i++) {
      const block = this.#order[start + ((first + i) % span)] as number;
      if (wanted(block)) {
        return block;
      }
    }
    return undefined;
  }

  #startOf(copies: number): number {
    return this.#starts[copies] ?? this.#length;
  }

  /** Makes sure there is a boundary above bucket `copies`; a new one is empty. */
  #makeBuckets(copies: number): void {
    while (this.#starts.length < copies + 2) {
      this.#starts.push(this.#length);
    }
  }

  /** Swaps the block at `at` with a random one of its bucket. */
  #mix(at: number, copies: number): void {
    const start = this.#starts[copies] as number;
    const end = this.#starts[copies + 1] ?? this.#length;
    this.#swap(at, start + this.#rng.below(end - start));
  }

  #swap(a: number, b: number): void {
    const blockA = this.#order[a] as number;
    const blockB = this.#order[b] as number;
    this.#put(blockA, b);
    this.#put(blockB, a);
  }

  #put(block: number, at: number): void {
    this.#order[at] = block;
    this.#position[block] = at;
  }
}
