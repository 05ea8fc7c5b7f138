import type { TimedEvent } from "../model/board_event.ts";
import { BoardModel } from "../model/board_model.ts";

/** From one keyframe to the next: so many events are applied in a few milliseconds. */
const KEYFRAME_EVENTS = 3000;

interface Keyframe {
  /** How many events it stands for. */
  readonly events: number;
  readonly snapshot: readonly TimedEvent[];
}

/**
 * A recording on a board, at any moment of it. On the way forward it keeps snapshots, so that going back applies a few
 * thousand events and not all from the start.
 */
export class Playback {
  readonly #events: readonly TimedEvent[];
  readonly #every: number;
  readonly #keyframes: Keyframe[] = [{ events: 0, snapshot: [] }];
  #model = new BoardModel();
  /** How many events the model has taken in. */
  #applied = 0;
  #nowMs = 0;

  constructor(events: readonly TimedEvent[], options: { readonly keyframeEvents?: number } = {}) {
    this.#events = events;
    this.#every = options.keyframeEvents ?? KEYFRAME_EVENTS;
  }

  /** The board at `nowMs`. Another one after each jump: do not keep it. */
  get model(): BoardModel {
    return this.#model;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How long the recording is. */
  get endMs(): number {
    return this.#events.at(-1)?.t ?? 0;
  }

  /** Goes to a moment: afterwards the board has heard every event up to it, and no later one. */
  seek(t: number): void {
    this.#nowMs = Math.max(0, Math.min(t, this.endMs));
    const target = this.#countUpTo(this.#nowMs);
    const keyframe = this.#keyframes.findLast(({ events }) => events <= target) as Keyframe;
    if (target < this.#applied || keyframe.events > this.#applied) {
      this.#restore(keyframe);
    }
    while (this.#applied < target) {
      this.#model.apply(this.#events[this.#applied] as TimedEvent);
      this.#applied++;
      const last = this.#keyframes.at(-1) as Keyframe;
      if (this.#applied >= last.events + this.#every) {
        this.#keyframes.push({ events: this.#applied, snapshot: this.#model.snapshot() });
      }
    }
  }

  #restore(keyframe: Keyframe): void {
    this.#model = new BoardModel();
    for (const event of keyframe.snapshot) {
      this.#model.apply(event);
    }
    this.#applied = keyframe.events;
  }

  /** How many events are not later than `t`, by halving. */
  #countUpTo(t: number): number {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle] as TimedEvent).t <= t) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
