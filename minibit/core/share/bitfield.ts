import { assert } from "../base/errors.ts";

/** A fixed set of block numbers, one bit each, most significant bit first (BEP 3); `count` is kept, not counted. */
export class Bitfield {
  readonly size: number;
  readonly #bytes: Uint8Array;
  #count = 0;

  constructor(size: number) {
    this.size = size;
    this.#bytes = new Uint8Array(byteLength(size));
  }

  /** A set of all numbers below `size`. */
  static full(size: number): Bitfield {
    const field = new Bitfield(size);
    field.#bytes.fill(0xff);
    if (size % 8 !== 0) {
      field.#bytes[field.#bytes.length - 1] = 0xff << (8 - (size % 8));
    }
    field.#count = size;
    return field;
  }

  /**
   * Reads the wire form; copies `bytes`.
   *
   * @returns the set, or `undefined` when the length is wrong or a spare bit is set
   */
  static fromBytes(bytes: Uint8Array, size: number): Bitfield | undefined {
    if (bytes.length !== byteLength(size)) {
      return undefined;
    }
    const spareBits = bytes.length * 8 - size;
    if (spareBits > 0 && ((bytes[bytes.length - 1] ?? 0) & ((1 << spareBits) - 1)) !== 0) {
      return undefined;
    }
    const field = new Bitfield(size);
    field.#bytes.set(bytes);
    for (const byte of bytes) {
      field.#count += popcount(byte);
    }
    return field;
  }

  /** How many numbers are in the set. */
  get count(): number {
    return this.#count;
  }

  /** Whether every number is in the set. */
  get complete(): boolean {
    return this.#count === this.size;
  }

  /** The wire form, not a copy: do not change it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  has(index: number): boolean {
    return ((this.#bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
  }

  /** Puts `index` in; returns whether it was new. */
  add(index: number): boolean {
    assert(index >= 0 && index < this.size, () => `bit ${index} of ${this.size}`);
    if (this.has(index)) {
      return false;
    }
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] ?? 0) | (0x80 >> (index & 7));
    this.#count++;
    return true;
  }

  /** Takes `index` out; returns whether it was in. */
  delete(index: number): boolean {
    if (!this.has(index)) {
      return false;
    }
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] ?? 0) & ~(0x80 >> (index & 7));
    this.#count--;
    return true;
  }

  clone(): Bitfield {
    const copy = new Bitfield(this.size);
    copy.#bytes.set(this.#bytes);
    copy.#count = this.#count;
    return copy;
  }

  /** The members in rising order. */
  *[Symbol.iterator](): Generator<number> {
    for (let byte = 0; byte < this.#bytes.length; byte++) {
      const bits = this.#bytes[byte] ?? 0;
      for (let bit = 0; bits !== 0 && bit < 8; bit++) {
        if ((bits & (0x80 >> bit)) !== 0) {
          yield byte * 8 + bit;
        }
      }
    }
  }
}

/** Bytes that `size` bits take. */
export function byteLength(size: number): number {
  return Math.ceil(size / 8);
}

function popcount(byte: number): number {
  let bits = byte;
  let count = 0;
  while (bits !== 0) {
    bits &= bits - 1;
    count++;
  }
  return count;
}
