import { assert } from "../base/errors.ts";
import { PROTOCOL_VERSION } from "../base/limits.ts";
import { createRng } from "../base/rng.ts";
import { Bitfield } from "../share/bitfield.ts";
import { TrackerCore } from "../tracker/tracker_core.ts";
import type { TrackerEvent, TrackerInput } from "../tracker/tracker_io.ts";
import { NO_STATS, type PeerStatus } from "../tracker/tracker_peer.ts";
import type { SwarmStatus } from "../tracker/tracker_swarm.ts";
import {
  NO_SWARM,
  type ShareSummary,
  type TrackerErrorCode,
  type TrackerMessage,
  type TrackerMessageName,
} from "../wire/tracker_wire.ts";

/** What a peer that has not seen the manifest knows of its share. */
export const UNKNOWN_SHARE: ShareSummary = { name: "", sizeBytes: 0, blockSizeBytes: 0, blockCount: 0 };
/** The share of most tests. */
export const SHARE = shareOf(10);
/** All its blocks. */
export const SHARE_BLOCKS = Array.from({ length: SHARE.blockCount }, (_, block) => block);

/** A share of blocks of 1 KiB. */
export function shareOf(blockCount: number, name = "arquivos"): ShareSummary {
  return { name, sizeBytes: blockCount * 1024, blockSizeBytes: 1024, blockCount };
}

/** A swarm id. */
export function idOf(number: number): Uint8Array {
  return new Uint8Array(32).fill(number);
}

export function blocksOf(size: number, blocks: Iterable<number>): Bitfield {
  const field = new Bitfield(size);
  for (const block of blocks) {
    field.add(block);
  }
  return field;
}

/** What a test says about a peer in place of the defaults. */
export type Registration = Partial<Omit<TrackerMessage<"REGISTER">, "type">>;

/** A tracker on a clock of the test's, and everything it said, by link. */
export class TrackerBench {
  nowMs = 1000;
  readonly core: TrackerCore;
  readonly said = new Map<number, TrackerMessage[]>();
  readonly dropped: number[] = [];
  readonly events: TrackerEvent[] = [];
  /** How many random numbers the tracker has drawn. */
  draws = 0;
  #lastLink = 0;

  constructor(expected = 0, seed = 1) {
    const rng = createRng(seed);
    const counted = {
      next: () => this.#drawn(rng.next()),
      below: (bound: number) => this.#drawn(rng.below(bound)),
    };
    this.core = new TrackerCore({ expected, rng: counted });
  }

  open(host = "10.0.0.9"): number {
    const link = ++this.#lastLink;
    this.#do({ type: "link_opened", link, host });
    return link;
  }

  close(link: number): void {
    this.#do({ type: "link_closed", link });
  }

  receive(link: number, message: TrackerMessage): void {
    this.#do({ type: "received", link, message });
  }

  /** Registers a peer on a link of its own; by default an empty-handed one of SHARE. */
  register(peerId: number, registration: Registration = {}): number {
    const link = this.open();
    this.registerOn(link, peerId, registration);
    return link;
  }

  registerOn(link: number, peerId: number, registration: Registration = {}): void {
    const share = registration.share ?? SHARE;
    this.receive(link, {
      type: "REGISTER",
      version: PROTOCOL_VERSION,
      swarmId: share === UNKNOWN_SHARE ? NO_SWARM : idOf(7),
      share,
      peerId,
      name: `peer ${peerId}`,
      hosts: ["10.0.0.1"],
      port: 6000 + peerId,
      blocks: new Bitfield(share.blockCount),
      instance: 1,
      done: false,
      ...registration,
    });
  }

  seed(peerId = 0, registration: Registration = {}): number {
    const blocks = Bitfield.full((registration.share ?? SHARE).blockCount);
    return this.register(peerId, { blocks, done: true, ...registration });
  }

  /** A peer that lacked `blocks` has verified them, and its copy stands. */
  complete(link: number, ...blocks: number[]): void {
    this.update(link, ...blocks);
    this.stats(link, { done: true });
  }

  update(link: number, ...blocks: number[]): void {
    this.receive(link, { type: "UPDATE_BLOCKS", blocks });
  }

  stats(link: number, stats: Partial<TrackerMessage<"STATS">> = {}): void {
    this.receive(link, { type: "STATS", ...NO_STATS, ...stats });
  }

  getPeers(link: number): TrackerMessage<"PEERS"> {
    this.receive(link, { type: "GET_PEERS" });
    return this.last(link, "PEERS");
  }

  /** Lets time pass, ticking whenever the tracker wants to be ticked. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.core.nextDeadlineMs() <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.core.nextDeadlineMs());
      this.#do({ type: "tick" });
    }
    this.nowMs = endMs;
  }

  /** What was said on a link, by name. */
  names(link: number): TrackerMessageName[] {
    return (this.said.get(link) ?? []).map((message) => message.type);
  }

  /** The last message on a link, which must be a `name`. */
  last<Name extends TrackerMessageName>(link: number, name: Name): TrackerMessage<Name> {
    const message = this.said.get(link)?.at(-1);
    assert(message?.type === name, () => `the last message is ${name}, not ${message?.type}`);
    return message as TrackerMessage<Name>;
  }

  kinds(): TrackerEvent["kind"][] {
    return this.events.map((event) => event.kind);
  }

  swarm(index = 0): SwarmStatus {
    const found = this.core.snapshot().swarms[index];
    assert(found !== undefined, () => `there is a swarm ${index}`);
    return found;
  }

  peer(id: number): PeerStatus {
    const found = this.swarm().peers.find((peer) => peer.id === id);
    assert(found !== undefined, () => `peer ${id} is in the status`);
    return found;
  }

  /** Why a link was refused: what it was told before it was dropped. */
  refusal(link: number): TrackerErrorCode | undefined {
    return this.dropped.includes(link) ? this.last(link, "ERROR").code : undefined;
  }

  #drawn(number: number): number {
    this.draws++;
    return number;
  }

  #do(input: TrackerInput): void {
    for (const output of this.core.handle(input, this.nowMs)) {
      if (output.type === "send") {
        assert(!this.dropped.includes(output.link), () => `link ${output.link} is told nothing after it was dropped`);
        this.said.set(output.link, [...(this.said.get(output.link) ?? []), output.message]);
      } else if (output.type === "drop") {
        this.dropped.push(output.link);
      } else {
        this.events.push(output.event);
      }
    }
  }
}
