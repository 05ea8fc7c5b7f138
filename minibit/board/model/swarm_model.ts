import { MAX_DEPARTED_SHOWN } from "../../core/base/limits.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import { type MessageCounts, NO_STATS } from "../../core/tracker/tracker_peer.ts";
import type { ShareSummary } from "../../core/wire/tracker_wire.ts";
import {
  type BoardEvent,
  type BoardPeer,
  type BoardStats,
  type Departure,
  type TimedEvent,
  toHeld,
} from "./board_event.ts";
import { History } from "./history.ts";
import { SteadyRate } from "./steady_rate.ts";
import { toBoardStats } from "./tracker_news.ts";

/** A peer that has not reported yet. */
export const NO_BOARD_STATS: BoardStats = toBoardStats(NO_STATS, {});

/** How much a new rate counts in the steady one: with a report a second that looks back some five seconds. */
const STEADY = 0.2;

/** One peer on the board. */
export interface PeerModel extends BoardPeer {
  readonly joinedMs: number;
  readonly blocks: Bitfield;
  stats: BoardStats;
  /** What it receives, without the ups and downs of a few seconds: how long it takes is told from this. */
  steadyDownBytesPerSecond: number;
  /** Which part of its neighbours chokes it, 0 to 1, over as many seconds. */
  steadyChokedPart: number;
  /** What it held before anything came. */
  foundBytes: number;
  /** Since when it has told the same activity. */
  activeSinceMs: number;
  completeMs: number | undefined;
  /** Undefined while it is here; its other values are then the last known. */
  departure: { readonly how: Departure; readonly t: number } | undefined;
}

/** One swarm on the board: its peers, the copies of each block, the charts. */
export class SwarmModel {
  readonly id: string;
  readonly share: ShareSummary;
  readonly expected: number;
  readonly uplinkBytesPerSecond: number | undefined;
  readonly peerUplinks: ReadonlyMap<number, number>;
  readonly beganMs: number;
  /** By id; those that departed stay to be seen, the last MAX_DEPARTED_SHOWN of them. */
  readonly peers = new Map<number, PeerModel>();
  /** How many of the `holders` hold each block. */
  readonly copies: Uint16Array;
  readonly history = new History();
  /** What all peers receive together. */
  readonly throughput: SteadyRate;
  /** Longest gone first. */
  readonly #departed = new Set<number>();
  #isOver = false;
  /** When something happened last. */
  lastMs = 0;
  /** When as many peers as expected were complete. */
  doneMs: number | undefined;

  constructor(event: Extract<BoardEvent, { type: "swarm" }>, t: number) {
    this.id = event.swarm;
    this.share = event.share;
    this.expected = event.expected;
    this.uplinkBytesPerSecond = event.uplinkBytesPerSecond;
    this.peerUplinks = new Map(event.peerUplinks);
    this.beganMs = t;
    this.throughput = new SteadyRate(t);
    this.copies = new Uint16Array(event.share.blockCount);
  }

