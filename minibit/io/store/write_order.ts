import { ownedCopy } from "../../core/base/owned_copy.ts";

interface Attempt {
  /** What must be over before this attempt's first write: the attempt before it. */
  readonly after: Promise<void> | undefined;
  readonly writes: Promise<void>[];
}

/**
 * Keeps the asynchronous writes of a block's attempts apart.
 *
 * A block may be discarded and written anew while writes of the first attempt are still on their way to the disk; if
 * one of those landed last, a block whose hash was right would be wrong on disk. So an attempt waits for the one before.
 */
export class WriteOrder {
  readonly #attempts = new Map<number, Attempt>();

  /**
   * Runs `write` with bytes for `offset` of `block`, at once unless an earlier attempt is not over (then with a copy of the
   * bytes: they may change after the call); offset 0 begins anew.
   *
   * @returns undefined when `write` was run and left nothing to wait for
   */
  add(
    block: number,
    part: { readonly offset: number; readonly bytes: Uint8Array },
    write: (bytes: Uint8Array) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    const { offset, bytes } = part;
    const earlier = this.#attempts.get(block);
    const isAnew = offset === 0 && earlier !== undefined && earlier.writes.length > 0;
    const after = isAnew ? settled(earlier) : earlier?.after;
    const kept = after === undefined ? bytes : ownedCopy(bytes);
    const writing = after === undefined ? write(kept) : after.then(() => write(kept));
    if (writing === undefined) {
      return undefined;
    }
    const attempt = isAnew || earlier === undefined ? { after, writes: [] } : earlier;
    this.#attempts.set(block, attempt);
    attempt.writes.push(writing);
    return writing;
  }

  /**
   * Resolves once all writes of the block's present attempt are done, and forgets it.
   *
   * @throws what the first failed write threw
   */
  async finish(block: number): Promise<void> {
    const attempt = this.#attempts.get(block);
    if (attempt !== undefined) {
      await Promise.all(attempt.writes);
      if (this.#attempts.get(block) === attempt) {
        this.#attempts.delete(block);
      }
    }
  }

  /** Ends the block's present attempt: once its writes are over, failed or not, runs `cleanUp`; a new attempt waits for it. */
  async abandon(block: number, cleanUp: () => void): Promise<void> {
    const abandoned = this.#attempts.get(block);
    const over = (abandoned === undefined ? Promise.resolve() : settled(abandoned)).then(cleanUp);
    const next: Attempt = { after: over, writes: [] };
    this.#attempts.set(block, next);
    await over;
    if (this.#attempts.get(block) === next && next.writes.length === 0) {
      this.#attempts.delete(block);
    }
  }

  /** Resolves once no write is on its way. */
  async idle(): Promise<void> {
    await Promise.all([...this.#attempts.values()].map(settled));
  }
}

/** Resolves once an attempt's writes, and what they waited for, are over; failures were told to those who wrote. */
async function settled(attempt: Attempt): Promise<void> {
  await Promise.allSettled([attempt.after, ...attempt.writes]);
}
