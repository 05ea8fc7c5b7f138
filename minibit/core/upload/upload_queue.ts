import { MAX_BLOCKS_IN_PROGRESS, MAX_QUEUED_REQUESTS } from "../base/limits.ts";
import type { RateLimiter } from "../base/rate_limiter.ts";
import { removeItem } from "../base/remove_item.ts";
import type { LiveLink } from "../link/link.ts";
import type { Unit } from "../link/unit.ts";
import type { Geometry } from "../share/geometry.ts";
import type { PeerMessage, RejectReason } from "../wire/peer_wire.ts";

/** A socket that has not taken a unit for this long is full: it does not hold up the others. */
const STALLED_MS = 200;

/**
 * Requests waiting here, and whose turn it is.
 *
 * Slots are not concurrency: five neighbours may ask, but blocks go out one after the other, at most two in
 * progress, in turns of one block (deficit round robin). A block that arrives early is shared on early: at 50 peers the time over the bound is 1.018
 * for one at a time, 1.050 for five, 1.075 for ten.
 */
export class UploadQueue {
  readonly #geometry: Geometry;
  readonly #limiter: RateLimiter;
  readonly #send: (link: LiveLink, message: PeerMessage) => void;
  readonly #serve: (link: LiveLink, unit: Unit) => void;
  readonly #canWait: (link: LiveLink, unit: Unit) => boolean;
  /** Links whose turn it is. */
  readonly #active: LiveLink[] = [];
  /** Links with requests that wait for their turn. */
  readonly #turns: LiveLink[] = [];
  /** When `schedule` may find something to do. */
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(options: {
    readonly geometry: Geometry;
    readonly limiter: RateLimiter;
    readonly send: (link: LiveLink, message: PeerMessage) => void;
    readonly serve: (link: LiveLink, unit: Unit) => void;
    /** Whether this unit is served only when there is nothing better to do. */
    readonly canWait: (link: LiveLink, unit: Unit) => boolean;
  }) {
    this.#geometry = options.geometry;
    this.#limiter = options.limiter;
    this.#send = options.send;
    this.#serve = options.serve;
    this.#canWait = options.canWait;
  }

  /** Whether anybody is being given something. */
  get isGiving(): boolean {
    return this.#active.length > 0 || this.#turns.length > 0;
  }

  /** When `schedule` should be called: at once after a change, else when tokens are back or a socket counts as stalled. */
  get nextDeadlineMs(): number {
    return this.#dueMs;
  }

