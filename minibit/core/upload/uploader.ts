// Room core/upload: whom we serve, what we suggest, and whose turn it is. Choking is enforced here.
// It knows nothing of what we fetch, but for what a neighbour has given us.

import { ALLOWED_BLOCKS, GIFT_RATIO, MAX_UNIT_BYTES } from "../base/limits.ts";
import { RateLimiter } from "../base/rate_limiter.ts";
import { RateMeter } from "../base/rate_meter.ts";
import type { Rng } from "../base/rng.ts";
import type { LiveLink } from "../link/link.ts";
import type { PeerOutput } from "../link/peer_io.ts";
import type { Unit } from "../link/unit.ts";
import type { Bitfield } from "../share/bitfield.ts";
import type { Geometry } from "../share/geometry.ts";
import type { RarityIndex } from "../share/rarity_index.ts";
import type { PeerMessage, RejectReason } from "../wire/peer_wire.ts";
import { ChokeRounds, type SlotChange, type SlotView } from "./choke_rounds.ts";
import { assignSlots } from "./choker.ts";
import { SuggestAndAllow } from "./suggest_and_allow.ts";
import { UploadQueue } from "./upload_queue.ts";

/** Of how many of the rarest blocks partners are asked whether they hold them. */
const RARE_SAMPLE = 16;

/**
 * What a peer gives: who may ask (ChokeRounds), what they should ask for (SuggestAndAllow), and whose turn it is (UploadQueue).
 *
 * Choking is enforced here, by the uploader: a choked neighbour is served nothing but the blocks it was allowed.
 */
export class Uploader {
  /** Bytes given. */
  readonly rate: RateMeter;
  readonly #geometry: Geometry;
  readonly #have: Bitfield;
  readonly #offered: Bitfield;
  readonly #links: ReadonlySet<LiveLink>;
  readonly #rarity: RarityIndex;
  readonly #etaMs: (nowMs: number) => number;
  readonly #emit: (output: PeerOutput) => void;
  readonly #send: (link: LiveLink, message: PeerMessage) => void;
  readonly #queue: UploadQueue;
  readonly #rounds: ChokeRounds;
  readonly #suggestions: SuggestAndAllow;
  /** Links that just became interested. */
  readonly #newcomers = new Set<LiveLink>();
  /** Interests or slots changed: somebody may wait for a free slot. */
  #slotsChanged = false;

