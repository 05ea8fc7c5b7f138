import { assert } from "../core/errors.ts";

/** Room for this many events at first; it doubles when it is full. */
const FIRST_CAPACITY = 1024;

/**
 * Events in the order of their time; those of the same time in the order in which they were added.
 *
 * A binary heap whose keys stand in typed arrays, so that comparing touches no objects: a run of a large swarm moves
 * hundreds of millions of events.
 */
export class EventQueue<T> {
  #timesMs = new Float64Array(FIRST_CAPACITY);
  /** Tells apart events of the same time; a double counts further than any run. */
  #sequences = new Float64Array(FIRST_CAPACITY);
  #events: (T | undefined)[] = [];
  #length = 0;
  #added = 0;
  #nowMs = 0;

  get length(): number {
    return this.#length;
  }

  /** How many events were ever added. */
  get added(): number {
    return this.#added;
  }

  /** Time of the event that `shift` returned last. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Adds an event; time never goes back. */
  add(atMs: number, event: T): void {
    assert(atMs >= this.#nowMs, `an event at ${atMs} ms, it is ${this.#nowMs} ms`);
    if (this.#length === this.#timesMs.length) {
      this.#timesMs = doubled(this.#timesMs);
      this.#sequences = doubled(this.#sequences);
    }
    const sequence = this.#added++;
    let at = this.#length++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#timesMs[parent] as number) <= atMs) {
        break; // equal times: the parent was added before
      }
      this.#move(parent, at);
      at = parent;
    }
    this.#timesMs[at] = atMs;
    this.#sequences[at] = sequence;
    this.#events[at] = event;
  }

  /** Takes the next event out; undefined: there is none. */
  shift(): T | undefined {
    if (this.#length === 0) {
      return undefined;
    }
    const first = this.#events[0];
    this.#nowMs = this.#timesMs[0] as number;
    const last = --this.#length;
    this.#sink(last);
    this.#events[last] = undefined;
    return first;
  }

  /** Puts the event at index `last` where the first one was, and down to its place. */
  #sink(last: number): void {
    const timeMs = this.#timesMs[last] as number;
    const sequence = this.#sequences[last] as number;
    const event = this.#events[last];
    let at = 0;
    for (let child = 1; child < last; child = 2 * at + 1) {
      if (
        child + 1 < last &&
        this.#isBefore(child + 1, this.#timesMs[child] as number, this.#sequences[child] as number)
      ) {
        child++;
      }
      if (!this.#isBefore(child, timeMs, sequence)) {
        break;
      }
      this.#move(child, at);
      at = child;
    }
    this.#timesMs[at] = timeMs;
    this.#sequences[at] = sequence;
    this.#events[at] = event;
  }

  #isBefore(index: number, timeMs: number, sequence: number): boolean {
    const otherMs = this.#timesMs[index] as number;
    return otherMs < timeMs || (otherMs === timeMs && (this.#sequences[index] as number) < sequence);
  }

  #move(from: number, to: number): void {
    this.#timesMs[to] = this.#timesMs[from] as number;
    this.#sequences[to] = this.#sequences[from] as number;
    this.#events[to] = this.#events[from];
  }
}

function doubled(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
