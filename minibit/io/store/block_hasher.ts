import { CryptoHasher } from "bun";
import { assert } from "../../core/base/errors.ts";
import type { BlockHashing } from "../../core/download/block_reassembly.ts";
import type { Geometry } from "../../core/share/geometry.ts";

/** Cuts a share's byte stream into blocks and hashes each. */
export class BlockHasher {
  readonly #geometry: Geometry;
  readonly #onBlock: (block: number, digest: Uint8Array | undefined) => void;
  /** Reset by `digest`, so one serves all blocks. */
  readonly #hasher = new CryptoHasher("sha256");
  #block = 0;
  #filledBytes = 0;
  /** Whether bytes of the current block were skipped. */
  #hasGap = false;

  /** @param onBlock gets every block in order; the digest is undefined where bytes were skipped */
  constructor(geometry: Geometry, onBlock: (block: number, digest: Uint8Array | undefined) => void) {
    this.#geometry = geometry;
    this.#onBlock = onBlock;
  }

  /** Takes the next bytes of the stream. */
  update(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const length = Math.min(bytes.length - at, this.#leftInBlock());
      if (!this.#hasGap) {
        this.#hasher.update(bytes.subarray(at, at + length));
      }
      at += length;
      this.#advance(length);
    }
  }

  /** Passes over bytes of the stream that are not there: every block they touch comes out without a digest. */
  skip(lengthBytes: number): void {
    let left = lengthBytes;
    while (left > 0) {
      const length = Math.min(left, this.#leftInBlock());
      this.#hasGap = true;
      left -= length;
      this.#advance(length);
    }
  }

  #leftInBlock(): number {
    assert(this.#block < this.#geometry.blockCount, "the stream is no longer than the share");
    return this.#geometry.lengthOf(this.#block) - this.#filledBytes;
  }

  #advance(length: number): void {
    this.#filledBytes += length;
    if (this.#filledBytes < this.#geometry.lengthOf(this.#block)) {
      return;
    }
    const digest = this.#hasher.digest();
    this.#onBlock(this.#block, this.#hasGap ? undefined : digest);
    this.#block++;
    this.#filledBytes = 0;
    this.#hasGap = false;
  }
}

/** Hashes blocks as they come, by SHA-256. @param expected what the hash of a whole block should be */
export function sha256Hashing(expected: (block: number) => Uint8Array): BlockHashing<Uint8Array, Uint8Array> {
  return {
    create: () => {
      const hasher = new CryptoHasher("sha256");
      return { update: (bytes) => void hasher.update(bytes), soFar: () => hasher.copy().digest() };
    },
    same: sameDigest,
    expected,
    slice: (bytes, start, end) => bytes.subarray(start, end),
  };
}

/** The SHA-256 of `bytes`. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new CryptoHasher("sha256").update(bytes).digest();
}

/** Whether two digests are the same. */
export function sameDigest(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
