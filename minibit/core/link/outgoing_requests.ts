import { RateMeter } from "../base/rate_meter.ts";
import { sameUnit, type Unit } from "./unit.ts";

/** A REQUEST sent and not answered. */
export interface PendingUnit extends Unit {
  readonly askedMs: number;
  /** We took it back; it is still answered, by BLOCK or by REJECT. */
  readonly cancelled: boolean;
}

interface MutablePendingUnit extends PendingUnit {
  cancelled: boolean;
}

/**
 * What we ask of a neighbour: the requests in flight, what it lets us ask for, how quick it is, and whether it is snubbed.
 *
 * The only owner of this state: the request scheduler's parts read it and call its transitions. It decides nothing.
 */
export class OutgoingRequests {
  #choked = true;
  #interested = false;
  #wishes = 0;
  #everUnchoked = false;
  #useful = 0;
  #waiting = 0;
  readonly #pending: MutablePendingUnit[] = [];
  #cancelled = 0;
  #asking: number | undefined;
  readonly #suggested: number[] = [];
  #suggests = false;
  readonly #allowed = new Set<number>();
  readonly #refusedUntilMs = new Map<number, number>();
  #lastUnitMs: number;
  #patienceMs: number | undefined;
  #snubbed = false;
  #rttMs = Number.POSITIVE_INFINITY;
  readonly #rate: RateMeter;
  #roundBytes = 0;
  #roundRate = 0;

  constructor(nowMs: number) {
    this.#lastUnitMs = nowMs;
    this.#rate = new RateMeter(nowMs);
  }

  /** The neighbour chokes us: it serves nothing but what it allowed. */
  get choked(): boolean {
    return this.#choked;
  }

  /** We told it that we are interested. */
  get interested(): boolean {
    return this.#interested;
  }

  /** How many times we became interested. */
  get wishes(): number {
    return this.#wishes;
  }

  get everUnchoked(): boolean {
    return this.#everUnchoked;
  }

  /** How many blocks it holds that we lack. */
  get useful(): number {
    return this.#useful;
  }

  /** How many of the useful blocks wait to be picked: at 0 no search is needed. */
  get waiting(): number {
    return this.#waiting;
  }

  /** REQUESTs in the order they were sent; answers to served ones come in that order. */
  get pending(): readonly PendingUnit[] {
    return this.#pending;
  }

  /** The block that it has not been asked for to the end yet. */
  get asking(): number | undefined {
    return this.#asking;
  }

  /** Blocks that it suggested, first one first. */
  get suggested(): readonly number[] {
    return this.#suggested;
  }

  /** It plans what it gives (a smart seed): its suggestions come first, ours only when the pipe runs dry. */
  get suggests(): boolean {
    return this.#suggests;
  }

  /** Blocks that it lets us ask for while it chokes us. */
  get allowed(): ReadonlySet<number> {
    return this.#allowed;
  }

  /** How many blocks it refused of late. */
  get refusals(): number {
    return this.#refusedUntilMs.size;
  }

  /** When it last sent a unit, or was first asked after a pause. */
  get lastUnitMs(): number {
    return this.#lastUnitMs;
  }

  /** How long it may owe us a unit, by the rate it had when it last sent one; undefined before the first. */
  get patienceMs(): number | undefined {
    return this.#patienceMs;
  }

  /** It owes us units for too long: one request at a time until it delivers. */
  get snubbed(): boolean {
    return this.#snubbed;
  }

  /** Shortest time from REQUEST to BLOCK. */
  get rttMs(): number {
    return this.#rttMs;
  }

  /** Bytes received over choke rounds, as a mean in bytes a second. */
  get roundRate(): number {
    return this.#roundRate;
  }

  /** All bytes that it sent. */
  get receivedBytes(): number {
    return this.#rate.totalBytes;
  }

  bytesPerSecond(nowMs: number): number {
    return this.#rate.bytesPerSecond(nowMs);
  }

  /** The rate to plan requests with: it grows into what the first bytes pretend. */
  steadyBytesPerSecond(nowMs: number): number {
    return this.#rate.steadyBytesPerSecond(nowMs);
  }

  /** The rate for an onlooker: nothing changes because of it. */
  peekBytesPerSecond(nowMs: number): number {
    return this.#rate.peek(nowMs);
  }

  /** Which blocks it would take a request for now: those it allows, did not just refuse, and owes us no answer about. */
  askable(nowMs: number): (block: number) => boolean {
    const [isChoked, allowed, refusedUntilMs, pending] = [
      this.#choked,
      this.#allowed,
      this.#refusedUntilMs,
      this.#cancelled === 0 ? undefined : this.#pending,
    ];
    return (block) =>
      (!isChoked || allowed.has(block)) &&
      (refusedUntilMs.size === 0 || (refusedUntilMs.get(block) ?? 0) <= nowMs) &&
      (pending === undefined || !pending.some((unit) => unit.block === block));
  }

  /** Whether we asked for exactly this unit. */
  isPending(unit: Unit): boolean {
    return this.#pending.some((pending) => sameUnit(pending, unit));
  }

