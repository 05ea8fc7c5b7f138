import { MAX_ROUND_MS, MIN_RETURN_RATIO, MIN_ROUND_MS, MIN_WISHES, OPTIMISTIC_EVERY_ROUNDS } from "../base/limits.ts";
import type { Rng } from "../base/rng.ts";
import type { LiveLink } from "../link/link.ts";
import type { Slot } from "../link/slot.ts";
import type { Bitfield } from "../share/bitfield.ts";
import type { assignSlots, Candidate, ChokeMoment, ChokeRule } from "./choker.ts";

/** Weight of the last round in the mean rate that tit-for-tat repays. */
const ROUND_WEIGHT = 0.5;

/** What the rounds need to know of the peer. */
export interface SlotView {
  readonly have: Bitfield;
  /** Some of the rarest blocks that nobody fetches yet. */
  readonly rarest: Uint32Array;
  /** Whether a peer keeps for itself what it is given. */
  readonly hoards: (link: LiveLink) => boolean;
  /** So many bytes are given to a neighbour before it should have returned something. */
  readonly giftBytes: number;
  /** How long the transfer will still take. */
  readonly etaMs: number;
  /** How long our uplink takes for one block. */
  readonly blockMs: number;
}

/** A link whose slot changed. */
export interface SlotChange {
  readonly link: LiveLink;
  readonly from: Slot;
  readonly to: Slot;
}

/** When slots are dealt, and among whom; how they are dealt is the choker's. */
export class ChokeRounds {
  readonly #assign: typeof assignSlots;
  readonly #rng: Rng;
  readonly #intervalMs: number | undefined;
  readonly #count: number;
  #round = 0;
  #roundStartMs: number;
  #nextRoundMs: number;

  /**
   * @param options.count how many there are
   * @param options.intervalMs a fixed length of the rounds; left out: by the time the transfer still takes
   */
  constructor(
    options: {
      readonly assignSlots: typeof assignSlots;
      readonly rng: Rng;
      readonly count: number;
      readonly intervalMs?: number | undefined;
    },
    nowMs: number,
  ) {
    this.#assign = options.assignSlots;
    this.#rng = options.rng;
    this.#intervalMs = options.intervalMs;
    this.#count = options.count;
    this.#roundStartMs = nowMs;
    this.#nextRoundMs = nowMs + (options.intervalMs ?? MIN_ROUND_MS);
  }

  get nextDeadlineMs(): number {
    return this.#nextRoundMs;
  }

  /** Deals all slots anew if a round is over; returns the changes. */
  round(links: readonly LiveLink[], options: { readonly view: SlotView; readonly nowMs: number }): SlotChange[] {
    const { view, nowMs } = options;
    if (nowMs < this.#nextRoundMs) {
      return [];
    }
    const elapsedMs = Math.max(1, nowMs - this.#roundStartMs);
    for (const { download } of links) {
      download.closeRound(elapsedMs, ROUND_WEIGHT);
    }
    this.#round++;
    this.#roundStartMs = nowMs;
    this.#nextRoundMs = nowMs + (this.#intervalMs ?? roundMs(view, this.#count));
    const isThird = this.#round % OPTIMISTIC_EVERY_ROUNDS === 0;
    return this.#deal(links, { ...options, moment: isThird ? "optimistic round" : "round" });
  }

  /** Fills free slots at once; returns the changes. */
  fillVacancies(
    links: readonly LiveLink[],
    options: { readonly view: SlotView; readonly nowMs: number },
  ): SlotChange[] {
    return this.#deal(links, { ...options, moment: "vacancy" });
  }

  /** Whether somebody waits for a slot that is free or idle, or one is held by a peer that lacks nothing any more. */
  hasVacancy(links: Iterable<LiveLink>): boolean {
    let held = 0;
    let idle = 0;
    let waiting = 0;
    for (const { upload, holds } of links) {
      if (upload.slot === "choked") {
        waiting += Number(upload.interested);
      } else if (!upload.interested && holds?.complete === true) {
        return true;
      } else {
        held++;
        idle += Number(!upload.interested);
      }
    }
    return waiting > 0 && held - idle < this.#count;
  }

  #deal(
    links: readonly LiveLink[],
    options: { readonly view: SlotView; readonly nowMs: number; readonly moment: ChokeMoment },
  ): SlotChange[] {
    const { view, nowMs, moment } = options;
    for (const link of links) {
      link.upload.judge(takesOnly(link, view));
    }
    const candidates = links.map((link) => new LinkCandidate(link, view));
    const slots = this.#assign(candidates, { rule: ruleFor(view), moment, rng: this.#rng, slots: this.#count });
    const changes: SlotChange[] = [];
    for (const [{ link }, slot] of slots) {
      const from = link.upload.assign(slot, nowMs);
      if (from !== undefined) {
        changes.push({ link, from, to: slot });
      }
    }
    // chokes first: not even on the wire may there be one slot too many
    return changes.sort((a, b) => Number(b.to === "choked") - Number(a.to === "choked"));
  }
}

