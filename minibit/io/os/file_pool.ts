import { closeSync, fstatSync, type Stats } from "node:fs";
import { assert } from "../../core/base/errors.ts";
import { descriptorBudget, isOutOfDescriptors } from "./descriptors.ts";
import { DiskWriter } from "./disk_writer.ts";
import { readAt } from "./file_io.ts";

interface OpenFile {
  readonly fd: number;
  /** Writes in progress; the file stays open until they are done. */
  writes: number;
}

/**
 * Reads and writes in many files with few of them open: the one unused for longest is closed when another is needed.
 * Files are told apart by number; the owner knows how to open each. Methods throw what the system throws.
 */
export class FilePool {
  readonly #open: (file: number) => number;
  #capacity: number;
  readonly #writer: DiskWriter;
  /** From the longest unused to the last used: the order a Map keeps. */
  readonly #files = new Map<number, OpenFile>();

  /** @param open gives a descriptor for a file; it may throw */
  constructor(
    open: (file: number) => number,
    capacity: number = descriptorBudget().files,
    writer: DiskWriter = new DiskWriter(),
  ) {
    this.#open = open;
    this.#capacity = capacity;
    this.#writer = writer;
  }

  /**
   * Fills `into` from `position` on.
   *
   * @returns how many bytes there were; fewer than asked only at the end of the file
   */
  read(file: number, into: Uint8Array, position: number): number {
    return readAt(this.#use(file).fd, into, position);
  }

  /**
   * Writes all of `bytes` at `position`; they may change after the call.
   *
   * @returns undefined when all is written already; what the system throws comes by the promise
   */
  write(file: number, bytes: Uint8Array, position: number): Promise<void> | undefined {
    try {
      const open = this.#use(file);
      const writing = this.#writer.write(open.fd, bytes, position);
      if (writing === undefined) {
        return undefined;
      }
      open.writes++;
      return writing.finally(() => open.writes--);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Size, times and mode of a file. */
  status(file: number): Stats {
    return fstatSync(this.#use(file).fd);
  }

  /** Closes a file if it is open; no write to it may be on its way. */
  forget(file: number): void {
    const open = this.#files.get(file);
    if (open !== undefined) {
      assert(open.writes === 0, () => `file ${file} is not in use`);
      this.#files.delete(file);
      closeSync(open.fd);
    }
  }

  /** Closes all files; no write may be on its way. */
  close(): void {
    for (const file of [...this.#files.keys()]) {
      this.forget(file);
    }
  }

  #use(file: number): OpenFile {
    const known = this.#files.get(file);
    if (known !== undefined) {
      this.#files.delete(file);
      this.#files.set(file, known);
      return known;
    }
    this.#closeUnused();
    const opened = { fd: this.#openWithRetry(file), writes: 0 };
    this.#files.set(file, opened);
    return opened;
  }

  /** Opens a file. When the process has no descriptor left, the pool closes a file and keeps fewer open from now on. */
  #openWithRetry(file: number): number {
    for (;;) {
      try {
        return this.#open(file);
      } catch (error) {
        const before = this.#files.size;
        this.#capacity = Math.max(1, before);
        this.#closeUnused();
        if (!isOutOfDescriptors(error) || this.#files.size === before) {
          throw error;
        }
      }
    }
  }

  #closeUnused(): void {
    for (const [file, open] of this.#files) {
      if (this.#files.size < this.#capacity) {
        return;
      }
      if (open.writes === 0) {
        this.forget(file);
      }
    }
  }
}
