import type { LiveLink } from "./link.ts";

/** Why a leecher waits for no unit: all who have what it lacks choke it, or nobody it knows has anything that is not on its way. */
export type IdleReason = "choked" | "nothing to ask";

/** Where the time of a transfer went, in milliseconds. */
export interface TimeUse {
  /** From the start of sharing until everything was held, or now. */
  readonly leechingMs: number;
  /** Of those: no unit was on its way in. */
  readonly idleMs: { readonly [Reason in IdleReason]: number };
  /** From the first unit given to the last. */
  readonly givingMs: number;
  /** Of those: nobody was being given anything. */
  readonly uplinkIdleMs: number;
}

/** Keeps the time a peer spends waiting, and for what. */
export class Stopwatch {
  readonly #startMs: number;
  #completeMs: number | undefined;
  #lastMs: number;
  #idle: IdleReason | undefined;
  readonly #idleMs = { choked: 0, "nothing to ask": 0 };
  #givingSinceMs: number | undefined;
  #firstGivenMs: number | undefined;
  #lastGivenMs = 0;
  #givenMs = 0;

  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#lastMs = nowMs;
  }

  /**
   * Called when something may have changed.
   *
   * @param now.idle undefined: units are on their way in, or nothing is lacking
   */
  note(
    now: { readonly idle: IdleReason | undefined; readonly isComplete: boolean; readonly isGiving: boolean },
    nowMs: number,
  ): void {
    if (this.#idle !== undefined) {
      this.#idleMs[this.#idle] += nowMs - this.#lastMs;
    }
    this.#idle = now.idle;
    this.#lastMs = nowMs;
    if (now.isComplete) {
      this.#completeMs ??= nowMs;
    }
    if (now.isGiving) {
      this.#givingSinceMs ??= nowMs;
      this.#firstGivenMs ??= nowMs;
    } else if (this.#givingSinceMs !== undefined) {
      this.#givenMs += nowMs - this.#givingSinceMs;
      this.#givingSinceMs = undefined;
      this.#lastGivenMs = nowMs;
    }
  }

  /** What it has come to. */
  read(nowMs: number): TimeUse {
    const isGiving = this.#givingSinceMs !== undefined;
    const givingMs = this.#firstGivenMs === undefined ? 0 : (isGiving ? nowMs : this.#lastGivenMs) - this.#firstGivenMs;
    const givenMs = this.#givenMs + nowMs - (this.#givingSinceMs ?? nowMs);
    return {
      leechingMs: (this.#completeMs ?? nowMs) - this.#startMs,
      idleMs: { ...this.#idleMs },
      givingMs,
      uplinkIdleMs: Math.max(0, givingMs - givenMs),
    };
  }
}

/** Why a leecher with no unit on its way waits. */
export function idleReasonOf(links: Iterable<LiveLink>): IdleReason {
  for (const { download } of links) {
    if (download.useful > 0 && download.choked) {
      return "choked";
    }
  }
  return "nothing to ask";
}
