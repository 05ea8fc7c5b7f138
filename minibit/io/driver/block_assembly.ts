import { CryptoHasher } from "bun";
import { sameDigest } from "../store/block_hasher.ts";

/** Where one peer's bytes of a block end, and the hash of all bytes up to there. */
interface Contribution {
  readonly peerId: number;
  readonly endOffset: number;
  readonly prefixDigest: Uint8Array;
}

/**
 * A bad block to which several peers contributed: which of them lied shows when the right bytes are there. The last
 * contribution needs no digest, it is to blame when all before it were right.
 */
export interface Evidence {
  readonly earlier: readonly Contribution[];
  readonly lastPeerId: number;
}

/** What a block turned out to be. */
export interface AssemblyResult {
  /** Whether the hash is right. */
  readonly ok: boolean;
  /** The peer that sent wrong bytes: in this block, or in the bad one before it. */
  readonly culprit?: number;
  /** For a bad block whose culprit is open: what the next assembly of this block needs to find it. */
  readonly evidence?: Evidence;
}

/**
 * One block that comes in front to back, hashed as it comes, with a record of who sent what.
 *
 * A bad block from one peer convicts that peer. From several, the hash of the bytes at each change of hands is kept; once
 * the right block is there, the first of these that differs names the culprit.
 *
 * Source: the idea of libtorrent's `smart_ban.cpp`, with one hash a contribution in place of one a unit.
 */
export class BlockAssembly {
  readonly #expectedHash: Uint8Array;
  readonly #evidence: Evidence | undefined;
  readonly #hasher = new CryptoHasher("sha256");
  readonly #earlier: Contribution[] = [];
  #lastPeerId: number | undefined;
  #receivedBytes = 0;
  /** How many contributions of the evidence were compared, and the first that differs. */
  #compared = 0;
  #differing: number | undefined;

  /** @param options.evidence from the bad assembly of this block before */
  constructor(options: { readonly expectedHash: Uint8Array; readonly evidence?: Evidence | undefined }) {
    this.#expectedHash = options.expectedHash;
    this.#evidence = options.evidence;
  }

  /** How many bytes came so far; the next ones continue there. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Takes the next bytes; they may change after the call. */
  append(bytes: Uint8Array, peerId: number): void {
    if (this.#lastPeerId !== undefined && this.#lastPeerId !== peerId) {
      this.#earlier.push({
        peerId: this.#lastPeerId,
        endOffset: this.#receivedBytes,
        prefixDigest: this.#prefixDigest(),
      });
    }
    this.#lastPeerId = peerId;
    this.#hash(this.#compare(bytes));
  }

  /** Judges the block; call it once, when all bytes came. */
  finish(): AssemblyResult {
    const culprit = this.#differing ?? this.#evidence?.lastPeerId;
    if (sameDigest(this.#hasher.digest(), this.#expectedHash)) {
      return { ok: true, ...(culprit !== undefined && { culprit }) };
    }
    const lastPeerId = this.#lastPeerId;
    if (lastPeerId === undefined) {
      return { ok: false };
    }
    if (this.#earlier.every(({ peerId }) => peerId === lastPeerId)) {
      return { ok: false, culprit: lastPeerId, ...(this.#evidence && { evidence: this.#evidence }) };
    }
    return { ok: false, evidence: { earlier: this.#earlier, lastPeerId } };
  }

  /** Stops at each place where hands changed in the evidence; returns the bytes behind the last. */
  #compare(bytes: Uint8Array): Uint8Array {
    let rest = bytes;
    for (;;) {
      const next = this.#evidence?.earlier[this.#compared];
      if (next === undefined || next.endOffset > this.#receivedBytes + rest.length) {
        return rest;
      }
      const length = next.endOffset - this.#receivedBytes;
      this.#hash(rest.subarray(0, length));
      rest = rest.subarray(length);
      this.#compared++;
      if (this.#differing === undefined && !sameDigest(this.#prefixDigest(), next.prefixDigest)) {
        this.#differing = next.peerId;
      }
    }
  }

  #hash(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
    this.#receivedBytes += bytes.length;
  }

  #prefixDigest(): Uint8Array {
    return this.#hasher.copy().digest();
  }
}