  /** Queues a request that may be served; one too many is rejected at once. Returns whether it was queued. */
  request(link: LiveLink, unit: Unit): boolean {
    if (link.upload.queue.length >= MAX_QUEUED_REQUESTS) {
      this.reject(link, unit, "queue full");
      return false;
    }
    link.upload.enqueue(unit);
    if (!this.#active.includes(link) && !this.#turns.includes(link)) {
      this.#turns.push(link);
    }
    this.#dueMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** Refuses to serve a unit. */
  reject(link: LiveLink, unit: Unit, reason: RejectReason): void {
    link.upload.refuse(unit, reason);
    this.#answer(link, unit, reason);
  }

  /** Answers a CANCEL by REJECT, unless the unit is on its way already (then the BLOCK is the answer); returns whether it did. */
  cancel(link: LiveLink, unit: Unit): boolean {
    if (!link.upload.cancel(unit)) {
      return false;
    }
    this.#answer(link, unit, "cancelled"); // what follows may still be wanted: another brought this part
    this.#dueMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** Rejects what a link asked for and may not have any more; returns that. */
  choke(link: LiveLink): Unit[] {
    const { allowed } = link.upload;
    const rejected = link.upload.cancelAll((unit) => !allowed.has(unit.block));
    for (const unit of rejected) {
      this.reject(link, unit, "choked");
    }
    this.#dueMs = Number.NEGATIVE_INFINITY;
    return rejected;
  }

  /** Rejects what is asked of a block that is not held any more. */
  withdraw(block: number, links: Iterable<LiveLink>): void {
    for (const link of links) {
      for (const unit of link.upload.cancelAll((queued) => queued.block === block)) {
        this.reject(link, unit, "not held");
      }
    }
    this.#dueMs = Number.NEGATIVE_INFINITY;
  }

  /** The unit that the link was to be given cannot be read: it is refused after all. */
  unserved(link: LiveLink): void {
    const unit = link.upload.failed();
    if (unit !== undefined) {
      this.reject(link, unit, "not held");
      this.#dueMs = Number.NEGATIVE_INFINITY;
    }
  }

  /** The link is gone. */
  forget(link: LiveLink): void {
    link.upload.cancelAll(() => true);
    removeItem(this.#active, link);
    removeItem(this.#turns, link);
    this.#dueMs = Number.NEGATIVE_INFINITY;
  }

  /** The link's unit was handed to the network. */
  served(link: LiveLink, nowMs: number): void {
    if (link.upload.given(nowMs) !== undefined) {
      this.#dueMs = Number.NEGATIVE_INFINITY;
    }
  }

  /** Gives out as many units as may be under way now. */
  schedule(nowMs: number): void {
    if (nowMs < this.#dueMs) {
      return;
    }
    for (let link = this.#next(nowMs); link !== undefined; link = this.#next(nowMs)) {
      const unit = link.upload.queue[0];
      if (unit === undefined || !this.#limiter.take(unit.length, nowMs)) {
        this.#dueMs = this.#limiter.readyAtMs(nowMs);
        return;
      }
      this.#give(link, unit, nowMs);
    }
    this.#dueMs = this.#turns.length === 0 ? Number.POSITIVE_INFINITY : this.#stallsAtMs(nowMs);
  }

  #answer(link: LiveLink, unit: Unit, reason: RejectReason): void {
    this.#send(link, { type: "REJECT", block: unit.block, offset: unit.offset, length: unit.length, reason });
  }

  #give(link: LiveLink, unit: Unit, nowMs: number): void {
    link.upload.give(unit.offset + unit.length === this.#geometry.lengthOf(unit.block), nowMs);
    this.#serve(link, unit);
  }

  /** The link to be given a unit now. */
  #next(nowMs: number): LiveLink | undefined {
    for (let i = 0; i < this.#active.length; i++) {
      const link = this.#active[i] as LiveLink;
      if (link.upload.inFlight === undefined) {
        if (!link.upload.isTurnOver) {
          return link;
        }
        this.#active.splice(i--, 1);
        if (link.upload.queue.length > 0) {
          this.#turns.push(link);
        }
      }
    }
    return this.#nextTurn(nowMs);
  }

  #nextTurn(nowMs: number): LiveLink | undefined {
    let running = 0;
    for (const { upload } of this.#active) {
      running += Number(upload.inFlight === undefined || nowMs < upload.servedMs + STALLED_MS);
    }
    if (running >= MAX_BLOCKS_IN_PROGRESS) {
      return undefined;
    }
    const chosen = this.#firstInTurn(running === 0);
    if (chosen !== undefined) {
      removeItem(this.#turns, chosen);
      chosen.upload.beginTurn(this.#geometry.blockSizeBytes);
      this.#active.push(chosen);
    }
    return chosen;
  }

  /** The first link whose next block cannot wait; `orAny`: if there is none, one whose can. */
  #firstInTurn(orAny: boolean): LiveLink | undefined {
    let patient: LiveLink | undefined;
    for (const link of this.#turns) {
      const next = link.upload.queue[0];
      if (next !== undefined && !this.#canWait(link, next)) {
        return link;
      }
      patient ??= next === undefined ? undefined : link;
    }
    return orAny ? patient : undefined;
  }

  #stallsAtMs(nowMs: number): number {
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const { upload } of this.#active) {
      const stallsAtMs = upload.servedMs + STALLED_MS;
      soonestMs = stallsAtMs > nowMs ? Math.min(soonestMs, stallsAtMs) : soonestMs;
    }
    return soonestMs;
  }
}
