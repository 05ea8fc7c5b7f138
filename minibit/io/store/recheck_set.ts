import { Bitfield } from "../../core/share/bitfield.ts";

/**
 * The blocks of a store that must be hashed again before they are served: those whose file has changed since they were verified,
 * and all of them once one was found damaged.
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

  /** The block was just verified. */
  markVerified(block: number): void {
    this.#blocks.delete(block);
  }
}