  /** All is done, and those who have everything leave, or have left: what is shown is the swarm as it was when it was whole. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Those whose copies count: who is here, and once it is over also who left with everything. */
  get holders(): PeerModel[] {
    return [...this.peers.values()].filter((peer) => this.#isHolder(peer));
  }

  /** A peer registers; whoever had its number is replaced. */
  joined(joining: BoardPeer, blocks: Iterable<number>, t: number): void {
    this.#setOver(false);
    const former = this.peers.get(joining.id);
    if (former?.departure === undefined && former !== undefined) {
      this.#count(former.blocks, -1);
      this.throughput.note(-former.stats.downBytesPerSecond, t);
    }
    const { id, name, host, port } = joining;
    // who fetched it all and comes back is a receiver still
    const seed = joining.seed && former?.seed !== false;
    const held = new Bitfield(this.share.blockCount);
    addAll(held, blocks);
    this.#count(held, 1);
    this.peers.delete(id);
    this.#departed.delete(id);
    this.peers.set(id, {
      ...{ id, name, host, port, seed },
      joinedMs: t,
      blocks: held,
      stats: NO_BOARD_STATS,
      ...{ steadyDownBytesPerSecond: 0, steadyChokedPart: 0, foundBytes: this.#bytesOf(held) },
      activeSinceMs: t,
      completeMs: held.complete ? former?.completeMs : undefined,
      departure: undefined,
    });
    if (former?.completeMs !== undefined && !held.complete) {
      this.doneMs = undefined; // it lost what it had, and the group waits for it
    }
    this.#note(t);
  }

  /** A peer holds more blocks. */
  verified(id: number, blocks: Iterable<number>, t: number): void {
    const peer = this.peers.get(id);
    if (peer === undefined || peer.departure !== undefined) {
      return;
    }
    for (const block of addAll(peer.blocks, blocks)) {
      this.copies[block] = (this.copies[block] ?? 0) + 1;
    }
    if (peer.stats.downBytes === 0) {
      peer.foundBytes = this.#bytesOf(peer.blocks); // it registered before it had looked
    }
    this.#note(t);
  }

  reported(id: number, stats: BoardStats, t: number): void {
    const peer = this.peers.get(id);
    if (peer === undefined || peer.departure !== undefined) {
      return;
    }
    if (peer.stats === NO_BOARD_STATS || peer.stats.activity !== stats.activity) {
      peer.activeSinceMs = t;
    }
    const { downBytesPerSecond: rate } = stats;
    peer.steadyDownBytesPerSecond +=
      peer.steadyDownBytesPerSecond > 0 && rate > 0
        ? STEADY * (rate - peer.steadyDownBytesPerSecond)
        : rate - peer.steadyDownBytesPerSecond;
    peer.steadyChokedPart += STEADY * (stats.chokedBy / Math.max(1, stats.neighbours) - peer.steadyChokedPart);
    this.throughput.note(rate - peer.stats.downBytesPerSecond, t);
    peer.stats = stats;
    this.#note(t);
  }

  completed(id: number, t: number): void {
    const peer = this.peers.get(id);
    if (peer !== undefined) {
      peer.completeMs ??= t;
      this.#note(t);
    }
  }

  /** A peer is not here any more: its copies do not count, and what it was doing is over. */
  departed(id: number, how: Departure, t: number): void {
    const peer = this.peers.get(id);
    if (peer === undefined || peer.departure !== undefined) {
      return;
    }
    peer.departure = { how, t };
    this.throughput.note(-peer.stats.downBytesPerSecond, t);
    peer.stats = {
      ...peer.stats,
      ...{ downBytesPerSecond: 0, upBytesPerSecond: 0, regular: [], optimistic: [], flows: [], fetching: [] },
    };
    this.#departed.add(id);
    if (!this.#isHolder(peer)) {
      this.#count(peer.blocks, -1);
    }
    const isDone = this.doneMs !== undefined && peer.blocks.complete;
    this.#setOver(this.#isOver || isDone || this.#isDeserted);
    for (const oldest of this.#departed) {
      if (this.#departed.size <= MAX_DEPARTED_SHOWN) {
        break;
      }
      this.#departed.delete(oldest);
      this.#forget(oldest);
    }
    this.#note(t);
  }

  finished(t: number): void {
    this.doneMs ??= t;
    this.#note(t);
    const hasLeft = [...this.peers.values()].some((peer) => peer.departure !== undefined && peer.blocks.complete);
    this.#setOver(this.#isOver || hasLeft);
  }

  /** Messages between peers so far, by name. */
  get messages(): MessageCounts {
    const sums: MessageCounts = {};
    for (const { stats } of this.peers.values()) {
      for (const [name, count] of Object.entries(stats.messages)) {
        sums[name] = (sums[name] ?? 0) + count;
      }
    }
    return sums;
  }

  /** The events from which another model comes to this state. */
  snapshot(): TimedEvent[] {
    const swarm = this.id;
    const { share, expected, uplinkBytesPerSecond, peerUplinks } = this;
    const events: TimedEvent[] = [
      {
        t: this.beganMs,
        event: {
          ...{ type: "swarm", swarm, share, expected },
          ...(uplinkBytesPerSecond === undefined ? {} : { uplinkBytesPerSecond }),
          ...(peerUplinks.size === 0 ? {} : { peerUplinks: [...peerUplinks] }),
        },
      },
    ];
    for (const peer of this.peers.values()) {
      const { id, name, host, port, seed, stats, completeMs, departure } = peer;
      events.push({
        t: peer.joinedMs,
        event: { type: "peer", swarm, peer: { id, name, host, port, seed }, blocks: toHeld(peer.blocks) },
      });
      if (stats !== NO_BOARD_STATS) {
        events.push({ t: peer.activeSinceMs, event: { type: "stats", swarm, peer: id, stats } });
      }
      if (completeMs !== undefined) {
        events.push({ t: completeMs, event: { type: "complete", swarm, peer: id } });
      }
      if (departure !== undefined) {
        events.push({ t: departure.t, event: { type: "departed", swarm, peer: id, how: departure.how } });
      }
    }
    if (this.doneMs !== undefined) {
      events.push({ t: this.doneMs, event: { type: "done", swarm } });
    }
    // a copy: whoever keeps the snapshot must not see the samples that follow
    const { samples, everyMs } = this.history;
    events.push({ t: this.beganMs, event: { type: "history", swarm, samples: [...samples], everyMs } });
    return events;
  }

  /** Nobody is here any more, and somebody fetched everything. */
  get #isDeserted(): boolean {
    const peers = [...this.peers.values()];
    return (
      peers.every(({ departure }) => departure !== undefined) &&
      peers.some(({ seed, completeMs }) => !seed && completeMs !== undefined)
    );
  }

  #bytesOf(blocks: Bitfield): number {
    return Math.min(this.share.sizeBytes, blocks.count * this.share.blockSizeBytes);
  }

  #isHolder({ departure, blocks }: PeerModel): boolean {
    return departure === undefined || (this.#isOver && blocks.complete);
  }

  #setOver(isOver: boolean): void {
    if (isOver !== this.#isOver) {
      this.#isOver = isOver;
      this.copies.fill(0);
      for (const { blocks } of this.holders) {
        this.#count(blocks, 1);
      }
    }
  }

  #forget(id: number): void {
    const peer = this.peers.get(id);
    if (peer !== undefined && this.#isHolder(peer)) {
      this.#count(peer.blocks, -1);
    }
    this.peers.delete(id);
  }

  #note(t: number): void {
    this.lastMs = t;
    if (!this.#isOver) {
      this.history.note(this, t);
    }
  }

  #count(blocks: Bitfield, change: 1 | -1): void {
    for (const block of blocks) {
      this.copies[block] = (this.copies[block] ?? 0) + change;
    }
  }
}

/** Adds what the share has of `blocks`; returns those that were new. */
function addAll(field: Bitfield, blocks: Iterable<number>): number[] {
  const added: number[] = [];
  for (const block of blocks) {
    if (block < field.size && field.add(block)) {
      added.push(block);
    }
  }
  return added;
}
