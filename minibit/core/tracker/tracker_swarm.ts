import { ProtocolError } from "../base/errors.ts";
import {
  MAX_PEERS_ANSWERED,
  MAX_STATS_AT_ONCE,
  MAX_STATS_PER_SECOND,
  MAX_SUGGESTED_BLOCKS,
  MAX_SUGGESTION_LOOKS,
  MAX_SWARM_PEERS,
} from "../base/limits.ts";
import { type Rng, shuffle } from "../base/rng.ts";
import { RarityIndex } from "../share/rarity_index.ts";
import { PEER_MESSAGES, peerWire } from "../wire/peer_wire.ts";
import type { ShareSummary, TrackerMessage } from "../wire/tracker_wire.ts";
import type { SwarmLabel } from "./tracker_io.ts";
import { isComplete, type MessageCounts, NO_STATS, type PeerStatus, type SwarmPeer, toStatus } from "./tracker_peer.ts";

/** A swarm as `/status` tells it. */
export interface SwarmStatus extends ShareSummary {
  /** 64 hex digits. */
  readonly id: string;
  /** Peers that are complete, or were when they left; the seeds among them. */
  readonly complete: number;
  /** The same without the seeds: how many of all that came or are expected, however they fared, have the share. */
  readonly receivers: { readonly complete: number; readonly of: number };
  /** How many peers were announced with `--expect`; 0: any number. */
  readonly expected: number;
  /** As many as expected are complete. */
  readonly done: boolean;
  /** How many registered peers hold a block: of the rarest, on average, of the commonest. */
  readonly copies: { readonly min: number; readonly mean: number; readonly max: number };
  /** Messages all peers sent to each other, by name. */
  readonly messages: MessageCounts;
  /** By id; those that left too. */
  readonly peers: readonly PeerStatus[];
}

/** Among how many others the least-connected are looked for. */
const SAMPLE_PEERS = 4 * MAX_PEERS_ANSWERED;

const NAMES_BY_CODE: ReadonlyMap<number, string> = new Map(
  peerWire.names.map((name) => [PEER_MESSAGES[name].code, name]),
);

/**
 * All peers of one share: who is here, who holds what, who is complete.
 *
 * copies(b) and the number of those who lack blocks are kept with every announcement, so an answer never counts blocks or
 * peers, and in a big swarm it looks at a sample of the peers only.
 */
export class TrackerSwarm {
  /** The swarm's id in hex. */
  readonly id: string;
  readonly swarmId: Uint8Array;
  readonly share: ShareSummary;
  readonly expected: number;
  readonly #rng: Rng;
  /** The blocks that somebody holds, rarest first, and copies(b) of all. */
  readonly #rarity: RarityIndex;
  readonly #peers = new Map<number, SwarmPeer>();
  /** The same in a row, in no order: for samples. */
  readonly #row: SwarmPeer[] = [];
  /** Those of them that are not complete. */
  readonly #incomplete = new Set<SwarmPeer>();
  /** The last known state of peers that are not here any more, longest gone first. */
  readonly #departed = new Map<number, PeerStatus>();
  /** The ids of peers that are complete, or were when they left: nobody knows better of those. */
  readonly #finished = new Set<number>();
  readonly #messages: MessageCounts = {};
  #desertedMs = 0;

  /** @param options `expected`: how many peers, the seed among them, make the group complete; 0: any number */
  constructor(options: {
    readonly swarmId: Uint8Array;
    readonly share: ShareSummary;
    readonly expected: number;
    readonly rng: Rng;
  }) {
    this.swarmId = options.swarmId;
    this.id = options.swarmId.toHex();
    this.share = options.share;
    this.expected = options.expected;
    this.#rng = options.rng;
    this.#rarity = new RarityIndex(options.share.blockCount, options.rng);
  }

  /** The registered peers. */
  get peers(): ReadonlyMap<number, SwarmPeer> {
    return this.#peers;
  }

  /** How many different peers are complete, or were when they left. */
  get finished(): number {
    return this.#finished.size;
  }

  /** How many registered peers are not complete. */
  get incomplete(): number {
    return this.#incomplete.size;
  }

  /** Whether as many peers as expected are complete. */
  get done(): boolean {
    return this.expected > 0 && this.finished >= this.expected;
  }

