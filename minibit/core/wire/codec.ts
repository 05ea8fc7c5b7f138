import { assert, ProtocolError } from "../base/errors.ts";
import { MAX_BLOCKS, MAX_RUNS } from "../base/limits.ts";
import { ownedCopy } from "../base/owned_copy.ts";
import { Bitfield, byteLength } from "../share/bitfield.ts";

/**
 * Field codecs and frames: how values become bytes, and how bytes from an untrusted peer become values.
 *
 * Frame = u32 big-endian length of what follows, u8 type, body. Every read checks that the bytes are there before it
 * allocates anything for them.
 */

/** Length and type of a frame. */
export const FRAME_HEADER_BYTES = 5;

/** Reads fields one after the other; running past the end is the sender's fault. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#byte(this.#advance(1));
  }

  u16(): number {
    const at = this.#advance(2);
    return this.#byte(at) * 0x100 + this.#byte(at + 1);
  }

  u32(): number {
    // byte by byte: a DataView would make the engine materialise the buffer of every chunk a socket delivers
    const at = this.#advance(4);
    const high = this.#byte(at) * 0x100 + this.#byte(at + 1);
    return high * 0x10000 + this.#byte(at + 2) * 0x100 + this.#byte(at + 3);
  }

  u64(): bigint {
    return BigInt(this.u32()) * 0x1_0000_0000n + BigInt(this.u32());
  }

  /** The next `length` bytes, not a copy: what is kept of them is copied by `ownedCopy`. */
  view(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  #byte(at: number): number {
    return this.#bytes[at] as number;
  }

  #advance(length: number): number {
    if (length > this.left) {
      throw new ProtocolError(`Cannot read ${length} bytes: ${this.left} left in the frame`);
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

/** Writes fields into a buffer that grows; values out of range are our bug. */
export class Writer {
  #bytes = new Uint8Array(64);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  u8(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff, () => `u8 ${value}`);
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, () => `u16 ${value}`);
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, () => `u32 ${value}`);
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
  }

  u64(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
  }

  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
  }

  /** Overwrites a u32 written before, at `offset`. */
  patchU32(offset: number, value: number): void {
    this.#view.setUint32(offset, value);
  }

  get length(): number {
    return this.#at;
  }

  /** What was written, not a copy. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #grow(length: number): number {
    // may replace `#bytes` and `#view`: callers take the offset first, then touch them
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2));
      bigger.set(this.#bytes);
      this.#bytes = bigger;
      this.#view = new DataView(bigger.buffer);
    }
    return at;
  }
}

/** How one field is read and written. */
export interface Codec<T> {
  /** The field's type in words, for `docs/protocol.md`. */
  readonly layout: string;
  /** @throws {ProtocolError} when the bytes are no `T` */
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

export const u8: Codec<number> = { layout: "u8", read: (r) => r.u8(), write: (w, v) => w.u8(v) };
export const u16: Codec<number> = { layout: "u16", read: (r) => r.u16(), write: (w, v) => w.u16(v) };
export const u32: Codec<number> = { layout: "u32", read: (r) => r.u32(), write: (w, v) => w.u32(v) };

/** A u64 that a JavaScript number holds exactly; larger is refused. */
export const size64: Codec<number> = {
  layout: "u64",
  read(r) {
    const value = r.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new ProtocolError(`Cannot use a size of ${value}: above 2^53 - 1`);
    }
    return Number(value);
  },
  write(w, v) {
    assert(Number.isSafeInteger(v) && v >= 0, () => `size64 ${v}`);
    w.u64(BigInt(v));
  },
};

/** One byte, 0 or 1. */
export const bool: Codec<boolean> = {
  layout: "bool",
  read(r) {
    const value = r.u8();
    if (value > 1) {
      throw new ProtocolError(`Cannot read a flag from ${value}`);
    }
    return value === 1;
  },
  write: (w, v) => w.u8(v ? 1 : 0),
};

/** Exactly `length` bytes; reading copies, so the value outlives the receive buffer. */
export function fixedBytes(length: number): Codec<Uint8Array> {
  return {
    layout: `bytes[${length}]`,
    read: (r) => ownedCopy(r.view(length)),
    write(w, v) {
      assert(v.length === length, () => `${v.length} bytes instead of ${length}`);
      w.bytes(v);
    },
  };
}

