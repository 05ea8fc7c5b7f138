import { assert } from "../../core/base/errors.ts";

/** Room for this many events at first; it doubles when it is full. */
const FIRST_CAPACITY = 1024;

/**
 * Events in the order of their time; those of the same time in the order in which they were added.
 *
 * A run of a large swarm moves hundreds of millions of events. Most of them are added in the order of their time anyway
 * (what happens now, what arrives one latency from now): these wait in queues, the others in a binary heap, whose keys
 * stand in typed arrays, so that comparing touches no objects.
 */
export class EventQueue<T> {
  #timesMs = new Float64Array(FIRST_CAPACITY);
  /** Tells apart events of the same time; a double counts further than any run. */
  #sequences = new Float64Array(FIRST_CAPACITY);
  #events: (T | undefined)[] = [];
  #length = 0;
  readonly #immediate = new Lane<T>();
  readonly #steady = new Lane<T>();
  #added = 0;
  #nowMs = 0;

  get length(): number {
    return this.#length + this.#immediate.length + this.#steady.length;
  }

  /** Time of the event that `shift` returned last. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Adds an event; time never goes back. Its host does not matter here, unlike in `LookaheadQueue`. */
  add(atMs: number, event: T, _host?: number): void {
    assert(atMs >= this.#nowMs, () => `an event at ${atMs} ms, it is ${this.#nowMs} ms`);
    if (atMs === this.#nowMs) {
      this.#immediate.push(atMs, this.#added++, event);
      return;
    }
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

  /** Like `add`, for events of one kind whose times never go back from one to the next. */
  append(atMs: number, event: T, _host?: number): void {
    assert(atMs >= this.#nowMs && atMs >= this.#steady.lastMs, () => `an event at ${atMs} ms, behind a later one`);
    this.#steady.push(atMs, this.#added++, event);
  }

  /** Removes and returns the next event; undefined when there is none. */
  shift(): T | undefined {
    const lane = this.#immediate.isBefore(this.#steady) ? this.#immediate : this.#steady;
    if (lane.length > 0 && (this.#length === 0 || !this.#isBefore(0, lane.firstMs, lane.firstSequence))) {
      this.#nowMs = lane.firstMs;
      return lane.shift();
    }
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

/** Events in the order in which they were added: a ring that doubles when it is full. */
class Lane<T> {
  #timesMs = new Float64Array(FIRST_CAPACITY);
  #sequences = new Float64Array(FIRST_CAPACITY);
  #events: (T | undefined)[] = new Array(FIRST_CAPACITY);
  #head = 0;
  length = 0;
  /** Time of the event that was added last. */
  lastMs: number = Number.NEGATIVE_INFINITY;

  get firstMs(): number {
    return this.length === 0 ? Number.POSITIVE_INFINITY : (this.#timesMs[this.#head] as number);
  }

  get firstSequence(): number {
    return this.#sequences[this.#head] as number;
  }

  isBefore(other: Lane<T>): boolean {
    const [mine, others] = [this.firstMs, other.firstMs];
    return mine < others || (mine === others && this.firstSequence < other.firstSequence);
  }

  push(atMs: number, sequence: number, event: T): void {
    if (this.length === this.#timesMs.length) {
      this.#grow();
    }
    const at = (this.#head + this.length++) & (this.#timesMs.length - 1); // the capacity is a power of two
    this.#timesMs[at] = atMs;
    this.#sequences[at] = sequence;
    this.#events[at] = event;
    this.lastMs = atMs;
  }

  shift(): T | undefined {
    const event = this.#events[this.#head];
    this.#events[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#timesMs.length - 1);
    this.length--;
    return event;
  }

  #grow(): void {
    const unroll = (array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const larger = doubled(array);
      larger.copyWithin(array.length, 0, this.#head); // what had wrapped around goes on behind the old end
      return larger;
    };
    this.#events = [...this.#events, ...this.#events.slice(0, this.#head), ...new Array(this.length - this.#head)];
    this.#timesMs = unroll(this.#timesMs);
    this.#sequences = unroll(this.#sequences);
  }
}

/** A copy with twice the room. */
export function doubled(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * array.length);
  larger.set(array);
  return larger;
}
