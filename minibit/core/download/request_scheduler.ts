import { assert, ProtocolError } from "../base/errors.ts";
import { MAX_DUPLICATE_RATIO, MIN_SNUB_MS } from "../base/limits.ts";
import type { RateLimiter } from "../base/rate_limiter.ts";
import type { Rng } from "../base/rng.ts";
import type { LiveLink } from "../link/link.ts";
import type { PendingUnit } from "../link/outgoing_requests.ts";
import type { Unit } from "../link/unit.ts";
import type { Bitfield } from "../share/bitfield.ts";
import type { Geometry } from "../share/geometry.ts";
import type { RarityIndex } from "../share/rarity_index.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import { BlockTracker, type Fetch, type Owner, ownerOf } from "./block_tracker.ts";
import { askingOf, beginFetch, type ChooseBlock, wantedFrom } from "./pick_block.ts";
import { patienceMs, type pipelineDepth, unitSize } from "./pipeline.ts";
import { bytesAtRisk, findRescue } from "./slow_owners.ts";

/** A peer asks again for a block that was refused only after this long: what made it refuse may be over then. */
const REFUSED_MS = 500;

/**
 * Which blocks are fetched from whom, and the requests in flight.
 *
 * Each REQUEST is answered exactly once, and only its answer gives a block back: whoever chokes or refuses us, or is
 * called off, stays an owner until it has answered what it was asked. Otherwise a block that crosses our CANCEL, or a CHOKE
 * that is followed at once by UNCHOKE, brings the same bytes twice. By which rules a link gets its next block: `beginFetch`, then `findRescue`.
 */
export class RequestScheduler {
  /** REQUESTs sent to anybody and not answered. */
  pendingUnits = 0;
  /** Payload bytes that came and were not needed. */
  duplicateBytes = 0;
  readonly #blocks: BlockTracker;
  readonly #limiter: RateLimiter;
  readonly #choose: ChooseBlock;
  readonly #depth: typeof pipelineDepth;
  readonly #send: (link: LiveLink, message: PeerMessage) => void;
  /** Bytes taken back by CANCEL and not answered: they may come nevertheless. */
  #cancelledBytes = 0;
  #freed = false;
  #throttled = false;

  constructor(options: {
    readonly geometry: Geometry;
    readonly have: Bitfield;
    readonly rng: Rng;
    readonly limiter: RateLimiter;
    readonly chooseBlock: ChooseBlock;
    readonly pipelineDepth: typeof pipelineDepth;
    readonly send: (link: LiveLink, message: PeerMessage) => void;
    /** Forget the bytes that came of a block: it will start anew. */
    readonly discard: (block: number) => void;
  }) {
    this.#blocks = new BlockTracker(options);
    this.#limiter = options.limiter;
    this.#choose = options.chooseBlock;
    this.#depth = options.pipelineDepth;
    this.#send = options.send;
  }

  get rarity(): RarityIndex {
    return this.#blocks.rarity;
  }

  /** Bytes of the share not yet verified. */
  get remainingBytes(): number {
    return this.#blocks.remainingBytes;
  }

  /** The blocks on their way, and from which links: for those who watch, and for tests of the invariants. */
  *fetching(): Generator<{ readonly block: number; readonly owners: readonly LiveLink[] }> {
    for (const fetch of this.#blocks.fetches()) {
      yield { block: fetch.block, owners: fetch.owners.filter((o) => !o.closed).map((o) => o.link) };
    }
  }

  /** When every link should be filled: at once if blocks were freed, or when the download limit lets requests through again. */
  refillAtMs(nowMs: number): number {
    return this.#freed ? nowMs : this.#throttled ? this.#limiter.readyAtMs(nowMs) : Number.POSITIVE_INFINITY;
  }

  /** Fills every link. */
  refill(links: Iterable<LiveLink>, nowMs: number): void {
    this.#freed = false;
    this.#throttled = false;
    for (const link of links) {
      this.fill(link, nowMs);
    }
  }

