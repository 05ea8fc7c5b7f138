import { ProtocolError } from "../base/errors.ts";
import { DEFAULT_SLOTS, MAX_HINT_BLOCKS } from "../base/limits.ts";
import { RateLimiter } from "../base/rate_limiter.ts";
import { RateMeter } from "../base/rate_meter.ts";
import type { Rng } from "../base/rng.ts";
import { type ChooseBlock, rarestFirst } from "../download/pick_block.ts";
import { pipelineDepth } from "../download/pipeline.ts";
import { RequestScheduler } from "../download/request_scheduler.ts";
import type { LiveLink } from "../link/link.ts";
import type { BlockHealth, PeerOutput } from "../link/peer_io.ts";
import type { Unit } from "../link/unit.ts";
import { Bitfield } from "../share/bitfield.ts";
import type { Geometry } from "../share/geometry.ts";
import type { assignSlots } from "../upload/choker.ts";
import { Uploader } from "../upload/uploader.ts";
import type { PeerActivity } from "../wire/activity.ts";
import type { PeerHandlers, PeerMessage } from "../wire/peer_wire.ts";
import { Announcer } from "./announcer.ts";
import { OwnDamage } from "./damage.ts";
import { type IdleTime, idleReasonOf, Stopwatch } from "./idle_time.ts";
import { peerActivityOf } from "./peer_activity.ts";
import { etaMs, type SessionStats, sessionStats } from "./session_stats.ts";

/** Snubs, refused blocks and slow owners are looked at this often when nothing else happens. */
const REVIEW_MS = 250;

/** The strategies a lab may exchange; the product runs the defaults. */
export interface Policies {
  readonly assignSlots?: typeof assignSlots;
  readonly chooseBlock?: ChooseBlock;
  readonly pipelineDepth?: typeof pipelineDepth;
  /** Whether a peer that starts with everything plans what it gives away. */
  readonly smartSeed?: boolean;
}

/** What a user may set. Rates in bytes a second, Infinity for no limit. */
export interface SessionOptions {
  readonly uploadBytesPerSecond?: number;
  readonly downloadBytesPerSecond?: number;
  /** How many neighbours are unchoked at a time; 0: nobody is ever served. Left out: DEFAULT_SLOTS. */
  readonly slots?: number;
  /** A fixed length of the choke rounds; left out: by the time the transfer still takes. */
  readonly unchokeIntervalMs?: number;
  readonly policies?: Policies;
}

/** Messages that are about blocks; the others are about the link itself. */
type LinkMessages = "HELLO" | "GET_MANIFEST" | "MANIFEST" | "KEEP_ALIVE";
type BlockHandlers = Omit<PeerHandlers<void, [link: LiveLink, nowMs: number]>, LinkMessages | "BLOCK">;

/**
 * A peer that knows the manifest: trades blocks with its neighbours.
 *
 * It wires the parts together and owns no rule itself: what to ask is RequestScheduler's, what to give Uploader's, what to tell Announcer's.
 */
export class SwarmSession {
  readonly geometry: Geometry;
  readonly have: Bitfield;
  readonly scheduler: RequestScheduler;
  /** Blocks that neighbours said they have lost, and who said it last. */
  readonly lostBlocks = new Map<number, number>();
  /** The blocks we give: those we hold, but for what was found damaged and is not ours to mend. */
  readonly #offered: Bitfield;
  readonly #damage: OwnDamage;
  readonly #emit: (output: PeerOutput) => void;
  readonly #send: (link: LiveLink, message: PeerMessage) => void;
  readonly #rng: Rng;
  readonly #links = new Set<LiveLink>();
  readonly #uploader: Uploader;
  readonly #announcer: Announcer;
  readonly #down: RateMeter;
  readonly #stopwatch: Stopwatch;
  #reviewMs: number;
  #isDone: boolean;

