import { Bitfield } from "../../core/share/bitfield.ts";

/**
 * Which blocks of a store must be hashed again before they are given away: those whose file has changed since they were verified, and all
 * of them once one was found damaged.
 */
export class RecheckSet {
  readonly #blocks: Bitfield;

  constructor(blockCount: number) {
    this.#blocks = new Bitfield(blockCount);
  }

  has(block: number): boolean {
    return this.#blocks.has(block);
  }

  add(block: number): void {
    this.#blocks.add(block);
  }

  /** One block was damaged, so others may be. */
  addAll(): void {
    for (let block = 0; block < this.#blocks.size; block++) {
      this.#blocks.add(block);
    }
  }

  /** The block was verified just now. */
  markVerified(block: number): void {
    this.#blocks.delete(block);
  }
}
