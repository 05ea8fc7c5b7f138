import { write, writeSync } from "node:fs";
import { ownedCopy } from "../core/owned_copy.ts";

/** A write that took longer than this was held up by the disk; shorter pauses come from busy processors as well. */
const SLOW_WRITE_MS = 100;
/** After a slow write, writes are left to another thread for this long. */
const CAUTION_MS = 1000;

/**
 * Writes at a place in an open file, whole.
 *
 * As a rule a write only copies to the page cache. Then doing it at once is cheapest: handing it to another thread costs
 * more than the copy. But when the disk cannot follow, the system makes writers wait; so after one slow write copies of the
 * next ones go to a thread for a while, and the event loop, with all heartbeats and links, goes on.
 */
export class DiskWriter {
  readonly #nowMs: () => number;
  #asideUntilMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /**
   * Writes all of `bytes` at `position`; they may change after the call, also while a promise is pending.
   *
   * @returns undefined when all is written, as a rule; throws what the system throws
   */
  write(fd: number, bytes: Uint8Array, position: number): Promise<void> | undefined {
    for (let done = 0; done < bytes.length; ) {
      const startMs = this.#nowMs();
      if (startMs < this.#asideUntilMs) {
        return this.#writeAside(fd, ownedCopy(bytes.subarray(done)), position + done);
      }
      done += writeSync(fd, bytes, done, bytes.length - done, position + done);
      this.#note(startMs);
    }
    return undefined;
  }

  async #writeAside(fd: number, bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const startMs = this.#nowMs();
      done += await writeInThread(fd, bytes.subarray(done), position + done);
      this.#note(startMs);
    }
  }

  #note(startMs: number): void {
    const endMs = this.#nowMs();
    if (endMs - startMs > SLOW_WRITE_MS) {
      this.#asideUntilMs = endMs + CAUTION_MS;
    }
  }
}

/** The callback form: half the processor time of `FileHandle.write` here. */
function writeInThread(fd: number, bytes: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, position, (error, written) => {
      error ? reject(error) : resolve(written);
    });
  });
}
