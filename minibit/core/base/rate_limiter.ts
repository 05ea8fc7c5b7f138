/** How much may be sent in one burst after a pause; short enough not to be felt as a spike. */
const BURST_MS = 50;

/**
 * A token bucket: at most `bytesPerSecond` over time.
 *
 * A whole unit passes as soon as the bucket is not in debt, and later units wait until the debt is paid. So a unit larger than the
 * bucket still passes, and the mean rate is exact.
 */
export class RateLimiter {
  readonly #bytesPerMs: number;
  #tokens: number;
  #lastMs: number;

  /** @param bytesPerSecond the limit; Infinity for none */
  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#tokens = this.#bytesPerMs * BURST_MS;
    this.#lastMs = nowMs;
  }

  /** Takes `bytes` if the bucket is not in debt; returns whether it did. */
  take(bytes: number, nowMs: number): boolean {
    if (this.readyAtMs(nowMs) > nowMs) {
      return false;
    }
    this.#tokens -= bytes;
    return true;
  }

  /** When `take` will next succeed: `nowMs` if at once. */
  readyAtMs(nowMs: number): number {
    if (this.#bytesPerMs === Number.POSITIVE_INFINITY) {
      this.#tokens = 0;
      return nowMs;
    }
    this.#tokens = Math.min(this.#bytesPerMs * BURST_MS, this.#tokens + (nowMs - this.#lastMs) * this.#bytesPerMs);
    this.#lastMs = nowMs;
    return this.#tokens >= 0 ? nowMs : nowMs + Math.ceil(-this.#tokens / this.#bytesPerMs);
  }
}
