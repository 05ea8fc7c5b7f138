import { write, writeSync } from "node:fs";
import { ownedCopy } from "../../core/base/owned_copy.ts";

/** A write that takes longer than this waits for the disk. A shorter pause may come from a busy processor. */
const SLOW_WRITE_MS = 100;
/** After a slow write, another thread does the writes for this long. */
const CAUTION_MS = 1000;

/** The system calls of a DiskWriter; tests replace them. */
export interface WriteCalls {
  readonly write: typeof write;
  readonly writeSync: typeof writeSync;
}

/**
 * Writes all of the given bytes at a place in an open file: after a partial write it writes the rest.
 *
 * A write usually only copies to the page cache. A synchronous write is then cheapest: a switch to another thread costs more than
 * the copy. But when the disk cannot keep up, the system makes writers wait. So after one slow write a thread writes copies of the
 * next ones for a while, and the event loop keeps serving heartbeats and links.
 */
export class DiskWriter {
  readonly #nowMs: () => number;
  readonly #calls: WriteCalls;
  #threadUntilMs = Number.NEGATIVE_INFINITY;

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
      if (startMs < this.#threadUntilMs) {
        return this.#writeAllInThread(fd, ownedCopy(bytes.subarray(done)), position + done);
      }
      done += takenBytes(this.#calls.writeSync(fd, bytes, done, bytes.length - done, position + done));
      this.#note(startMs);
    }
    return undefined;
  }

  async #writeAllInThread(fd: number, bytes: Uint8Array, position: number): Promise<void> {
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
      this.#threadUntilMs = endMs + CAUTION_MS;
    }
  }
}

/**
 * Checks how many bytes a write took. Some file systems answer 0 in place of an error, and a retry would never end.
 *
 * @throws {Error} with code EIO when the write took no bytes
 */
export function takenBytes(written: number): number {
  if (written <= 0) {
    throw Object.assign(new Error(`EIO: the system took ${written} bytes of a write`), { code: "EIO" });
  }
  return written;
}