  /** The link turned out to hold `block`. */
  learn(link: LiveLink, block: number): void {
    this.#blocks.learn(link, block);
  }

  /** The link told for the first time what it holds. */
  learnAll(link: LiveLink, holds: Bitfield): void {
    this.#blocks.learnAll(link, holds);
  }

  /** The link does not hold `block` any more: what it was asked of it, it will refuse. */
  unlearn(link: LiveLink, block: number): void {
    this.#blocks.unlearn(link, block);
    this.#askNoMore(link, (other) => other === block);
  }

  /** A block we held was damaged: it is wanted anew. */
  lost(block: number): void {
    this.#blocks.lost(block);
    this.#freed = true;
  }

  /** The link is gone: its blocks are freed, its copies do not count any more. */
  forget(link: LiveLink): void {
    for (const unit of link.download.pending) {
      this.#cancelledBytes -= unit.cancelled ? unit.length : 0;
    }
    this.pendingUnits -= link.download.pending.length;
    link.download.abandon();
    this.#blocks.forget(link);
    this.#freed = true;
  }

  /** Sends requests until the link's pipeline is full or nothing is to be asked of it. */
  fill(link: LiveLink, nowMs: number): void {
    const { download } = link;
    const isClosed = download.choked && download.allowed.size === 0;
    if (download.useful === 0 || isClosed || (download.snubbed && download.pending.length > 0)) {
      return;
    }
    if (download.pending.length === 0) {
      download.resume(nowMs); // it owed us nothing: that it sent nothing says nothing about its rate
    }
    const rate = download.steadyBytesPerSecond(nowMs);
    const { blockSizeBytes } = this.#blocks.geometry;
    const unitBytes = unitSize(rate, blockSizeBytes);
    const depth = download.snubbed ? 1 : this.#depth(rate, { rttMs: download.rttMs, unitBytes, blockSizeBytes });
    let inFlight = download.pending.length; // what was called off and not answered still fills the pipe
    while (inFlight < depth) {
      if (this.#limiter.readyAtMs(nowMs) > nowMs) {
        this.#throttled = true;
        return;
      }
      const fetch = askingOf(link, this.#blocks) ?? this.#takeFetch(link, { nowMs, inFlight });
      if (fetch === undefined) {
        return;
      }
      this.#ask(link, { fetch, unitBytes, nowMs });
      inFlight++;
    }
  }

  #ask(link: LiveLink, options: { readonly fetch: Fetch; readonly unitBytes: number; readonly nowMs: number }): void {
    const { fetch, unitBytes, nowMs } = options;
    const { block } = fetch;
    const owner = ownerOf(fetch, link);
    assert(owner !== undefined, () => `link ${link.id} owns block ${block}`);
    const offset = Math.max(owner.asked, fetch.received);
    const length = Math.min(unitBytes, fetch.length - offset);
    link.download.ask({ block, offset, length }, nowMs);
    this.pendingUnits++;
    this.#limiter.take(length, nowMs);
    owner.asked = offset + length;
    this.#send(link, { type: "REQUEST", block, offset, length });
  }

  /** What a unit that begins to arrive is worth: the driver keeps "wanted" bytes and throws the rest away. */
  judge(link: LiveLink, unit: Unit): "wanted" | "unwanted" | "unsolicited" {
    if (!link.download.isPending(unit)) {
      return "unsolicited";
    }
    const fetch = this.#blocks.fetchOf(unit.block);
    if (fetch === undefined) {
      return this.#blocks.takesLate(unit.block) ? "wanted" : "unwanted";
    }
    return !fetch.solo || ownerOf(fetch, link) !== undefined ? "wanted" : "unwanted";
  }

