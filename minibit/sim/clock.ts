import { EventQueue } from "./event_queue.ts";

/** What happens at some time, and to what: `subject` is a number that tells wires and peers apart in the log's hash. */
export interface Happening {
  readonly subject: number;
  run(): void;
}

/** The virtual clock: it jumps from one event to the next, and hashes what happened. */
export class Clock {
  readonly #queue = new EventQueue<Happening>();
  #events = 0;
  #hash = 0x811c9dc5;

  get nowMs(): number {
    return this.#queue.nowMs;
  }

  /** How many events happened. */
  get events(): number {
    return this.#events;
  }

  /** A hash of when what happened: the same for two runs only if they were the same. 8 hex digits. */
  get hash(): string {
    return this.#hash.toString(16).padStart(8, "0");
  }

  /** Lets `run` happen at `atMs`, which is not in the past. */
  at(atMs: number, subject: number, run: () => void): void {
    this.add(atMs, { subject, run });
  }

  /** Like `at`, for what happens so often that two objects for each would be one too many. */
  add(atMs: number, happening: Happening): void {
    this.#queue.add(atMs, happening);
  }

  /** Like `add`, for arrivals after one and the same latency: their times never go back from one call to the next. */
  inOrder(atMs: number, happening: Happening): void {
    this.#queue.append(atMs, happening);
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
