// Room io/os: the operating system: files, addresses, signals, timers, logs, sizes and times as text.
// It knows no share, no message and no flag, and imports no other room of io.

/** Reading at a place in an open file, whole, at the least cost a call. */
import { constants, read, readSync } from "node:fs";

/**
 * Opens for reading without surprises: a symbolic link is an error, and a FIFO that appeared in a file's place does not
 * block (neither flag exists on Windows).
 */
export const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Opens for writing and reading back; creates the file, does not empty it. */
export const WRITE_FLAGS = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

/** How much is read in one go when a file is streamed. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Fills `into` from `position` on.
 *
 * @returns how many bytes there were; fewer than asked only at the end of the file
 */
export function readAt(fd: number, into: Uint8Array, position: number): number {
  let done = 0;
  while (done < into.length) {
    const got = readSync(fd, into, done, into.length - done, position + done);
    if (got === 0) {
      break;
    }
    done += got;
  }
  return done;
}

/** Streams files through two reused buffers: while one is worked on, the other is filled. */
export class FileStreamer {
  #current = new Uint8Array(CHUNK_BYTES);
  #next = new Uint8Array(CHUNK_BYTES);

  /**
   * Hands the first `sizeBytes` of a file to `use`, piece by piece; a piece is valid during the call only.
   *
   * @returns how many bytes there were
   */
  async read(fd: number, sizeBytes: number, use: (bytes: Uint8Array) => void): Promise<number> {
    if (sizeBytes <= CHUNK_BYTES) {
      const got = readAt(fd, this.#current.subarray(0, sizeBytes), 0);
      use(this.#current.subarray(0, got));
      return got;
    }
    let done = 0;
    let got = await this.#fill(fd, 0, sizeBytes);
    while (got > 0) {
      [this.#current, this.#next] = [this.#next, this.#current];
      done += got;
      const ahead = this.#fill(fd, done, sizeBytes - done);
      use(this.#current.subarray(0, got));
      got = await ahead;
    }
    return done;
  }

  #fill(fd: number, position: number, left: number): Promise<number> {
    const length = Math.min(left, CHUNK_BYTES);
    if (length === 0) {
      return Promise.resolve(0);
    }
    return new Promise((resolve, reject) => {
      read(fd, this.#next, 0, length, position, (error, got) => {
        error ? reject(error) : resolve(got);
      });
    });
  }
}