  constructor(
    options: SessionOptions & {
      readonly geometry: Geometry;
      readonly have: Bitfield;
      readonly rng: Rng;
      readonly emit: (output: PeerOutput) => void;
      readonly send: (link: LiveLink, message: PeerMessage) => void;
    },
    nowMs: number,
  ) {
    const { geometry, have, rng, emit, send } = options;
    const policies = options.policies ?? {};
    this.geometry = geometry;
    this.have = have;
    this.#offered = have.clone();
    this.#isDone = have.complete;
    this.#emit = emit;
    this.#send = send;
    this.#rng = rng;
    this.#down = new RateMeter(nowMs);
    this.#stopwatch = new Stopwatch(nowMs);
    this.scheduler = new RequestScheduler({
      geometry,
      have,
      rng,
      send,
      limiter: new RateLimiter(options.downloadBytesPerSecond ?? Number.POSITIVE_INFINITY, nowMs),
      chooseBlock: policies.chooseBlock ?? rarestFirst,
      pipelineDepth: policies.pipelineDepth ?? pipelineDepth,
      discard: (block) => emit({ type: "discard_block", block }),
    });
    this.#uploader = new Uploader(
      {
        geometry,
        have,
        offered: this.#offered,
        rng,
        emit,
        send,
        links: this.#links,
        rarity: this.scheduler.rarity,
        etaMs: (now) => this.#etaMs(now),
        bytesPerSecond: options.uploadBytesPerSecond ?? Number.POSITIVE_INFINITY,
        slots: options.slots ?? DEFAULT_SLOTS,
        unchokeIntervalMs: options.unchokeIntervalMs,
        assignSlots: policies.assignSlots,
      },
      nowMs,
    );
    this.#announcer = new Announcer({ geometry, send, toTracker: (blocks) => emit({ type: "announce", blocks }) });
    const { scheduler } = this;
    const parts = { offered: this.#offered, links: this.#links, serving: this.#uploader, announcer: this.#announcer };
    this.#damage = new OwnDamage({ ...parts, scheduler, emit, send });
    this.#reviewMs = nowMs + REVIEW_MS;
    if (have.complete && policies.smartSeed !== false) {
      // who completes later does not plan: it was not told which of its blocks others hold
      this.#uploader.plan();
    }
  }

