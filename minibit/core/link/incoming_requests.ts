import { RateMeter } from "../base/rate_meter.ts";
import type { RejectReason } from "../wire/peer_wire.ts";
import type { Slot } from "./slot.ts";
import { sameUnit, type Unit } from "./unit.ts";

/** Up to where a block was asked for and refused. */
interface RefusedUnit {
  readonly block: number;
  readonly end: number;
  readonly reason: RejectReason;
}

/**
 * What a neighbour asks of us: its requests, its slot, what we let it ask for, and whose turn it is.
 *
 * The only owner of this state: the uploader's parts read it and call its transitions. It decides nothing.
 */
export class IncomingRequests {
  #slot: Slot = "choked";
  #interested = false;
  #wasInterested = false;
  #takesOnly = false;
  readonly #queue: Unit[] = [];
  #inFlight: Unit | undefined;
  #unfinished: number | undefined;
  #refused: RefusedUnit | undefined;
  readonly #allowed = new Set<number>();
  #allowanceBytes = 0;
  readonly #suggested = new Set<number>();
  #waitingSinceMs: number;
  #deficit = 0;
  #servedMs: number;
  readonly #rate: RateMeter;

  constructor(nowMs: number) {
    this.#waitingSinceMs = nowMs;
    this.#servedMs = nowMs;
    this.#rate = new RateMeter(nowMs);
  }

  /** The only truth about choking: whoever is "choked" here is served nothing but its allowed blocks. */
  get slot(): Slot {
    return this.#slot;
  }

  /** The neighbour wants blocks that we hold. */
  get interested(): boolean {
    return this.#interested;
  }

  /** The neighbour wants blocks that we hold, or did so at some time. */
  get wasInterested(): boolean {
    return this.#wasInterested;
  }

  /** The neighbour takes and gives nothing, as far as we have seen. */
  get takesOnly(): boolean {
    return this.#takesOnly;
  }

  /** Requests not yet served, in the order they came. */
  get queue(): readonly Unit[] {
    return this.#queue;
  }

  /** The unit that the driver is putting on the wire. */
  get inFlight(): Unit | undefined {
    return this.#inFlight;
  }

  /** The block of which the neighbour was served some units, but not yet the last. */
  get unfinished(): number | undefined {
    return this.#unfinished;
  }

  /** Blocks that the neighbour may ask for while choked. */
  get allowed(): ReadonlySet<number> {
    return this.#allowed;
  }

  /** How many bytes of allowed blocks it may still ask for. */
  get allowanceBytes(): number {
    return this.#allowanceBytes;
  }

  /** Blocks that we suggested and it has not asked for yet. */
  get suggested(): ReadonlySet<number> {
    return this.#suggested;
  }

  /** Since when it waits for a slot, or holds one. */
  get waitingSinceMs(): number {
    return this.#waitingSinceMs;
  }

  /** When it was last given a unit; an old time with a unit in flight is a full socket. */
  get servedMs(): number {
    return this.#servedMs;
  }

  /** All bytes that it was given. */
  get givenBytes(): number {
    return this.#rate.totalBytes;
  }

  /** A turn lasts as long as there are requests, but after its quantum only to the end of the block. */
  get isTurnOver(): boolean {
    const next = this.#queue[0];
    return next === undefined || (this.#deficit <= 0 && next.offset === 0);
  }

  /** It said INTERESTED; returns whether that is news. */
  wakeInterest(nowMs: number): boolean {
    if (this.#interested) {
      return false;
    }
    this.#interested = true;
    this.#wasInterested = true;
    if (this.#slot === "choked") {
      this.#waitingSinceMs = nowMs;
    }
    return true;
  }

  /** It said NOT_INTERESTED. */
  loseInterest(): void {
    this.#interested = false;
  }

  /** Its slot is this one from now on; returns the former one if that is a change. */
  assign(slot: Slot, nowMs: number): Slot | undefined {
    const from = this.#slot;
    if (from === slot) {
      return undefined;
    }
    if ((from === "choked") !== (slot === "choked")) {
      this.#waitingSinceMs = nowMs;
    }
    this.#slot = slot;
    return from;
  }

  /** The choke rounds judged whether it takes and gives nothing. */
  judge(takesOnly: boolean): void {
    this.#takesOnly = takesOnly;
  }

  /** Queues a request that will be served; while it is choked the request uses up its allowance. */
  enqueue(unit: Unit): void {
    this.#queue.push(unit);
    this.#allowanceBytes -= this.#slot === "choked" ? unit.length : 0;
  }

  /** A unit is refused: what goes on where it ends is refused as well, for it would leave a gap. */
  refuse(unit: Unit, reason: RejectReason): void {
    this.#refused = { block: unit.block, end: unit.offset + unit.length, reason };
  }

  /** Why a unit would be of no use: it goes on where one was refused, so it was asked before that was known. */
  gapBefore(unit: Unit): RejectReason | undefined {
    const refused = this.#refused;
    return refused?.block === unit.block && refused.end === unit.offset ? refused.reason : undefined;
  }

  /** Takes a request out of the queue; returns whether it was there. */
  cancel(unit: Unit): boolean {
    const index = this.#queue.findIndex((queued) => sameUnit(queued, unit));
    if (index < 0) {
      return false;
    }
    this.#queue.splice(index, 1);
    return true;
  }

  /** Takes requests out of the queue; returns them in their order. */
  cancelAll(which: (unit: Unit) => boolean): Unit[] {
    const cancelled = this.#queue.filter(which);
    if (cancelled.length > 0) {
      this.#queue.splice(0, this.#queue.length, ...this.#queue.filter((unit) => !which(unit)));
    }
    return cancelled;
  }

  /** A turn begins: it may be given so many bytes before others have theirs (deficit round robin). */
  beginTurn(quantumBytes: number): void {
    this.#deficit = Math.min(0, this.#deficit) + quantumBytes;
  }

  /** Hands the first request to the driver. @param isLast it is the end of its block */
  give(isLast: boolean, nowMs: number): void {
    const unit = this.#queue.shift();
    if (unit === undefined) {
      return;
    }
    this.#inFlight = unit;
    this.#servedMs = nowMs;
    this.#deficit -= unit.length;
    this.#unfinished = isLast ? undefined : unit.block;
    if (isLast) {
      this.#allowed.delete(unit.block); // for one time only; the other side crosses it out as well
    }
  }

  /** The unit in flight was handed to the network; returns it. */
  given(nowMs: number): Unit | undefined {
    const unit = this.#inFlight;
    if (unit !== undefined) {
      this.#inFlight = undefined;
      this.#rate.add(unit.length, nowMs);
    }
    return unit;
  }

  /** The unit in flight cannot be read; returns it. */
  failed(): Unit | undefined {
    const unit = this.#inFlight;
    if (unit !== undefined) {
      this.#inFlight = undefined;
      this.#unfinished = undefined;
    }
    return unit;
  }

  /** It may ask for a block of this many bytes while choked. */
  allow(block: number, bytes: number): void {
    this.#allowed.add(block);
    this.#allowanceBytes += bytes;
  }

  /** Unchoked: what it was allowed while choked does not count any more. */
  endAllowance(): void {
    this.#allowed.clear();
    this.#allowanceBytes = 0;
  }

  /** We suggest a block. */
  suggest(block: number): void {
    this.#suggested.add(block);
  }

  /** A block is suggested no more: it was asked for, or cannot be given. */
  endSuggestion(block: number): void {
    this.#suggested.delete(block);
  }

  endSuggestions(): void {
    this.#suggested.clear();
  }
}