/** A hundredth of the transfer; at least so long that each slot gets a block, or rounds would measure nothing and choke half-way. */
function roundMs({ etaMs, blockMs }: SlotView, slots: number): number {
  const wantedMs = Math.max(etaMs / 100, slots * blockMs);
  return Math.min(MAX_ROUND_MS, Math.max(MIN_ROUND_MS, wantedMs));
}

function ruleFor(view: SlotView): ChokeRule {
  return view.have.complete ? "longest waiting" : "tit-for-tat";
}

/**
 * Whether a neighbour takes and does not give: it has had its gift, returned next to nothing, and lets us ask for nothing that we lack and it holds.
 *
 * In a small swarm there are slots for all, so that no rank tells it from the others: it would get what everybody gives, and be done first.
 * Who has nothing for us is no such peer, however much it takes: a newcomer, or one that knows only us.
 */
function takesOnly({ upload, download }: LiveLink, { giftBytes }: SlotView): boolean {
  const isIndebted = upload.givenBytes > giftBytes + download.receivedBytes / MIN_RETURN_RATIO;
  const isRefusing = download.choked && download.useful > 0;
  const hasAlwaysRefused = download.wishes >= MIN_WISHES && !download.everUnchoked;
  return isIndebted && (upload.takesOnly || isRefusing || hasAlwaysRefused);
}

/** A link as the choker sees it. */
class LinkCandidate implements Candidate {
  readonly link: LiveLink;
  readonly slot: Slot;
  readonly interested: boolean;
  readonly receivedRate: number;
  readonly waitingSinceMs: number;
  readonly remainingBlocks: number;
  readonly newcomer: boolean;
  readonly snubbing: boolean;
  readonly takesOnly: boolean;
  readonly hoarding: boolean;
  readonly #rarest: Uint32Array;
  #rareHeld: number | undefined;

  constructor(link: LiveLink, view: SlotView) {
    const { upload, download, holds } = link;
    const held = holds?.count ?? 0;
    this.link = link;
    this.slot = upload.slot;
    this.interested = upload.interested;
    this.receivedRate = download.roundRate;
    this.waitingSinceMs = upload.waitingSinceMs;
    this.remainingBlocks = view.have.size - held;
    this.newcomer = held === 0;
    this.snubbing = download.snubbed;
    this.takesOnly = upload.takesOnly;
    this.hoarding = view.hoards(link);
    this.#rarest = view.rarest;
  }

  /** Counted only when it is asked for, and once: few ranks need it, and those that do compare it many times. */
  get rareHeld(): number {
    this.#rareHeld ??= this.#rarest.reduce((held, block) => held + Number(this.link.holds?.has(block) === true), 0);
    return this.#rareHeld;
  }
}
