import { assert } from "../base/errors.ts";
import type { Rng } from "../base/rng.ts";
import type { LiveLink } from "../link/link.ts";
import type { Bitfield } from "../share/bitfield.ts";
import type { Geometry } from "../share/geometry.ts";
import { RarityIndex } from "../share/rarity_index.ts";

/** A link that fetches a block. */
export interface Owner {
  readonly link: LiveLink;
  /** Up to which byte of the block it was asked. */
  asked: number;
  /** Choked us, refused, or was called off: asked no more, and no owner any more once it has answered. */
  closed: boolean;
}

/** A block on its way. Its bytes come front to back: the first `received` are there. No owners: somebody left it unfinished. */
export interface Fetch {
  readonly block: number;
  readonly length: number;
  received: number;
  readonly owners: Owner[];
  /** Several peers sent a wrong block together: this time it must come from one peer, from its first byte. */
  readonly solo: boolean;
}

/**
 * What state each block is in, and who holds it.
 *
 * A block is in exactly one state: waiting (in the picker), on its way (a Fetch), being checked, or held. Every
 * transition is a method here, so that the counts on the links can never drift from the states.
 */
export class BlockTracker {
  readonly geometry: Geometry;
  readonly have: Bitfield;
  readonly rarity: RarityIndex;
  readonly #discard: (block: number) => void;
  /** Links that told what they hold. */
  readonly #links = new Set<LiveLink>();
  readonly #fetches = new Map<number, Fetch>();
  readonly #unowned = new Set<Fetch>();
  /** Blocks to be fetched from one peer only. */
  readonly #solo = new Set<number>();
  #heldBytes = 0;
  #completeLinks = 0;

  /** @param options.discard forget the bytes that came of a block: it will start anew */
  constructor(options: {
    readonly geometry: Geometry;
    readonly have: Bitfield;
    readonly rng: Rng;
    readonly discard: (block: number) => void;
  }) {
    this.geometry = options.geometry;
    this.have = options.have;
    this.#discard = options.discard;
    this.rarity = new RarityIndex(options.geometry.blockCount, options.rng);
    for (let block = 0; block < options.geometry.blockCount; block++) {
      if (options.have.has(block)) {
        this.#heldBytes += options.geometry.lengthOf(block);
      } else {
        this.rarity.add(block);
      }
    }
  }

  /** Bytes of the share not yet verified. */
  get remainingBytes(): number {
    return this.geometry.sizeBytes - this.#heldBytes;
  }

  /** Neighbours that hold everything. */
  get completeLinks(): number {
    return this.#completeLinks;
  }

  /** The blocks on their way. */
  fetches(): Iterable<Fetch> {
    return this.#fetches.values();
  }

  /** The blocks on their way that were left unfinished. */
  get unowned(): ReadonlySet<Fetch> {
    return this.#unowned;
  }

  fetchOf(block: number): Fetch | undefined {
    return this.#fetches.get(block);
  }

  /** The link told for the first time what it holds. */
  learnAll(link: LiveLink, holds: Bitfield): void {
    link.tell(holds);
    this.#links.add(link);
    for (const block of holds) {
      this.#learned(link, block);
    }
    this.#completeLinks += Number(holds.complete);
  }

  /** The link turned out to hold `block` too. */
  learn(link: LiveLink, block: number): void {
    if (link.holds?.add(block) === true) {
      this.#learned(link, block);
      this.#completeLinks += Number(link.holds.complete);
    }
  }

