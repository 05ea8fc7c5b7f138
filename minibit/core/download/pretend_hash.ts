import type { Geometry } from "../share/geometry.ts";
import type { BlockHashing, Part, RunningHash } from "./block_reassembly.ts";

/** Bytes that are never sent: how many, and whether they are wrong. */
export interface PretendBytes extends Part {
  readonly isWrong: boolean;
}

/** Blocks without bytes: the hash of one tells how long it is and where it is wrong. */
export function pretendHashing(geometry: Geometry): BlockHashing<PretendBytes, string> {
  return {
    create: () => new PretendHash(),
    same: (a, b) => a === b,
    expected: (block) => `${geometry.lengthOf(block)}`,
    slice: ({ isWrong }, start, end) => ({ length: end - start, isWrong }),
  };
}

class PretendHash implements RunningHash<PretendBytes, string> {
  #length = 0;
  /** Where wrong bytes begin and end, one place after the other. */
  #wrong: number[] | undefined;

  update({ length, isWrong }: PretendBytes): void {
    if (isWrong && length > 0) {
      this.#wrong ??= [];
      if (this.#wrong.at(-1) === this.#length) {
        this.#wrong.pop();
      } else {
        this.#wrong.push(this.#length);
      }
      this.#wrong.push(this.#length + length);
    }
    this.#length += length;
  }

  soFar(): string {
    return this.#wrong === undefined ? `${this.#length}` : `${this.#length} wrong ${this.#wrong.join()}`;
  }
}
