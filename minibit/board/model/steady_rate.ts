/** What was this long ago counts 1/e. */
const MEMORY_MS = 2000;

/** A rate without the ups and downs of a few seconds: the mean over time, in which what was last counts most. */
export class SteadyRate {
  #now = 0;
  #lastMs: number;
  #sum = 0;
  /** How much time `sum` stands for: in the beginning it is short, and no rate from before is made up. */
  #spanMs = 0;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** From `nowMs` on it is so much more, or less. */
  note(change: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#lastMs;
    if (elapsedMs > 0 && (this.#now > 0 || this.#sum > 0)) {
      const kept = Math.exp(-elapsedMs / MEMORY_MS);
      this.#sum = this.#sum * kept + this.#now * MEMORY_MS * (1 - kept);
      this.#spanMs = this.#spanMs * kept + MEMORY_MS * (1 - kept);
    }
    this.#lastMs = Math.max(this.#lastMs, nowMs);
    this.#now = Math.max(0, this.#now + change);
  }

  get perSecond(): number {
    return this.#spanMs > 0 ? this.#sum / this.#spanMs : this.#now;
  }
}
