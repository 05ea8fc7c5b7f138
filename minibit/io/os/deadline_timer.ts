/** Calls at the deadline of a core; an earlier deadline takes the place of a later one. Milliseconds as of `performance.now()`. */
export class DeadlineTimer {
  readonly #callback: () => void;
  #timer: Timer | undefined;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(callback: () => void) {
    this.#callback = callback;
  }

  /** Rings at `deadlineMs`, unless it does so sooner anyway: who asks again then loses nothing. */
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
      Math.max(0, Math.ceil(deadlineMs - performance.now())), // Bun drops the fraction: early, there is nothing to do
    );
  }

  /** Rings no more. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
