/** Weight of the past: what happened this long ago counts 1/e. */
const MEMORY_MS = 1000;
/** A rate over less than this would be an accident of scheduling. */
const MIN_SPAN_MS = 10;
/** A rate to plan with is one over at least this: a shaped uplink lets the first bytes through at once. */
const STEADY_SPAN_MS = 250;

/**
 * Bytes a second, recent bytes counting most: an exponentially weighted mean over time.
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

  /** Like `bytesPerSecond`, but what came so far counts as if it had taken STEADY_SPAN_MS at least: it grows into the rate. */
  steadyBytesPerSecond(nowMs: number): number {
    this.#advance(nowMs);
    return (this.#bytes * 1000) / Math.max(STEADY_SPAN_MS, this.#spanMs);
  }

  /** The same for an onlooker: the meter stays as it is. */
  peek(nowMs: number): number {
    const kept = Math.exp(-Math.max(0, nowMs - this.#lastMs) / MEMORY_MS);
    const spanMs = this.#spanMs * kept + MEMORY_MS * (1 - kept);
    return (this.#bytes * kept * 1000) / Math.max(MIN_SPAN_MS, spanMs);
  }

  /** Leaves the time since the last call out of account: nothing was due in it. */
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
