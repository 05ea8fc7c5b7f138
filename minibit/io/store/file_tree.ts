import { mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { FileMap } from "../../core/share/geometry.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { errorCode } from "../os/disk_error.ts";
import { READ_FLAGS, WRITE_FLAGS } from "../os/file_io.ts";
import { FilePool } from "../os/file_pool.ts";
import { filePath } from "./share.ts";

/** Times of files come as fractions of milliseconds, some of them by way of rounding. */
const STAMP_ERROR_MS = 1;

/** A copy of a share, whole or in the making: its byte stream laid over its files. Offsets are the stream's. */
export class FileTree {
  #root: string;
  #writable: boolean;
  readonly #manifest: Manifest;
  readonly #map: FileMap;
  readonly #pool: FilePool;
  /** When the status of a finished file changed, as far as it was looked at. */
  readonly #changeTimes = new Map<number, number>();
  /** Since when nobody should write to the copy, by the clock that files are stamped with, which counts parts of milliseconds too. */
  #finishedMs = Date.now() + 1;

  /**
   * @param options.root its file or folder
   * @param options.writable whether files may be created and written to
   */
  constructor(manifest: Manifest, options: { readonly root: string; readonly writable: boolean }) {
    this.#manifest = manifest;
    this.#root = options.root;
    this.#writable = options.writable;
    this.#map = new FileMap(manifest.files.map((file) => file.sizeBytes));
    this.#pool = new FilePool((file) => this.#open(file));
  }

  /**
   * Writes `bytes`, which may change after the call.
   *
   * @returns undefined when all is written already; what the system throws comes by the promise
   */
  write(offset: number, bytes: Uint8Array): Promise<void> | undefined {
    const writes: Promise<void>[] = [];
    let done = 0;
    for (const slice of this.#map.slices(offset, bytes.length)) {
      const part = slice.length === bytes.length ? bytes : bytes.subarray(done, done + slice.length);
      const writing = this.#pool.write(slice.file, part, slice.offset);
      if (writing !== undefined) {
        writes.push(writing);
      }
      done += slice.length;
    }
    return writes.length === 0 ? undefined : all(writes);
  }

  /**
   * Fills `into`; throws what the system throws.
   *
   * @returns whether all bytes were there
   */
  read(offset: number, into: Uint8Array): boolean {
    let done = 0;
    for (const slice of this.#map.slices(offset, into.length)) {
      const part = slice.length === into.length ? into : into.subarray(done, done + slice.length);
      if (this.#pool.read(slice.file, part, slice.offset) < part.length) {
        return false;
      }
      done += slice.length;
    }
    return true;
  }

  /**
   * Looks whether files under these bytes of a finished copy were written to, as far as their status tells, since they were looked at
   * last, or since the copy was finished.
   *
   * @returns the byte ranges of the share that lie in changed files
   */
  changedUnder(offset: number, length: number): { readonly offset: number; readonly length: number }[] {
    const changed: { readonly offset: number; readonly length: number }[] = [];
    for (const slice of this.#map.slices(offset, length)) {
      const { ctimeMs } = this.#pool.status(slice.file);
      const known = this.#changeTimes.get(slice.file);
      this.#changeTimes.set(slice.file, ctimeMs);
      if (known === undefined ? ctimeMs > this.#finishedMs + STAMP_ERROR_MS : ctimeMs !== known) {
        changed.push(this.#map.rangeOf(slice.file));
      }
    }
    return changed;
  }

  /**
   * The copy is finished: it lies at `root` now, and is only read from here on.
   *
   * @param newestChangeMs when the status of one of its files changed last, as the file system stamps it: its clock may be some
   * milliseconds behind ours, so that a change right afterwards would seem older than this moment
   */
  finished(root: string, newestChangeMs: number): void {
    this.#root = root;
    this.#writable = false;
    this.#finishedMs = newestChangeMs;
    if (this.#manifest.kind === "file") {
      this.#changeTimes.set(0, this.#pool.status(0).ctimeMs); // its own name has changed
    }
  }

  /** Closes all files; no write may be on its way. */
  close(): void {
    this.#pool.close();
  }

  #open(index: number): number {
    const file = this.#manifest.files[index];
    const path = filePath(this.#root, this.#manifest.kind, file?.path ?? "");
    if (!this.#writable) {
      return openSync(path, READ_FLAGS);
    }
    const mode = file?.executable === true ? 0o777 : 0o666;
    try {
      return openSync(path, WRITE_FLAGS, mode);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") {
        throw error;
      }
      mkdirSync(dirname(path), { recursive: true });
      return openSync(path, WRITE_FLAGS, mode);
    }
  }
}

async function all(writes: readonly Promise<void>[]): Promise<void> {
  await Promise.all(writes);
}