/** A u32 length and that many bytes, at most `max`; reading copies. */
export function blob(max: number): Codec<Uint8Array> {
  return {
    layout: `bytes(${max})`,
    read(r) {
      const length = r.u32();
      if (length > max) {
        throw new ProtocolError(`Cannot read ${length} bytes: at most ${max} are allowed here`);
      }
      return ownedCopy(r.view(length));
    },
    write(w, v) {
      assert(v.length <= max, () => `blob of ${v.length}`);
      w.u32(v.length);
      w.bytes(v);
    },
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const toUtf8 = new TextEncoder();

/** A u16 length and UTF-8 text of at most `maxBytes`; longer text is cut when written (at a character). */
export function text(maxBytes: number): Codec<string> {
  return {
    layout: `text(${maxBytes})`,
    read(r) {
      const length = r.u16();
      if (length > maxBytes) {
        throw new ProtocolError(`Cannot read a text of ${length} bytes: at most ${maxBytes} are allowed here`);
      }
      const bytes = r.view(length);
      try {
        return utf8.decode(bytes);
      } catch {
        throw new ProtocolError("Cannot read a text that is not UTF-8");
      }
    },
    write(w, v) {
      const scratch = new Uint8Array(maxBytes);
      const { written } = toUtf8.encodeInto(v, scratch);
      w.u16(written);
      w.bytes(scratch.subarray(0, written));
    },
  };
}

/** A u16 count and that many items, at most `max`. */
export function list<T>(item: Codec<T>, max: number): Codec<readonly T[]> {
  return {
    layout: `list(${max}) of ${item.layout}`,
    read(r) {
      const count = r.u16();
      if (count > max) {
        throw new ProtocolError(`Cannot read a list of ${count}: at most ${max} items are allowed here`);
      }
      const items: T[] = [];
      for (let i = 0; i < count; i++) {
        items.push(item.read(r));
      }
      return items;
    },
    write(w, v) {
      assert(v.length <= max, () => `list of ${v.length}`);
      w.u16(v.length);
      for (const value of v) {
        item.write(w, value);
      }
    },
  };
}

/** One of a fixed set of words, sent as its index. */
export function enumOf<const T extends readonly string[]>(words: T): Codec<T[number]> {
  return {
    layout: words.map((word, code) => `${code} ${word}`).join(", "),
    read(r) {
      const word = words[r.u8()];
      if (word === undefined) {
        throw new ProtocolError(`Cannot read a code: not one of ${words.join(", ")}`);
      }
      return word;
    },
    write(w, v) {
      const code = words.indexOf(v);
      assert(code >= 0, () => `code ${v}`);
      w.u8(code);
    },
  };
}

/** Fields one after the other. */
export function struct<T extends object>(fields: { readonly [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const entries = Object.entries(fields) as [keyof T, Codec<T[keyof T]>][];
  return {
    layout: `{ ${entries.map(([name, codec]) => `${String(name)}: ${codec.layout}`).join("; ")} }`,
    read(r) {
      const value: Partial<T> = {};
      for (const [name, codec] of entries) {
        value[name] = codec.read(r);
      }
      return value as T;
    },
    write(w, v) {
      for (const [name, codec] of entries) {
        codec.write(w, v[name]);
      }
    },
  };
}

/**
 * At most MAX_RUNS rising block numbers, as runs of (start u32, length u32).
 *
 * Reading refuses runs that overlap, go back or pass MAX_BLOCKS. The cap is on the numbers, not only on the runs: 12
 * bytes must not become a list of a million.
 */
export const runs: Codec<readonly number[]> = {
  layout: "runs",
  read(r) {
    const count = r.u16();
    const blocks: number[] = [];
    let free = 0;
    for (let i = 0; i < count; i++) {
      const start = r.u32();
      const length = r.u32();
      if (start < free || length === 0 || start + length > MAX_BLOCKS) {
        throw new ProtocolError(`Cannot read the run ${start}+${length}: it must start at ${free} or later and fit`);
      }
      if (blocks.length + length > MAX_RUNS) {
        throw new ProtocolError(`Cannot read ${blocks.length + length} block numbers: at most ${MAX_RUNS} are allowed`);
      }
      free = start + length;
      for (let block = start; block < free; block++) {
        blocks.push(block);
      }
    }
    return blocks;
  },
  write(w, v) {
    assert(v.length <= MAX_RUNS, () => `${v.length} block numbers`);
    const found = toRuns(v);
    w.u16(found.length);
    for (const [start, length] of found) {
      w.u32(start);
      w.u32(length);
    }
  },
};

/** Rising numbers as [start, length] runs. */
export function toRuns(blocks: readonly number[]): [start: number, length: number][] {
  const found: [number, number][] = [];
  for (const block of blocks) {
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === block) {
      last[1]++;
    } else {
      assert(last === undefined || block > last[0] + last[1] - 1, () => `runs of rising numbers, not ${block}`);
      found.push([block, 1]);
    }
  }
  return found;
}

const NONE = 0;
const ALL = 1;
const BITS = 2;

/** A set of blocks: a form (NONE, ALL, BITS), the number of blocks, and for BITS the bits; a spare bit set is refused. */
export const bitfield: Codec<Bitfield> = {
  layout: "bitfield",
  read(r) {
    const form = r.u8();
    const size = r.u32();
    if (size > MAX_BLOCKS) {
      throw new ProtocolError(`Cannot read a bitfield of ${size} blocks: at most ${MAX_BLOCKS} are allowed`);
    }
    if (form === NONE || form === ALL) {
      return form === ALL ? Bitfield.full(size) : new Bitfield(size);
    }
    const field = form === BITS ? Bitfield.fromBytes(r.view(byteLength(size)), size) : undefined;
    if (field === undefined) {
      throw new ProtocolError(`Cannot read a bitfield of form ${form}: unknown form or spare bits set`);
    }
    return field;
  },
  write(w, v) {
    const form = v.count === 0 ? NONE : v.complete ? ALL : BITS;
    w.u8(form);
    w.u32(v.size);
    if (form === BITS) {
      w.bytes(v.bytes);
    }
  },
};
