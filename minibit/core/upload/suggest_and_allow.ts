import { MAX_HINT_BLOCKS, SUGGEST_AHEAD_BLOCKS } from "../base/limits.ts";
import type { Rng } from "../base/rng.ts";
import type { LiveLink } from "../link/link.ts";
import type { Unit } from "../link/unit.ts";
import type { Bitfield } from "../share/bitfield.ts";
import type { Geometry } from "../share/geometry.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import { SeedPlanner } from "./seed_planner.ts";

/**
 * What we tell neighbours to ask us for: a lone seed's plan (SUGGEST, and refusing what does not fit), and the blocks a
 * neighbour may ask for although it is choked (ALLOW).
 */
export class SuggestAndAllow {
  readonly #geometry: Geometry;
  readonly #have: Bitfield;
  readonly #rng: Rng;
  readonly #send: (link: LiveLink, message: PeerMessage) => void;
  readonly #allowedBlocks: number;
  /** Peers that had their allowed blocks: once is enough. */
  readonly #welcomed = new Set<number>();
  #planner: SeedPlanner | undefined;

  constructor(options: {
    readonly geometry: Geometry;
    readonly have: Bitfield;
    readonly rng: Rng;
    readonly send: (link: LiveLink, message: PeerMessage) => void;
    /** How many blocks a newcomer may ask for while choked. */
    readonly allowedBlocks: number;
  }) {
    this.#geometry = options.geometry;
    this.#have = options.have;
    this.#rng = options.rng;
    this.#send = options.send;
    this.#allowedBlocks = options.allowedBlocks;
  }

  /** Whether a plan is under way: some block exists nowhere else, as far as known. */
  get planning(): boolean {
    return this.#planner !== undefined;
  }

  /** We hold everything; `copies`: how many neighbours hold a block. */
  plan(copies: (block: number) => number): void {
    const planner = new SeedPlanner(this.#have.size, { rng: this.#rng, copies });
    this.#planner = planner.covered ? undefined : planner;
  }

  /** The peer behind `link` holds these blocks. Once every block exists elsewhere, leechers choose best for themselves. */
  spread(link: LiveLink, blocks: Iterable<number>, links: Iterable<LiveLink>): void {
    if (this.#planner === undefined) {
      return;
    }
    for (const block of blocks) {
      this.#planner.spread(link.id, block);
    }
    this.#endIfCovered(links);
  }

  /** We cannot give `block` any more. */
  withdraw(block: number, links: Iterable<LiveLink>): void {
    for (const { upload } of links) {
      upload.endSuggestion(block);
    }
    this.#planner?.withdraw(block);
    this.#endIfCovered(links);
  }

  #endIfCovered(links: Iterable<LiveLink>): void {
    if (this.#planner?.covered === true) {
      this.#planner = undefined;
      for (const other of links) {
        other.upload.endSuggestions();
        if (other.upload.slot !== "choked") {
          this.#send(other, { type: "SUGGEST", blocks: [] });
        }
      }
    }
  }

  /** Whether the plan speaks against beginning this block now. */
  refuses(link: LiveLink, unit: Unit, nowMs: number): boolean {
    return unit.offset === 0 && this.#planner?.refuses(link.id, unit.block, nowMs) === true;
  }

  /** Whether this unit is of a block that somebody else was given, while some block exists nowhere else: it can wait. */
  repeats(link: LiveLink, unit: Unit): boolean {
    return this.#planner?.repeats(link.id, unit.block) === true;
  }

  /** Whether this peer keeps for itself what it is given, while some block exists nowhere else. */
  hoards(link: LiveLink): boolean {
    return this.#planner?.hoards(link.id) === true;
  }

  /** The link asked for a unit that will be served. */
  claimed(link: LiveLink, block: number, nowMs: number): void {
    if (this.#planner !== undefined) {
      this.#planner.claim(link.id, block, nowMs);
      link.upload.endSuggestion(block);
    }
  }

  /** Keeps a few blocks suggested ahead of what an unchoked link has asked for. */
  suggest(link: LiveLink): void {
    const { queue, suggested, inFlight } = link.upload;
    if (this.#planner === undefined) {
      return;
    }
    let blocksQueued = 0;
    for (const unit of queue) {
      blocksQueued += Number(unit.offset === 0);
    }
    const wanted = Math.min(MAX_HINT_BLOCKS, blocksQueued + SUGGEST_AHEAD_BLOCKS) - suggested.size;
    const blocks = this.#planner.grant(link.id, wanted);
    if (blocks.length === 0 && suggested.size === 0 && queue.length === 0 && inFlight === undefined) {
      const regranted = this.#planner.regrant(link.id);
      blocks.push(...(regranted === undefined ? [] : [regranted]));
    }
    for (const block of blocks) {
      link.upload.suggest(block);
    }
    if (blocks.length > 0) {
      this.#send(link, { type: "SUGGEST", blocks });
    }
  }

  /** Before a CHOKE: the block it has in part it may finish, for half a block is of use to nobody. */
  allowUnfinished(link: LiveLink): void {
    const { unfinished, allowed } = link.upload;
    if (unfinished !== undefined && !allowed.has(unfinished)) {
      this.#allow(link, [unfinished]);
    }
  }

  /** Lets a newcomer that got no slot fetch a few blocks, so that it has something to trade. */
  welcome(link: LiveLink): void {
    const isNewcomer = link.holds?.count === 0 && !this.#welcomed.has(link.peerId);
    const hasSome = this.#allowedBlocks > 0 && this.#have.count > 0;
    if (!isNewcomer || link.upload.slot !== "choked" || !hasSome) {
      return;
    }
    this.#welcomed.add(link.peerId);
    const planned = this.#planner?.grant(link.id, this.#allowedBlocks) ?? [];
    const blocks = planned.length > 0 ? planned : this.#someHeld(this.#allowedBlocks);
    this.#allow(link, blocks);
  }

  /** The link was choked, and these requests of it were rejected: what it was given and has not begun is free again. */
  choked(link: LiveLink, rejected: readonly Unit[]): void {
    for (const { block } of rejected) {
      this.#planner?.release(link.id, block);
    }
    for (const block of link.upload.suggested) {
      this.#planner?.release(link.id, block);
    }
    link.upload.endSuggestions();
  }

  /** The link took its request for this unit back before any of its block was sent. */
  cancelled(link: LiveLink, unit: Unit): void {
    if (link.upload.unfinished !== unit.block) {
      this.#planner?.release(link.id, unit.block);
    }
  }

  /** The link is gone. */
  forget(link: LiveLink): void {
    this.#planner?.releaseAll(link.id);
  }

  #allow(link: LiveLink, blocks: readonly number[]): void {
    for (const block of blocks) {
      link.upload.allow(block, this.#geometry.lengthOf(block));
    }
    this.#send(link, { type: "ALLOW", blocks });
  }

  #someHeld(count: number): number[] {
    const found: number[] = [];
    const first = this.#rng.below(this.#have.size);
    for (let i = 0; i < this.#have.size && found.length < count; i++) {
      const block = (first + i) % this.#have.size;
      if (this.#have.has(block)) {
        found.push(block);
      }
    }
    return found;
  }
}
