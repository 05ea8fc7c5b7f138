/** Sizes of buffers are multiples of this, so that a buffer fits the next payload too. */
const GRAIN_BYTES = 16 * 1024;

/**
 * Buffers in which payloads wait until the kernel has taken them, shared by all connections of a process.
 *
 * A peer has far more neighbours than payloads in flight: a buffer for each connection would waste 64 MiB.
 */
export class SendBuffers {
  readonly #maxIdleBytes: number;
  readonly #idle: Uint8Array[] = [];
  #idleBytes = 0;

  /** @param maxIdleBytes what is kept for the next payloads; buffers beyond it are left to the garbage collector */
  constructor(maxIdleBytes: number) {
    this.#maxIdleBytes = maxIdleBytes;
  }

  /** Bytes of the buffers that wait for a payload. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** A buffer of at least `bytes`, with whatever was in it before. */
  take(bytes: number): Uint8Array {
    const at = this.#idle.findIndex((buffer) => buffer.length >= bytes);
    const [found] = at === -1 ? [] : this.#idle.splice(at, 1);
    if (found === undefined) {
      return new Uint8Array(Math.ceil(bytes / GRAIN_BYTES) * GRAIN_BYTES);
    }
    this.#idleBytes -= found.length;
    return found;
  }

  /** Returns a buffer from `take` whose bytes are not needed any more. */
  give(buffer: Uint8Array): void {
    if (this.#idleBytes + buffer.length > this.#maxIdleBytes) {
      return;
    }
    // the small ones first: `take` finds the smallest that is large enough
    const at = this.#idle.findIndex(({ length }) => length >= buffer.length);
    this.#idle.splice(at === -1 ? this.#idle.length : at, 0, buffer);
    this.#idleBytes += buffer.length;
  }
}
