import { write, writeSync } from "node:fs";
import { ownedCopy } from "../../core/base/owned_copy.ts";

/** A write that took longer than this was held up by the disk; shorter pauses come from busy processors as well. */
const SLOW_WRITE_MS = 100;
/** After a slow write, writes are left to another thread for this long. */
const CAUTION_MS = 1000;

/** The calls of the system that a DiskWriter makes; they are handed in by tests. */
export interface WriteCalls {
  readonly write: typeof write;
  readonly writeSync: typeof writeSync;
}

/**
 * Writes at a place in an open file, whole: what the system did not take of a write is written again from there.
 *
 * As a rule a write only copies to the page cache. Then doing it at once is cheapest: handing it to another thread costs
 * more than the copy. But when the disk cannot follow, the system makes writers wait; so after one slow write copies of the
 * next ones go to a thread for a while, and the event loop, with all heartbeats and links, goes on.
 */
export class DiskWriter {
  readonly #nowMs: () => number;
  readonly #calls: WriteCalls;
  #asideUntilMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number = () => performance.now(), calls: WriteCalls = { write, writeSync }) {
    this.#nowMs = nowMs;
    this.#calls = calls;
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
      done += takenBytes(this.#calls.writeSync(fd, bytes, done, bytes.length - done, position + done));
      this.#note(startMs);
    }
    return undefined;
  }

  async #writeAside(fd: number, bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const startMs = this.#nowMs();
      done += takenBytes(await this.#writeInThread(fd, bytes.subarray(done), position + done));
      this.#note(startMs);
    }
  }

  /** The callback form: half the processor time of `FileHandle.write` here. */
  #writeInThread(fd: number, bytes: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#calls.write(fd, bytes, 0, bytes.length, position, (error, written) => {
        error ? reject(error) : resolve(written);
      });
    });
  }

  #note(startMs: number): void {
    const endMs = this.#nowMs();
    if (endMs - startMs > SLOW_WRITE_MS) {
      this.#asideUntilMs = endMs + CAUTION_MS;
    }
  }
}

/**
 * How many bytes a write took: some file systems answer 0 where they should tell an error, and who tries again would try for ever.
 *
 * @throws {Error} with code EIO when it took none
 */
export function takenBytes(written: number): number {
  if (written <= 0) {
    throw Object.assign(new Error(`EIO: the system took ${written} bytes of a write`), { code: "EIO" });
  }
  return written;
}