  /**
   * A unit came whole; the first `receivedBytes` of its block are there now.
   *
   * @returns whether the block is complete now
   * @throws {ProtocolError} when it was not asked for
   */
  arrived(link: LiveLink, unit: Unit, options: { readonly receivedBytes: number; readonly nowMs: number }): boolean {
    const { receivedBytes, nowMs } = options;
    const { block, length } = unit;
    const { askedMs } = this.#answered(link, unit);
    const { download } = link;
    download.receive(length, { askedMs, nowMs });
    download.bePatient(patienceMs(this.#blocks.geometry.blockSizeBytes, download.bytesPerSecond(nowMs)));

    const before = this.#blocks.fetchOf(block)?.received ?? 0;
    const isWhole = this.received(block, receivedBytes);
    const fetch = this.#blocks.fetchOf(block);
    const after = isWhole ? this.#blocks.geometry.lengthOf(block) : (fetch?.received ?? 0);
    this.duplicateBytes += Math.max(0, length - (after - before));
    const end = unit.offset + length;
    if (isWhole || end === this.#blocks.geometry.lengthOf(block)) {
      download.useUp(block);
    }
    for (const owner of [...(fetch?.owners ?? [])]) {
      this.#review(fetch as Fetch, owner, { arrivedEnd: owner.link === link ? end : 0 });
    }
    return isWhole;
  }

  /** After bytes of its block came, from it or another: calls off what cannot be used any more. */
  #review(fetch: Fetch, owner: Owner, options: { readonly arrivedEnd: number }): void {
    if (options.arrivedEnd > fetch.received) {
      this.#callOff(fetch, owner); // it fell in a gap: whatever else is asked of this block would as well
    } else if (fetch.owners.length > 1) {
      this.#cancel(owner.link, (unit) => unit.block === fetch.block && unit.offset + unit.length <= fetch.received);
    }
    this.#letGoIfAnswered(fetch, owner);
  }

  /** The first `receivedBytes` of a block are there; returns whether it is whole now: then its owners are called off. */
  received(block: number, receivedBytes: number): boolean {
    const whole = this.#blocks.received(block, receivedBytes);
    for (const { link } of whole?.owners ?? []) {
      this.#cancel(link, (unit) => unit.block === block);
    }
    return whole !== undefined;
  }

  /**
   * A REQUEST was refused: nothing more of this block is asked.
   *
   * If it was for another reason than a choke we know of, the block is not asked of this link again for a moment.
   *
   * @throws {ProtocolError} when it was not asked for
   */
  rejected(link: LiveLink, unit: Unit, options: { readonly byChoke: boolean; readonly nowMs: number }): void {
    const { cancelled, block } = this.#answered(link, unit);
    const { download } = link;
    download.useUp(block);
    if (!cancelled && !(options.byChoke && download.choked)) {
      download.refuse(block, options.nowMs + REFUSED_MS);
    }
    this.#askNoMore(link, (other) => other === block);
  }

  /** The link will serve nothing but what it allowed: what it was asked it will reject, and nothing more is asked. */
  choked(link: LiveLink): void {
    this.#askNoMore(link, (block) => !link.download.allowed.has(block));
  }

  #askNoMore(link: LiveLink, which: (block: number) => boolean): void {
    for (const fetch of [...this.#blocks.fetches()]) {
      const owner = ownerOf(fetch, link);
      if (owner !== undefined && which(fetch.block)) {
        owner.closed = true;
        this.#letGoIfAnswered(fetch, owner);
      }
    }
  }

  /** The hash was right and the block is on disk. */
  stored(block: number): void {
    this.#blocks.stored(block);
  }

  /** The hash was wrong: the block is wanted anew; `solo`: from one peer only, so that it can be held to account. */
  corrupt(block: number, options: { readonly solo: boolean }): void {
    this.#blocks.corrupt(block, options);
    this.#freed = true;
  }

  /**
   * Calls off a link that owes units for too long; returns whether it was snubbed now.
   *
   * If it lives, it answers the CANCELs, and its blocks are free. If it does not soon, they are taken away unanswered.
   */
  snubIfSilent(link: LiveLink, nowMs: number): boolean {
    const { download } = link;
    if (download.pending.length === 0) {
      return false;
    }
    const silentMs = nowMs - download.lastUnitMs;
    const limitMs = download.patienceMs ?? patienceMs(this.#blocks.geometry.blockSizeBytes);
    if (silentMs <= limitMs || (download.snubbed && silentMs <= limitMs + MIN_SNUB_MS)) {
      return false;
    }
    for (const fetch of [...this.#blocks.fetches()]) {
      const owner = ownerOf(fetch, link);
      if (owner !== undefined) {
        this.#callOff(fetch, owner);
        if (download.snubbed) {
          this.#freed = this.#blocks.disown(fetch, link) || this.#freed;
        } else {
          this.#letGoIfAnswered(fetch, owner);
        }
      }
    }
    return download.snub();
  }

  /** The block to ask `link` for next; it becomes an owner. */
  #takeFetch(link: LiveLink, options: { readonly nowMs: number; readonly inFlight: number }): Fetch | undefined {
    const { nowMs, inFlight } = options;
    const { download } = link;
    const wanted = wantedFrom(link, nowMs);
    let fetch = beginFetch(link, { tracker: this.#blocks, choose: this.#choose, wanted, inFlight });
    // while the pipe is busy it need not be known whether a slow owner should lose its block
    if (fetch === undefined && inFlight === 0 && !download.snubbed) {
      fetch = this.#rescued(link, { wanted, nowMs });
    }
    if (fetch !== undefined) {
      this.#blocks.own(fetch, link);
      download.goOnWith(fetch.block);
      for (const owner of [...fetch.owners]) {
        this.#letGoIfAnswered(fetch, owner); // one that was called off may owe nothing just now
      }
    }
    return fetch;
  }

  /** Rules 5 and 6, as long as what may come twice because of them stays within MAX_DUPLICATE_RATIO. */
  #rescued(
    link: LiveLink,
    options: { readonly wanted: (block: number) => boolean; readonly nowMs: number },
  ): Fetch | undefined {
    const rescue = findRescue(link, {
      ...options,
      fetches: this.#blocks.fetches(),
      endgame: this.rarity.length === 0,
    });
    if (rescue === undefined) {
      return undefined;
    }
    const { fetch, slow, how, riskBytes } = rescue;
    const isCheap = this.rarity.length === 0 && riskBytes <= this.#spareBytes();
    if (how === "take over") {
      this.#callOff(fetch, slow);
      slow.link.download.refuse(fetch.block, options.nowMs + REFUSED_MS);
    }
    if (isCheap) {
      return fetch;
    }
    this.#letGoIfAnswered(fetch, slow);
    return undefined; // too dear to be asked twice: it is free once the slow one has answered
  }

  /** How many bytes more may be put at risk of coming twice. */
  #spareBytes(): number {
    const spent = this.duplicateBytes + bytesAtRisk(this.#blocks.fetches(), this.#cancelledBytes);
    return MAX_DUPLICATE_RATIO * this.#blocks.geometry.sizeBytes - spent;
  }

  /** Takes back what an owner was asked, and asks no more. */
  #callOff(fetch: Fetch, owner: Owner): void {
    owner.closed = true;
    this.#cancel(owner.link, (unit) => unit.block === fetch.block);
  }

  /** Takes back requests, the last one first: what is served before it hears of the others continues what came. */
  #cancel(link: LiveLink, which: (unit: Unit) => boolean): void {
    link.download.cancel(which, ({ block, offset, length }) => {
      this.#cancelledBytes += length;
      this.#send(link, { type: "CANCEL", block, offset, length });
    });
  }

  #letGoIfAnswered(fetch: Fetch, owner: Owner): void {
    const { link } = owner;
    if (owner.closed && !link.download.owes(fetch.block)) {
      this.#freed = this.#blocks.disown(fetch, link) || this.#freed;
    }
  }

  #answered(link: LiveLink, unit: Unit): PendingUnit {
    const answered = link.download.answer(unit);
    if (answered === undefined) {
      throw new ProtocolError(`Cannot use an answer for ${unit.length} bytes of block ${unit.block}: not asked for`);
    }
    this.pendingUnits--;
    if (answered.cancelled) {
      this.#cancelledBytes -= unit.length;
    }
    return answered;
  }
}
