/** Bytes that came this long ago weigh 1/e. */
const MEMORY_MS = 1000;
/** Shortest time a rate is measured over: below it, scheduling decides the figure. */
const MIN_SPAN_MS = 10;
/** Shortest time a steady rate is measured over: a shaped uplink lets the first bytes through at once. */
const STEADY_SPAN_MS = 250;

/**
 * Measures bytes a second as an exponentially weighted mean over time: recent bytes count most.
 *
 * Dividing the weighted bytes by the equally weighted time makes it right from the first bytes on, where a plain
 * moving average starts at zero and takes seconds to warm up.
 */
export class RateMeter {
  #bytes = 0;
  #spanMs = 0;
  #lastMs: number;
  #total = 0;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** All bytes ever added. */
  get totalBytes(): number {
    return this.#total;
  }

  add(bytes: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#bytes += bytes;
    this.#total += bytes;
  }

  /** Bytes a second as of `nowMs`. */
  bytesPerSecond(nowMs: number): number {
    this.#advance(nowMs);
    return (this.#bytes * 1000) / Math.max(MIN_SPAN_MS, this.#spanMs);
  }

  /** Like `bytesPerSecond`, but over at least STEADY_SPAN_MS: a new meter starts low and approaches the rate. */
  steadyBytesPerSecond(nowMs: number): number {
    this.#advance(nowMs);
    return (this.#bytes * 1000) / Math.max(STEADY_SPAN_MS, this.#spanMs);
  }

  /** Like `bytesPerSecond`, but without a change to the meter: for statistics. */
  peek(nowMs: number): number {
    const kept = Math.exp(-Math.max(0, nowMs - this.#lastMs) / MEMORY_MS);
    const spanMs = this.#spanMs * kept + MEMORY_MS * (1 - kept);
    return (this.#bytes * kept * 1000) / Math.max(MIN_SPAN_MS, spanMs);
  }

  /** Ignores the time since the last call, in which no bytes were due. */
  resume(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  #advance(nowMs: number): void {
    const elapsedMs = nowMs - this.#lastMs;
    if (elapsedMs > 0) {
      const kept = Math.exp(-elapsedMs / MEMORY_MS);
      this.#bytes *= kept;
      this.#spanMs = this.#spanMs * kept + MEMORY_MS * (1 - kept);
      this.#lastMs = nowMs;
    }
  }
}
