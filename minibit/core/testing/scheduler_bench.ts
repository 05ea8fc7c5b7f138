import { RateLimiter } from "../base/rate_limiter.ts";
import { createRng } from "../base/rng.ts";
import { rarestFirst } from "../download/pick_block.ts";
import { pipelineDepth } from "../download/pipeline.ts";
import { RequestScheduler } from "../download/request_scheduler.ts";
import { LiveLink } from "../link/link.ts";
import type { Unit } from "../link/unit.ts";
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import { hasSent } from "./link_history.ts";

export const UNIT = 16 * 1024;

/** Downloads with neighbours that do what a test tells them; blocks of `unitsPerBlock` units of 16 KiB. */
export class SchedulerBench {
  readonly scheduler: RequestScheduler;
  readonly geometry: Geometry;
  readonly have: Bitfield;
  readonly sent: { readonly link: number; readonly message: PeerMessage }[] = [];
  readonly discarded: number[] = [];
  readonly links: LiveLink[] = [];
  nowMs = 0;
  /** What the driver has of each block, front to back. */
  readonly #bytes = new Map<number, number>();

  constructor(
    options: {
      readonly blocks?: number;
      readonly unitsPerBlock?: number;
      readonly have?: readonly number[];
      readonly bytesPerSecond?: number;
    } = {},
  ) {
    const { blocks = 8, unitsPerBlock = 2, have = [], bytesPerSecond = Number.POSITIVE_INFINITY } = options;
    this.geometry = new Geometry(blocks * unitsPerBlock * UNIT, unitsPerBlock * UNIT);
    this.have = new Bitfield(blocks);
    for (const block of have) {
      this.have.add(block);
    }
    this.scheduler = new RequestScheduler({
      geometry: this.geometry,
      have: this.have,
      rng: createRng(1),
      limiter: new RateLimiter(bytesPerSecond, 0),
      chooseBlock: rarestFirst,
      pipelineDepth,
      send: (link, message) => this.sent.push({ link: link.id, message }),
      discard: (block) => {
        this.discarded.push(block);
        this.#bytes.delete(block);
      },
    });
  }

  /** A neighbour that holds these blocks and has unchoked us. */
  add(blocks: Iterable<number>): LiveLink {
    const link = new LiveLink(this.links.length, { peerId: this.links.length, dialed: undefined, nowMs: this.nowMs });
    link.download.unchoke();
    this.links.push(link);
    const holds = new Bitfield(this.geometry.blockCount);
    for (const block of blocks) {
      holds.add(block);
    }
    this.scheduler.learnAll(link, holds);
    return link;
  }

  /** Makes the links known for these rates, by units of no block that counts; takes a second. */
  haveRates(rates: readonly (readonly [link: LiveLink, bytesPerSecond: number])[]): void {
    for (const [link, bytesPerSecond] of rates) {
      hasSent(link, bytesPerSecond, this.nowMs);
    }
    this.nowMs += 1000;
    for (const [link] of rates) {
      link.download.bytesPerSecond(this.nowMs); // the second counts, as if they had owed us units all the time
    }
  }

  fill(link: LiveLink): void {
    this.scheduler.fill(link, this.nowMs);
  }

  /** Fills every link if blocks were freed, as settle does. */
  settle(): void {
    if (this.scheduler.refillAtMs(this.nowMs) <= this.nowMs) {
      this.scheduler.refill(this.links, this.nowMs);
    }
  }

  /** What the link owes, in the order it was asked. */
  owed(link: LiveLink): Unit[] {
    return link.download.pending.map(({ block, offset, length }) => ({ block, offset, length }));
  }

  /** The blocks the link was asked for, each once, in that order. */
  asked(link: LiveLink): number[] {
    return [...new Set(this.owed(link).map(({ block }) => block))];
  }

  /** The link sends the unit it owes longest, or this one; returns whether its block is whole. */
  deliver(link: LiveLink, unit: Unit = this.owed(link)[0] as Unit): boolean {
    const { block, offset, length } = unit;
    let bytes = this.#bytes.get(block) ?? 0;
    const isWanted = this.scheduler.judge(link, unit) === "wanted";
    if (isWanted && offset <= bytes && offset + length > bytes) {
      bytes = offset + length;
      this.#bytes.set(block, bytes);
    }
    const isWhole = this.scheduler.arrived(link, unit, { receivedBytes: isWanted ? bytes : 0, nowMs: this.nowMs });
    if (isWhole) {
      this.#bytes.delete(block);
    }
    return isWhole;
  }

  /** The link sends all it owes; whole blocks are stored. */
  deliverAll(link: LiveLink): void {
    for (let unit = this.owed(link)[0]; unit !== undefined; unit = this.owed(link)[0]) {
      if (this.deliver(link, unit)) {
        this.scheduler.stored(unit.block);
      }
    }
  }

  reject(link: LiveLink, unit: Unit = this.owed(link)[0] as Unit, byChoke = false): void {
    this.scheduler.rejected(link, unit, { byChoke, nowMs: this.nowMs });
  }

  /** What was said to a link, by type. */
  told(link: LiveLink, type: PeerMessage["type"]): number {
    return this.sent.filter((one) => one.link === link.id && one.message.type === type).length;
  }

  /** The links that fetch a block. */
  owners(block: number): readonly number[] {
    const fetching = [...this.scheduler.fetching()].find((fetch) => fetch.block === block);
    return fetching?.owners.map((link) => link.id) ?? [];
  }
}
