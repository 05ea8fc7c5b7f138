/** Calls back at the deadline of a core. An earlier deadline replaces a later one. Milliseconds as of `performance.now()`. */
export class DeadlineTimer {
  readonly #callback: () => void;
  #timer: Timer | undefined;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(callback: () => void) {
    this.#callback = callback;
  }

  /** Sets a deadline. An earlier one that is set already stays: the callback sets the next deadline again. */
  set(deadlineMs: number): void {
    if (deadlineMs >= this.#atMs) {
      return;
    }
    clearTimeout(this.#timer);
    this.#atMs = deadlineMs;
    this.#timer = setTimeout(
      () => {
        this.#atMs = Number.POSITIVE_INFINITY;
        this.#callback();
      },
      Math.max(0, Math.ceil(deadlineMs - performance.now())), // rounded up: Bun drops the fraction, and before the deadline nothing is due
    );
  }

  /** Cancels the deadline. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