  /** The swarm for people. */
  get label(): SwarmLabel {
    return { id: this.id, name: this.share.name };
  }

  /** When the last peer went, if all did. */
  get desertedMs(): number {
    return this.#desertedMs;
  }

  /** How many registered peers hold `block`. */
  copies(block: number): number {
    return this.#rarity.copies(block);
  }

  /**
   * Takes in a peer; no other may be registered with its id.
   *
   * One that was complete once and comes back with less, because it lost its disk, is so no more.
   */
  join(peer: Omit<SwarmPeer, "seed" | "messages" | "stats" | "reports" | "place">): SwarmPeer {
    const place = this.#row.length;
    // who fetched it all and comes back is a receiver still
    const seed = isComplete(peer) && this.#departed.get(peer.id)?.seed !== false;
    const joined = { ...peer, place, seed, messages: {}, stats: NO_STATS, reports: 0 };
    this.#peers.set(peer.id, joined);
    this.#row.push(joined);
    this.#departed.delete(peer.id);
    if (!isComplete(joined)) {
      this.#incomplete.add(joined);
      this.#finished.delete(peer.id);
    }
    for (const block of joined.blocks) {
      this.#gained(block);
    }
    return joined;
  }

  /** Lets a peer go; its last state stays to be seen. */
  leave(peer: SwarmPeer, options: { readonly state: "left" | "gone"; readonly nowMs: number }): void {
    this.#peers.delete(peer.id);
    this.#incomplete.delete(peer);
    this.#leaveRow(peer);
    this.#desertedMs = options.nowMs;
    for (const block of peer.blocks) {
      this.#lost(block);
    }
    this.#departed.set(peer.id, {
      ...toStatus(peer),
      state: options.state,
      downBytesPerSecond: 0,
      upBytesPerSecond: 0,
      unchoked: [],
      optimistic: null,
      choked: false,
    });
    for (const oldest of this.#departed.keys()) {
      if (this.#departed.size <= MAX_SWARM_PEERS) {
        break;
      }
      this.#departed.delete(oldest);
    }
  }

  /**
   * Remembers a peer that is complete.
   *
   * @returns whether it is, and was not before
   */
  noteIfFinished(peer: SwarmPeer): boolean {
    if (!isComplete(peer)) {
      return false;
    }
    this.#incomplete.delete(peer);
    if (this.#finished.has(peer.id) || this.#finished.size >= MAX_SWARM_PEERS) {
      return false;
    }
    this.#finished.add(peer.id);
    return true;
  }

  /**
   * A peer verified blocks; those it had told of before do not count twice.
   *
   * @returns those it had not told of
   * @throws {ProtocolError} a block the share does not have
   */
  update(peer: SwarmPeer, blocks: readonly number[]): number[] {
    const last = blocks.at(-1);
    if (last !== undefined) {
      this.#checkBlock(last);
    }
    const news: number[] = [];
    for (const block of blocks) {
      if (peer.blocks.add(block)) {
        this.#gained(block);
        news.push(block);
      }
    }
    return news;
  }

  /**
   * A peer's statistics; its message counts are since the last.
   *
   * @throws {ProtocolError} a count of messages or a block that do not exist; far more reports than heartbeats
   */
  report(peer: SwarmPeer, stats: TrackerMessage<"STATS">, nowMs: number): void {
    if (++peer.reports > MAX_STATS_AT_ONCE + (MAX_STATS_PER_SECOND * (nowMs - peer.joinedMs)) / 1000) {
      throw new ProtocolError(`Cannot take ${peer.reports} STATS in so short a time: one a second is enough`);
    }
    for (const { block } of stats.fetching) {
      this.#checkBlock(block);
    }
    for (const { type, count } of stats.messages) {
      const name = NAMES_BY_CODE.get(type);
      if (name === undefined) {
        throw new ProtocolError(`Cannot count messages of unknown type ${type}`);
      }
      peer.messages[name] = (peer.messages[name] ?? 0) + count;
      this.#messages[name] = (this.#messages[name] ?? 0) + count;
    }
    peer.done ||= stats.done;
    peer.stats = stats;
  }

  /** The answer to GET_PEERS. */
  answer(peer: SwarmPeer): TrackerMessage<"PEERS"> {
    return {
      type: "PEERS",
      peers: this.#choose(peer).map(({ id, hosts, port }) => ({ id, hosts, port })),
      suggested: this.#suggest(peer),
      registered: this.#peers.size,
      incomplete: this.incomplete,
    };
  }

  /** All that is known of the swarm. */
  status(): SwarmStatus {
    const peers = [...Array.from(this.#peers.values(), toStatus), ...this.#departed.values()];
    const receivers = peers.filter(({ seed }) => !seed);
    const seeds = peers.length - receivers.length;
    return {
      id: this.id,
      ...this.share,
      complete: this.finished,
      receivers: {
        complete: receivers.filter(({ complete }) => complete).length,
        of: Math.max(receivers.length, this.expected - Math.max(1, seeds)),
      },
      expected: this.expected,
      done: this.done,
      copies: this.#copyRange(),
      messages: { ...this.#messages },
      peers: peers.sort((a, b) => a.id - b.id),
    };
  }

  /**
   * Up to MAX_PEERS_ANSWERED others than `peer`, least-connected first, ties at random.
   *
   * In a big swarm the least-connected of a random sample: nearly as even as looking at all, and newcomers who ask in
   * the same second are not all sent to the same few.
   */
  #choose(peer: SwarmPeer): SwarmPeer[] {
    return this.#sample(peer)
      .sort((a, b) => a.stats.neighbours - b.stats.neighbours)
      .slice(0, MAX_PEERS_ANSWERED);
  }

  /** SAMPLE_PEERS others than `peer`, or all there are, in random order. */
  #sample(peer: SwarmPeer): SwarmPeer[] {
    if (this.#row.length <= SAMPLE_PEERS + 1) {
      return shuffle(
        [...this.#peers.values()].filter((other) => other !== peer),
        this.#rng,
      );
    }
    // the beginning of a Fisher-Yates shuffle: what it leaves behind is as good a start for the next
    for (let i = 0; i <= SAMPLE_PEERS; i++) {
      this.#swap(i, i + this.#rng.below(this.#row.length - i));
    }
    return this.#row
      .slice(0, SAMPLE_PEERS + 1)
      .filter((other) => other !== peer)
      .slice(0, SAMPLE_PEERS);
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#row[i] as SwarmPeer, this.#row[j] as SwarmPeer];
    this.#row[i] = b;
    this.#row[j] = a;
    b.place = i;
    a.place = j;
  }

  #leaveRow(peer: SwarmPeer): void {
    this.#swap(peer.place, this.#row.length - 1);
    this.#row.pop();
  }

  /** The rarest blocks that `peer` lacks and somebody holds. */
  #suggest(peer: SwarmPeer): number[] {
    const found: number[] = [];
    if (!peer.blocks.complete) {
      let looks = 0;
      this.#rarity.rarest((block) => {
        if (!peer.blocks.has(block)) {
          found.push(block);
        }
        return found.length === MAX_SUGGESTED_BLOCKS || ++looks === MAX_SUGGESTION_LOOKS;
      });
    }
    for (const block of found) {
      // back to a random place among its equals: whoever asks next is told of others
      this.#rarity.remove(block);
      this.#rarity.add(block);
    }
    return found;
  }

  #checkBlock(block: number): void {
    if (block >= this.share.blockCount) {
      throw new ProtocolError(`Cannot note block ${block}: the share has ${this.share.blockCount} blocks`);
    }
  }

  #gained(block: number): void {
    this.#rarity.gained(block);
    if (!this.#rarity.has(block)) {
      this.#rarity.add(block);
    }
  }

  #lost(block: number): void {
    if (this.#rarity.copies(block) === 1) {
      this.#rarity.remove(block);
    }
    this.#rarity.lost(block);
  }

  #copyRange(): SwarmStatus["copies"] {
    const { blockCount } = this.share;
    if (blockCount === 0) {
      return { min: 0, mean: 0, max: 0 };
    }
    let min = Number.POSITIVE_INFINITY;
    let max = 0;
    let sum = 0;
    for (let block = 0; block < blockCount; block++) {
      const copies = this.#rarity.copies(block);
      min = Math.min(min, copies);
      max = Math.max(max, copies);
      sum += copies;
    }
    return { min, mean: sum / blockCount, max };
  }
}
