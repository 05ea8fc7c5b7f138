import type { LiveLink } from "../link/link.ts";

/** Why a leecher waits for no unit: all who have what it lacks choke it, or nobody it knows has anything that is not on its way. */
export type IdleReason = "choked" | "nothing to ask";

/** Where the time of a transfer went, in milliseconds. */
export interface IdleTime {
  /** From the start of sharing until everything was held, or now. */
  readonly leechingMs: number;
  /** Of those: no unit was on its way in. */
  readonly idleMs: { readonly [Reason in IdleReason]: number };
}

/** How much of the time in which it was wanted a peer's uplink was used, in milliseconds. */
export interface UplinkUse {
  /** Somebody wanted blocks of ours. */
  readonly wantedMs: number;
  /** Of those: nobody had asked for anything, and nothing that was given was still on its way out. */
  readonly idleMs: number;
}

/** Keeps how an uplink is used. Time between two looks counts half as what was seen at its beginning, half as at its end. */
export class UplinkWatch {
  #last: { readonly isWanted: boolean; readonly isBusy: boolean } | undefined;
  #lastMs = 0;
  #wantedMs = 0;
  #idleMs = 0;

  /** What it has come to. */
  get use(): UplinkUse {
    return { wantedMs: this.#wantedMs, idleMs: this.#idleMs };
  }

  /**
   * Called now and then, as often as it is to be exact.
   *
   * @param now.isBusy somebody waits to be served, or bytes wait for the network: those the kernel has taken, too
   */
  note(now: { readonly isWanted: boolean; readonly isBusy: boolean }, nowMs: number): void {
    const halfMs = (nowMs - this.#lastMs) / 2;
    for (const { isWanted, isBusy } of this.#last === undefined ? [] : [this.#last, now]) {
      this.#wantedMs += isWanted ? halfMs : 0;
      this.#idleMs += isWanted && !isBusy ? halfMs : 0;
    }
    this.#last = now;
    this.#lastMs = nowMs;
  }
}

/** Keeps the time a peer spends waiting, and for what. */
export class Stopwatch {
  readonly #startMs: number;
  #completeMs: number | undefined;
  #lastMs: number;
  #idle: IdleReason | undefined;
  readonly #idleMs = { choked: 0, "nothing to ask": 0 };

  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#lastMs = nowMs;
  }

  /**
   * Called when something may have changed.
   *
   * @param now.idle undefined: units are on their way in, or nothing is lacking
   */
  note(now: { readonly idle: IdleReason | undefined; readonly isComplete: boolean }, nowMs: number): void {
    if (this.#idle !== undefined) {
      this.#idleMs[this.#idle] += nowMs - this.#lastMs;
    }
    this.#idle = now.idle;
    this.#lastMs = nowMs;
    if (now.isComplete) {
      this.#completeMs ??= nowMs;
    }
  }

  /** What it has come to. */
  read(nowMs: number): IdleTime {
    return {
      leechingMs: (this.#completeMs ?? nowMs) - this.#startMs,
      idleMs: { ...this.#idleMs },
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