  /** Rates in bytes a second, and who holds a slot. */
  stats(nowMs: number): SessionStats {
    const { scheduler } = this;
    return sessionStats({ links: this.#links, scheduler, down: this.#down, up: this.#uploader.rate }, nowMs);
  }

  /** What it is doing just now. */
  doing(nowMs: number): PeerActivity {
    return peerActivityOf({ links: this.#links, scheduler: this.scheduler, isComplete: this.have.complete }, nowMs);
  }

  /** Where the time went. */
  idleTime(nowMs: number): IdleTime {
    return this.#stopwatch.read(nowMs);
  }

  /** Whether somebody wants blocks of ours, and whether anybody has asked for some and waits. */
  get demand(): { readonly isWanted: boolean; readonly isAsked: boolean } {
    const isWanted = [...this.#links].some(({ upload }) => upload.interested);
    return { isWanted, isAsked: this.#uploader.isGiving };
  }

  /** A neighbour that knows the manifest, or may soon: asks what it holds. */
  join(link: LiveLink): void {
    this.#links.add(link);
    this.#send(link, { type: "GET_BLOCKS" });
  }

  /** A link is gone. */
  leave(link: LiveLink): void {
    this.#links.delete(link);
    this.scheduler.forget(link);
    this.#uploader.forget(link);
  }

  /** A message about blocks came. @throws {ProtocolError} */
  received(link: LiveLink, message: PeerMessage, nowMs: number): void {
    const handle = this.#handlers[message.type as keyof BlockHandlers] as (
      message: PeerMessage,
      link: LiveLink,
      nowMs: number,
    ) => void;
    handle(message, link, nowMs);
  }

  /** A BLOCK came whole; the first `receivedBytes` of its block are there now. @throws {ProtocolError} */
  unitArrived(
    link: LiveLink,
    options: { readonly unit: Unit; readonly receivedBytes: number; readonly nowMs: number },
  ): void {
    const { unit, receivedBytes, nowMs } = options;
    const isWhole = this.scheduler.arrived(link, unit, { receivedBytes, nowMs });
    this.#down.add(unit.length, nowMs);
    if (isWhole) {
      this.#emit({ type: "store_block", block: unit.block });
    }
    this.scheduler.fill(link, nowMs);
  }

  /** A unit came in part before its link closed; the first `receivedBytes` of its block are there now. */
  partArrived(block: number, receivedBytes: number): void {
    if (this.scheduler.received(block, receivedBytes)) {
      this.#emit({ type: "store_block", block });
    }
  }

  unitServed(link: LiveLink, nowMs: number): void {
    this.#uploader.served(link, nowMs);
  }

  unitLost(link: LiveLink): void {
    this.#uploader.unserved(link);
  }

  /** A held block was hashed again; `doubter` said that it is wrong. */
  blockChecked(block: number, options: { readonly health: BlockHealth; readonly doubter: LiveLink | undefined }): void {
    this.#damage.checked(block, options);
    this.#updateInterests();
  }

  blockStored(block: number, nowMs: number): void {
    this.scheduler.stored(block);
    this.#offered.add(block);
    const etaMs = this.have.complete ? 0 : this.#etaMs(nowMs);
    this.#announcer.verified(block, { copies: this.scheduler.rarity.copies(block), etaMs, nowMs });
    this.#updateInterests();
    if (this.have.complete && !this.#isDone) {
      this.#isDone = true; // a block that is lost and comes again later is no second end
      this.#emit({ type: "done" });
    }
  }

  /** @param options.solo nobody knows who sent wrong bytes: it comes from one peer next time */
  blockCorrupt(block: number, options: { readonly solo: boolean }): void {
    this.scheduler.corrupt(block, options);
  }

  /** The tracker says that these blocks are rare: asks around for those no neighbour is known to hold. */
  suggestedByTracker(blocks: readonly number[]): void {
    const links = [...this.#links];
    for (const block of blocks) {
      const link = links[this.#rng.below(Math.max(1, links.length))];
      const isNews = this.geometry.holds(block) && !this.have.has(block) && this.scheduler.rarity.copies(block) === 0;
      if (link !== undefined && isNews) {
        this.#send(link, { type: "HAVE", block });
      }
    }
  }

  /** Does what became due or possible; called after every input. */
  settle(nowMs: number): void {
    if (nowMs >= this.#reviewMs) {
      this.#reviewMs = nowMs + REVIEW_MS;
      this.#review(nowMs);
    }
    if (nowMs >= this.scheduler.refillAtMs(nowMs)) {
      this.scheduler.refill(this.#links, nowMs);
    }
    if (nowMs >= this.#announcer.nextDeadlineMs) {
      this.#announcer.flush(this.#links, nowMs);
    }
    this.#uploader.settle(nowMs);
    const isComplete = this.have.complete;
    const idle = isComplete || this.scheduler.pendingUnits > 0 ? undefined : idleReasonOf(this.#links);
    this.#stopwatch.note({ idle, isComplete }, nowMs);
  }

  /** When `settle` should be called though nothing happened. */
  nextDeadlineMs(nowMs: number): number {
    return Math.min(
      this.#reviewMs,
      this.#uploader.nextDeadlineMs,
      this.#announcer.nextDeadlineMs,
      this.scheduler.refillAtMs(nowMs),
    );
  }

  readonly #handlers: BlockHandlers = {
    GET_BLOCKS: (_message, link) => {
      if (link.follows) {
        throw new ProtocolError("Cannot answer GET_BLOCKS twice: news comes by UPDATE_BLOCKS");
      }
      link.follow();
      this.tellBlocks(link);
    },
    BLOCKS: ({ blocks }, link, nowMs) => {
      if (link.holds !== undefined || (blocks.size !== this.geometry.blockCount && blocks.size !== 0)) {
        throw new ProtocolError(`Cannot use BLOCKS of ${blocks.size}: told before, or another number of blocks`);
      }
      this.scheduler.learnAll(link, blocks.size === 0 ? new Bitfield(this.geometry.blockCount) : blocks);
      this.#uploader.spread(link, blocks);
      this.#updateInterest(link);
      this.scheduler.fill(link, nowMs);
    },
    HAVE: ({ block }, link) => {
      this.#send(link, { type: "HAS", block, held: this.#offered.has(block) });
    },
    HAS: ({ block, held }, link, nowMs) => (held ? this.#learn(link, [block], nowMs) : undefined),
    UPDATE_BLOCKS: ({ blocks }, link, nowMs) => this.#learn(link, blocks, nowMs),
    INTERESTED: (_message, link, nowMs) => {
      this.#uploader.interested(link, nowMs);
    },
    NOT_INTERESTED: (_message, link) => {
      this.#uploader.notInterested(link);
    },
    CHOKE: (_message, link) => {
      link.download.choke();
      this.scheduler.choked(link);
    },
    UNCHOKE: (_message, link, nowMs) => {
      link.download.unchoke();
      this.scheduler.fill(link, nowMs);
    },
    SUGGEST: ({ blocks }, link, nowMs) => {
      const held = blocks.filter((block) => this.geometry.holds(block));
      link.download.plan(blocks.length > 0);
      link.download.suggest(held, MAX_HINT_BLOCKS);
      this.scheduler.fill(link, nowMs);
    },
    ALLOW: ({ blocks }, link, nowMs) => {
      link.download.allow(blocks, MAX_HINT_BLOCKS);
      this.scheduler.fill(link, nowMs);
    },
    REQUEST: ({ block, offset, length }, link, nowMs) => {
      this.#uploader.request(link, { block, offset, length }, nowMs);
    },
    REJECT: (message, link, nowMs) => {
      this.scheduler.rejected(link, message, { byChoke: message.reason === "choked", nowMs });
      this.scheduler.fill(link, nowMs);
    },
    CANCEL: (unit, link) => {
      this.#uploader.cancel(link, unit);
    },
    BAD_BLOCK: ({ block }, link) => this.#damage.doubted(link, block),
    LOST_BLOCKS: ({ blocks }, link, nowMs) => {
      this.#checkBlocks(blocks);
      for (const block of blocks) {
        this.scheduler.unlearn(link, block);
        this.lostBlocks.set(block, link.peerId);
      }
      this.#updateInterest(link);
      this.scheduler.fill(link, nowMs);
    },
  };

  /** Tells a neighbour which blocks it may ask for. */
  tellBlocks(link: LiveLink): void {
    this.#send(link, { type: "BLOCKS", blocks: this.#offered.clone() });
  }

  #checkBlocks(blocks: readonly number[]): void {
    if (blocks.some((block) => !this.geometry.holds(block))) {
      throw new ProtocolError(`Cannot learn of blocks: there are only ${this.geometry.blockCount}`);
    }
  }

  #learn(link: LiveLink, blocks: readonly number[], nowMs: number): void {
    this.#checkBlocks(blocks);
    for (const block of blocks) {
      this.scheduler.learn(link, block);
    }
    this.#uploader.spread(link, blocks);
    this.#updateInterest(link);
    this.scheduler.fill(link, nowMs);
  }

  #updateInterests(): void {
    for (const link of this.#links) {
      this.#updateInterest(link);
    }
  }

  #updateInterest(link: LiveLink): void {
    const interested = link.download.useful > 0;
    if (link.download.setInterest(interested)) {
      this.#send(link, { type: interested ? "INTERESTED" : "NOT_INTERESTED" });
    }
  }

  #review(nowMs: number): void {
    for (const link of this.#links) {
      if (this.scheduler.snubIfSilent(link, nowMs)) {
        this.#emit({ type: "event", event: { kind: "snubbed", peerId: link.peerId } });
      }
    }
    if (!this.have.complete) {
      this.scheduler.refill(this.#links, nowMs);
    }
  }

  #etaMs(nowMs: number): number {
    const bytesPerSecond = (this.have.complete ? this.#uploader.rate : this.#down).bytesPerSecond(nowMs);
    return etaMs(this, { links: this.#links, bytesPerSecond });
  }
}
