import { EventQueue } from "./event_queue.ts";
import { LookaheadQueue } from "./lookahead_queue.ts";

/** What happens at some time, and to what. */
export interface Happening {
  /** Tells wires and peers apart in the log's hash. */
  readonly subject: number;
  /** The peer to which it happens. */
  readonly host: number;
  run(): void;
}

/** The virtual clock: it jumps from one event to the next, and hashes what happened. */
export class Clock {
  readonly #queue: EventQueue<Happening> | LookaheadQueue<Happening>;
  /** By how much peers may be ahead of each other; 0 when all peers share one time. */
  readonly lookaheadMs: number;
  #events = 0;
  #hash = 0x811c9dc5;

  constructor(lookaheadMs = 0) {
    this.lookaheadMs = lookaheadMs;
    this.#queue = lookaheadMs > 0 ? new LookaheadQueue(lookaheadMs) : new EventQueue();
  }

  get nowMs(): number {
    return this.#queue.nowMs;
  }

  /** How many events happened. */
  get events(): number {
    return this.#events;
  }

  /** A hash of all events and their times, 8 hex digits: runs with different hashes differ. */
  get hash(): string {
    return this.#hash.toString(16).padStart(8, "0");
  }

  /** Lets `run` happen to a peer at `atMs`, which is not in the past. */
  at(atMs: number, peer: number, run: () => void): void {
    this.add(atMs, { subject: peer, host: peer, run });
  }

  /** Like `at`, for very frequent events: it saves one object an event. */
  add(atMs: number, happening: Happening): void {
    this.#queue.add(atMs, happening, happening.host);
  }

  /** Like `add`, for arrivals after one and the same latency: their times never go back from one call to the next. */
  inOrder(atMs: number, happening: Happening): void {
    this.#queue.append(atMs, happening, happening.host);
  }

  /** Lets the next event happen; returns whether there was one. */
  step(): boolean {
    const event = this.#queue.shift();
    if (event === undefined) {
      return false;
    }
    this.#events++;
    this.#mix(Math.round(this.nowMs * 1000));
    this.#mix(event.subject);
    event.run();
    return true;
  }

  /** FNV-1a over 32-bit words instead of bytes (Fowler, Noll and Vo). */
  #mix(word: number): void {
    this.#hash = Math.imul(this.#hash ^ word, 0x01000193) >>> 0;
  }
}