  /** Whether it owes us an answer about a block. */
  owes(block: number): boolean {
    return this.#pending.some((unit) => unit.block === block);
  }

  /** It chokes us: what it suggested is void. */
  choke(): void {
    this.#choked = true;
    this.#suggested.length = 0;
    this.#suggests = false;
  }

  /** It unchokes us: what it allowed and refused before is void. */
  unchoke(): void {
    this.#choked = false;
    this.#everUnchoked = true;
    this.#allowed.clear();
    this.#refusedUntilMs.clear();
  }

  /** It suggests blocks; an empty list ends its plan. @param most how many are kept */
  suggest(blocks: readonly number[], most: number): void {
    this.#suggested.push(...blocks.filter((block) => !this.#suggested.includes(block)));
    this.#suggested.splice(most);
  }

  /** It has a plan of what it gives, or has none any more. */
  plan(suggests: boolean): void {
    this.#suggests = suggests;
  }

  /** Takes suggestions out until one is wanted; returns that. */
  takeSuggestion(wanted: (block: number) => boolean): number | undefined {
    for (let block = this.#suggested.shift(); block !== undefined; block = this.#suggested.shift()) {
      if (wanted(block)) {
        return block;
      }
    }
    return undefined;
  }

  /** It lets us ask for these blocks while it chokes us. @param most how many are kept */
  allow(blocks: readonly number[], most: number): void {
    for (const block of blocks.slice(0, most - this.#allowed.size)) {
      this.#allowed.add(block);
    }
  }

  /** An allowed block was served or refused: it was allowed for one time only, and the other side crosses it out as well. */
  useUp(block: number): void {
    this.#allowed.delete(block);
  }

  /** It refused a block: until then it is not asked for it again. */
  refuse(block: number, untilMs: number): void {
    this.#refusedUntilMs.set(block, untilMs);
  }

  /** We are interested in it, or no more; returns whether that is news. */
  setInterest(interested: boolean): boolean {
    if (interested === this.#interested) {
      return false;
    }
    this.#interested = interested;
    this.#wishes += Number(interested);
    return true;
  }

  /** So many more of its blocks are useful to us. */
  countUseful(change: number): void {
    this.#useful += change;
  }

  /** So many more of its blocks wait to be picked. */
  countWaiting(change: number): void {
    this.#waiting += change;
  }

  /** It is asked for this block until its end. */
  goOnWith(block: number): void {
    this.#asking = block;
  }

  /** It owes us nothing just now: that it sent nothing says nothing about its rate. */
  resume(nowMs: number): void {
    this.#rate.resume(nowMs);
  }

  /** A REQUEST is sent. */
  ask(unit: Unit, nowMs: number): void {
    if (this.#pending.length === this.#cancelled) {
      this.#lastUnitMs = nowMs;
    }
    const { block, offset, length } = unit;
    this.#pending.push({ block, offset, length, askedMs: nowMs, cancelled: false });
  }

  /** Takes back requests, the last one first: what is served before it hears of the others continues what came. */
  cancel(which: (unit: Unit) => boolean, each: (unit: Unit) => void): void {
    for (let i = this.#pending.length - 1; i >= 0; i--) {
      const unit = this.#pending[i] as MutablePendingUnit;
      if (!unit.cancelled && which(unit)) {
        unit.cancelled = true;
        this.#cancelled++;
        each(unit);
      }
    }
  }

  /** A REQUEST is answered; returns it, or undefined when it was never sent. */
  answer(unit: Unit): PendingUnit | undefined {
    const index = this.#pending.findIndex((pending) => sameUnit(pending, unit));
    const answered = index < 0 ? undefined : this.#pending.splice(index, 1)[0];
    this.#cancelled -= Number(answered?.cancelled === true);
    return answered;
  }

  /** The link is gone: nothing is answered any more. */
  abandon(): void {
    this.#pending.length = 0;
    this.#cancelled = 0;
  }

  /** A unit that was asked for at `askedMs` came. */
  receive(bytes: number, { askedMs, nowMs }: { readonly askedMs: number; readonly nowMs: number }): void {
    this.#rate.add(bytes, nowMs);
    this.#roundBytes += bytes;
    this.#rttMs = Math.min(this.#rttMs, nowMs - askedMs);
    this.#lastUnitMs = nowMs;
    this.#snubbed = false;
  }

  /** From now on it may owe us a unit for so long. */
  bePatient(patienceMs: number): void {
    this.#patienceMs = patienceMs;
  }

  /** It owes us units for too long; returns whether that is news. */
  snub(): boolean {
    const isNew = !this.#snubbed;
    this.#snubbed = true;
    return isNew;
  }

  /** A choke round is over. @param weight of the round in the mean over rounds, 0 to 1 */
  closeRound(elapsedMs: number, weight: number): void {
    const rate = (this.#roundBytes * 1000) / elapsedMs;
    this.#roundRate = weight * rate + (1 - weight) * this.#roundRate;
    this.#roundBytes = 0;
  }
}
