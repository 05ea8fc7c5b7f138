// Room core/share: the share and its arithmetic: manifest, paths, blocks and units, sets of blocks, how rare each block is.
// It knows no message and no neighbour, and reads no file: a manifest comes in as bytes.

import { assert } from "../base/errors.ts";
import {
  LARGE_BLOCK_BYTES,
  MAX_BLOCKS,
  MAX_DEFAULT_BLOCK_BYTES,
  MIN_BLOCK_BYTES,
  MIN_DEFAULT_BLOCKS,
  MIN_LARGE_BLOCKS,
} from "../base/limits.ts";

/**
 * Converts between share, block and unit. The last block may be shorter: callers ask here and never assume a length.
 *
 * Source: rqbit's `lengths.rs`. All sizes and offsets in bytes.
 */
export class Geometry {
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly blockCount: number;

  constructor(sizeBytes: number, blockSizeBytes: number) {
    assert(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, () => `share of ${sizeBytes} bytes`);
    assert(Number.isSafeInteger(blockSizeBytes) && blockSizeBytes > 0, () => `block of ${blockSizeBytes} bytes`);
    this.sizeBytes = sizeBytes;
    this.blockSizeBytes = blockSizeBytes;
    this.blockCount = Math.ceil(sizeBytes / blockSizeBytes);
  }

  /** Where block `block` starts in the share. */
  offsetOf(block: number): number {
    return block * this.blockSizeBytes;
  }

  /** Length of block `block`; only the last one may be shorter. */
  lengthOf(block: number): number {
    assert(this.holds(block), () => `block ${block} of ${this.blockCount}`);
    return Math.min(this.blockSizeBytes, this.sizeBytes - this.offsetOf(block));
  }

  /** Whether there is a block of this number. */
  holds(block: number): boolean {
    return Number.isInteger(block) && block >= 0 && block < this.blockCount;
  }

  /** Whether `length` bytes at `offset` lie in block `block`; at least one byte. */
  contains(block: number, offset: number, length: number): boolean {
    return this.holds(block) && length > 0 && offset >= 0 && offset + length <= this.lengthOf(block);
  }
}

/** The largest power of two that is no larger than `value`; 1 for all below 2. */
export function powerOfTwoAtMost(value: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, value)));
}

/**
 * `clamp(pow2floor(size / 1024), 1 KiB, 1 MiB)`, for shares of 8 GiB and more `clamp(pow2floor(size / 4096), 2 MiB, 4 MiB)`, doubled
 * until MAX_BLOCKS are enough.
 */
export function defaultBlockSize(sizeBytes: number): number {
  const large = Math.max(LARGE_BLOCK_BYTES, sizeBytes / MIN_LARGE_BLOCKS);
  const wanted = powerOfTwoAtMost(Math.min(sizeBytes / MIN_DEFAULT_BLOCKS, large));
  let size = Math.min(MAX_DEFAULT_BLOCK_BYTES, Math.max(MIN_BLOCK_BYTES, wanted));
  while (sizeBytes / size > MAX_BLOCKS) {
    size *= 2;
  }
  return size;
}

/** One piece of a file that a range of the share covers. */
export interface FileSlice {
  /** Index in the manifest's list of files. */
  readonly file: number;
  /** Where in that file, and how much, in bytes. */
  readonly offset: number;
  readonly length: number;
}

/** Maps ranges of the share's byte stream to pieces of its files. */
export class FileMap {
  /** Where each file starts; one entry more than files, the last is the share's size. */
  readonly #starts: number[] = [0];

  constructor(fileSizes: readonly number[]) {
    let end = 0;
    for (const size of fileSizes) {
      end += size;
      this.#starts.push(end);
    }
  }

  /** The pieces of files under `length` bytes of the share at `offset`, in order; empty files have none. */
  slices(offset: number, length: number): FileSlice[] {
    const found: FileSlice[] = [];
    const end = offset + length;
    let file = this.#fileAt(offset);
    let at = offset;
    while (at < end) {
      const start = this.#starts[file];
      const next = this.#starts[file + 1];
      assert(start !== undefined && next !== undefined, () => `byte ${at} is in the share`);
      const take = Math.min(end, next) - at;
      if (take > 0) {
        found.push({ file, offset: at - start, length: take });
        at += take;
      }
      file++;
    }
    return found;
  }

  /** Where in the share the bytes of a file are. */
  rangeOf(file: number): { readonly offset: number; readonly length: number } {
    const [offset = 0, end = offset] = this.#starts.slice(file, file + 2);
    return { offset, length: end - offset };
  }

  /** The last file that starts at or before `offset`, by bisection. */
  #fileAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}