  constructor(
    options: {
      readonly geometry: Geometry;
      readonly have: Bitfield;
      /** The blocks we give: those we hold, but for damaged ones. */
      readonly offered: Bitfield;
      readonly links: ReadonlySet<LiveLink>;
      /** How many neighbours hold a block, and which blocks we miss most. */
      readonly rarity: RarityIndex;
      /** How long the transfer will still take. */
      readonly etaMs: (nowMs: number) => number;
      readonly rng: Rng;
      readonly emit: (output: PeerOutput) => void;
      readonly send: (link: LiveLink, message: PeerMessage) => void;
      readonly bytesPerSecond: number;
      /** How many neighbours it serves at a time. */
      readonly slots: number;
      readonly unchokeIntervalMs: number | undefined;
      readonly assignSlots: typeof assignSlots | undefined;
    },
    nowMs: number,
  ) {
    const { geometry, have, offered, rng, emit, send, slots } = options;
    this.rate = new RateMeter(nowMs);
    this.#geometry = geometry;
    this.#have = have;
    this.#offered = offered;
    this.#links = options.links;
    this.#rarity = options.rarity;
    this.#etaMs = options.etaMs;
    this.#emit = emit;
    this.#send = send;
    // who serves nobody allows nothing either
    this.#suggestions = new SuggestAndAllow({
      geometry,
      have: offered,
      rng,
      send,
      allowedBlocks: Math.min(ALLOWED_BLOCKS, slots),
    });
    this.#queue = new UploadQueue({
      geometry,
      send,
      limiter: new RateLimiter(options.bytesPerSecond, nowMs),
      serve: (link, unit) => emit({ type: "serve_unit", link: link.id, unit }),
      // with slots for all, who keeps to itself what it is given would get as much of it as the others
      canWait: (link, unit) => this.#suggestions.repeats(link, unit) || this.#suggestions.hoards(link),
    });
    this.#rounds = new ChokeRounds(
      { assignSlots: options.assignSlots ?? assignSlots, rng, count: slots, intervalMs: options.unchokeIntervalMs },
      nowMs,
    );
  }

  /** Whether anybody is being given something. */
  get isGiving(): boolean {
    return this.#queue.isGiving;
  }

  /** When `settle` should be called though nothing happened. */
  get nextDeadlineMs(): number {
    return Math.min(this.#rounds.nextDeadlineMs, this.#queue.nextDeadlineMs);
  }

  /** We hold everything, perhaps alone: plans what to give away first. */
  plan(): void {
    this.#suggestions.plan((block) => this.#rarity.copies(block));
  }

  /** The peer behind `link` holds these blocks. */
  spread(link: LiveLink, blocks: Iterable<number>): void {
    this.#suggestions.spread(link, blocks, this.#links);
  }

  /** A link is gone. */
  forget(link: LiveLink): void {
    this.#newcomers.delete(link);
    this.#queue.forget(link);
    this.#suggestions.forget(link);
    this.#slotsChanged = true;
  }

  interested(link: LiveLink, nowMs: number): void {
    if (link.upload.wakeInterest(nowMs)) {
      this.#newcomers.add(link);
      this.#slotsChanged = true;
    }
  }

  notInterested(link: LiveLink): void {
    link.upload.loseInterest();
    this.#slotsChanged = true;
  }

  /** Serves a unit when its turn comes, or rejects it. */
  request(link: LiveLink, unit: Unit, nowMs: number): void {
    const reason = this.#refusal(link, unit, nowMs);
    if (reason !== undefined) {
      this.#queue.reject(link, unit, reason);
    } else if (this.#queue.request(link, unit)) {
      this.#suggestions.claimed(link, unit.block, nowMs);
    }
    if (link.upload.slot !== "choked") {
      this.#suggestions.suggest(link);
    }
  }

  cancel(link: LiveLink, unit: Unit): void {
    if (this.#queue.cancel(link, unit)) {
      this.#suggestions.cancelled(link, unit);
    }
  }

  /** A unit was handed to the network. */
  served(link: LiveLink, nowMs: number): void {
    this.rate.add(link.upload.inFlight?.length ?? 0, nowMs);
    this.#queue.served(link, nowMs);
  }

  /** A unit cannot be read any more. */
  unserved(link: LiveLink): void {
    this.#queue.unserved(link);
  }

  /** A block is not given any more: what was asked and promised of it is taken back. */
  withdraw(block: number): void {
    this.#queue.withdraw(block, this.#links);
    this.#suggestions.withdraw(block, this.#links);
  }

  /** What the link asked for it does not want any more. */
  silence(link: LiveLink): void {
    this.#queue.forget(link);
  }

  /** Deals slots and gives out units where that became due or possible. */
  settle(nowMs: number): void {
    if (nowMs >= this.#rounds.nextDeadlineMs) {
      this.#applySlots(this.#rounds.round([...this.#links], { view: this.#slotView(nowMs), nowMs }));
    } else if (this.#slotsChanged && this.#rounds.hasVacancy(this.#links)) {
      this.#applySlots(this.#rounds.fillVacancies([...this.#links], { view: this.#slotView(nowMs), nowMs }));
    }
    this.#slotsChanged = false;
    if (this.#newcomers.size > 0) {
      for (const link of this.#newcomers) {
        this.#suggestions.welcome(link);
      }
      this.#newcomers.clear();
    }
    this.#queue.schedule(nowMs);
  }

  #refusal(link: LiveLink, unit: Unit, nowMs: number): RejectReason | undefined {
    const { slot, allowed, allowanceBytes } = link.upload;
    if (slot === "choked" && !(allowed.has(unit.block) && unit.length <= allowanceBytes)) {
      return "choked";
    }
    if (unit.length > MAX_UNIT_BYTES || !this.#geometry.contains(unit.block, unit.offset, unit.length)) {
      return "out of range";
    }
    if (!this.#offered.has(unit.block)) {
      return "not held";
    }
    return link.upload.gapBefore(unit) ?? (this.#suggestions.refuses(link, unit, nowMs) ? "sent before" : undefined);
  }

  #applySlots(changes: readonly SlotChange[]): void {
    for (const { link, from, to } of changes) {
      if (to === "choked") {
        this.#suggestions.allowUnfinished(link);
        this.#send(link, { type: "CHOKE" });
        this.#suggestions.choked(link, this.#queue.choke(link));
      } else if (from === "choked") {
        link.upload.endAllowance();
        this.#send(link, { type: "UNCHOKE" });
        this.#suggestions.suggest(link);
      }
      this.#emit({ type: "event", event: { kind: "slot", peerId: link.peerId, slot: to } });
    }
  }

  #slotView(nowMs: number): SlotView {
    const gift = (GIFT_RATIO * this.#have.count) / Math.max(1, this.#links.size);
    return {
      have: this.#have,
      rarest: this.#rarity.first(RARE_SAMPLE),
      hoards: (link) => this.#suggestions.hoards(link),
      giftBytes: this.#geometry.blockSizeBytes * Math.max(ALLOWED_BLOCKS, gift),
      etaMs: this.#etaMs(nowMs),
      blockMs: (this.#geometry.blockSizeBytes * 1000) / Math.max(1, this.rate.bytesPerSecond(nowMs)),
    };
  }
}