  #learned(link: LiveLink, block: number): void {
    this.rarity.gained(block);
    link.download.countUseful(Number(!this.have.has(block)));
    link.download.countWaiting(Number(this.rarity.has(block)));
  }

  /** The link does not hold `block` any more. */
  unlearn(link: LiveLink, block: number): void {
    const wasComplete = link.holds?.complete === true;
    if (link.holds?.delete(block) === true) {
      this.#completeLinks -= Number(wasComplete);
      this.rarity.lost(block);
      link.download.countUseful(-Number(!this.have.has(block)));
      link.download.countWaiting(-Number(this.rarity.has(block)));
    }
  }

  /** Held -> waiting: it was damaged since. */
  lost(block: number): void {
    this.have.delete(block);
    this.#heldBytes -= this.geometry.lengthOf(block);
    for (const link of this.#links) {
      link.download.countUseful(Number(link.holds?.has(block) === true));
    }
    this.#wait(block);
  }

  /** The link is gone: its copies do not count any more, and it owns nothing. */
  forget(link: LiveLink): void {
    for (const fetch of [...this.#fetches.values()]) {
      this.disown(fetch, link);
    }
    this.#links.delete(link);
    this.#completeLinks -= Number(link.holds?.complete === true);
    for (const block of link.holds ?? []) {
      this.rarity.lost(block);
    }
  }

  /** Waiting -> on its way, as yet without an owner. */
  begin(block: number): Fetch {
    this.rarity.remove(block);
    this.#countWaiting(block, -1);
    const length = this.geometry.lengthOf(block);
    const fetch: Fetch = { block, length, received: 0, owners: [], solo: this.#solo.has(block) };
    this.#fetches.set(block, fetch);
    this.#unowned.add(fetch);
    return fetch;
  }

  /** Makes the link an owner, the last one among several. */
  own(fetch: Fetch, link: LiveLink): void {
    assert(ownerOf(fetch, link) === undefined, () => `link ${link.id} owns block ${fetch.block} already`);
    fetch.owners.push({ link, asked: fetch.received, closed: false });
    this.#unowned.delete(fetch);
  }

  /**
   * The link owns the block no more; with no owner left and nothing received it waits again.
   *
   * @returns whether it was the last owner: somebody else may have the block now
   */
  disown(fetch: Fetch, link: LiveLink): boolean {
    const index = fetch.owners.findIndex((owner) => owner.link === link);
    if (index < 0) {
      return false;
    }
    fetch.owners.splice(index, 1);
    if (fetch.owners.length > 0) {
      return false;
    }
    if (fetch.solo && fetch.received > 0) {
      fetch.received = 0; // the next single owner starts over
      this.#discard(fetch.block);
    }
    if (fetch.received > 0) {
      this.#unowned.add(fetch);
    } else {
      this.#fetches.delete(fetch.block);
      this.#wait(fetch.block);
    }
    return true;
  }

  /** Whether bytes of a block that waits are welcome: they were asked of a link that lost the block, and come after all. */
  takesLate(block: number): boolean {
    return this.rarity.has(block) && !this.#solo.has(block);
  }

  /**
   * The first `receivedBytes` of a block are there.
   *
   * @returns its fetch if that makes it whole: on its way -> being checked
   */
  received(block: number, receivedBytes: number): Fetch | undefined {
    let fetch = this.#fetches.get(block);
    if (fetch === undefined && receivedBytes > 0 && this.takesLate(block)) {
      fetch = this.begin(block);
    }
    if (fetch === undefined) {
      return undefined;
    }
    fetch.received = Math.max(fetch.received, receivedBytes);
    assert(fetch.received <= fetch.length, () => `block ${block} is longer than itself`);
    if (fetch.received < fetch.length) {
      return undefined;
    }
    this.#fetches.delete(block);
    this.#unowned.delete(fetch);
    return fetch;
  }

  /** Being checked -> held: the hash was right and the block is on disk. */
  stored(block: number): void {
    this.#solo.delete(block);
    this.have.add(block);
    this.#heldBytes += this.geometry.lengthOf(block);
    for (const link of this.#links) {
      if (link.holds?.has(block) === true) {
        link.download.countUseful(-1);
      }
    }
  }

  /** Being checked -> waiting: the hash was wrong; `solo`: it comes from one peer only, so that it can be held to account. */
  corrupt(block: number, options: { readonly solo: boolean }): void {
    if (options.solo) {
      this.#solo.add(block);
    }
    this.#wait(block);
  }

  #wait(block: number): void {
    this.rarity.add(block);
    this.#countWaiting(block, 1);
  }

  #countWaiting(block: number, change: 1 | -1): void {
    for (const link of this.#links) {
      if (link.holds?.has(block) === true) {
        link.download.countWaiting(change);
      }
    }
  }
}

export function ownerOf(fetch: Fetch, link: LiveLink): Owner | undefined {
  for (const owner of fetch.owners) {
    if (owner.link === link) {
      return owner;
    }
  }
  return undefined;
}

/** Bytes of a block on its way that have not come. */
export function bytesLeft(fetch: Fetch): number {
  return fetch.length - fetch.received;
}
