import { expect, test } from "bun:test";
import fc from "fast-check";
import { ProtocolError } from "../base/errors.ts";
import { MAX_BLOCKS, MAX_RUNS } from "../base/limits.ts";
import { Bitfield } from "../share/bitfield.ts";
import {
  bitfield,
  blob,
  bool,
  type Codec,
  enumOf,
  fixedBytes,
  list,
  Reader,
  runs,
  size64,
  struct,
  text,
  toRuns,
  u8,
  u16,
  u32,
  Writer,
} from "./codec.ts";

function write<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}

/** Reads a value that takes all of `bytes`. */
function read<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  expect(reader.left).toBe(0);
  return value;
}

function roundTrip<T>(codec: Codec<T>, value: T): T {
  return read(codec, write(codec, value));
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** A run of block numbers as it stands on the wire. */
function wireRuns(...found: [start: number, length: number][]): Uint8Array {
  const writer = new Writer();
  writer.u16(found.length);
  for (const [start, length] of found) {
    writer.u32(start);
    writer.u32(length);
  }
  return writer.finish();
}

const anyBitfield = fc.array(fc.boolean(), { maxLength: 100 }).map((bits) => {
  const field = new Bitfield(bits.length);
  for (const [i, bit] of bits.entries()) {
    if (bit) {
      field.add(i);
    }
  }
  return field;
});

test("numbers are big-endian and survive the round trip", () => {
  expect(write(u16, 0x0102)).toEqual(bytes(1, 2));
  expect(write(u32, 0x01020304)).toEqual(bytes(1, 2, 3, 4));
  expect(write(size64, 0x0102)).toEqual(bytes(0, 0, 0, 0, 0, 0, 1, 2));
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xff }), (v) => roundTrip(u8, v) === v));
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff }), (v) => roundTrip(u16, v) === v));
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), (v) => roundTrip(u32, v) === v));
  fc.assert(fc.property(fc.maxSafeNat(), (v) => roundTrip(size64, v) === v));
});

test("a number out of its range is our bug, not something to send", () => {
  for (const [codec, value] of [
    [u8, 256],
    [u16, -1],
    [u32, 2 ** 32],
    [u32, 1.5],
    [size64, 2 ** 53],
  ] as const) {
    expect(() => write(codec, value)).toThrow("Assertion failed");
  }
});

test("a size above 2^53 - 1 is refused", () => {
  expect(read(size64, bytes(0, 0x1f, 255, 255, 255, 255, 255, 255))).toBe(Number.MAX_SAFE_INTEGER);
  expect(() => read(size64, bytes(0, 0x20, 0, 0, 0, 0, 0, 0))).toThrow(ProtocolError);
});

test("a flag is 0 or 1, a word one of its list", () => {
  expect(roundTrip(bool, true)).toBe(true);
  expect(roundTrip(bool, false)).toBe(false);
  expect(() => read(bool, bytes(2))).toThrow(ProtocolError);
  const colour = enumOf(["red", "green"]);
  expect(roundTrip(colour, "green")).toBe("green");
  expect(() => read(colour, bytes(2))).toThrow("red, green");
});

test("text is UTF-8 and keeps what looks like a byte order mark", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (v) => roundTrip(text(1000), v) === v));
  expect(roundTrip(text(10), "\ufeffa")).toBe("\ufeffa");
  expect(() => read(text(10), bytes(0, 2, 0xc3, 0x28))).toThrow("not UTF-8");
});

test("text that is too long is cut at a character when written and refused when read", () => {
  expect(roundTrip(text(5), "aé漢字")).toBe("aé");
  expect(() => read(text(2), bytes(0, 3, 97, 97, 97))).toThrow("at most 2");
});

test("blobs and fixed bytes are copies, which survive a reused receive buffer", () => {
  const received = write(blob(8), bytes(1, 2, 3));
  const value = read(blob(8), received);
  const fixed = read(fixedBytes(2), received.subarray(5));
  received.fill(0);
  expect(value).toEqual(bytes(1, 2, 3));
  expect(fixed).toEqual(bytes(2, 3));
});

test("what is read from a Buffer, whose slices are views, is a copy too, and no Buffer itself", () => {
  const some = new Bitfield(16);
  some.add(3);
  const hold = <T>(codec: Codec<T>, value: T): T => {
    const wire = write(codec, value);
    const received = Buffer.from(new ArrayBuffer(2000 + wire.length));
    received.set(wire, 2000);
    const kept = read(codec, received.subarray(2000));
    received.fill(0xa5);
    received.buffer.transfer(0);
    return kept;
  };
  for (const codec of [blob(8), fixedBytes(3)]) {
    const kept = hold(codec, bytes(1, 2, 3));
    expect(kept).toEqual(bytes(1, 2, 3));
    expect(Object.getPrototypeOf(kept)).toBe(Uint8Array.prototype);
    expect(kept.buffer.byteLength).toBe(3);
  }
  expect([...hold(bitfield, some)]).toEqual([3]);
  expect(hold(text(10), "olá")).toBe("olá");
  expect(hold(list(fixedBytes(2), 3), [bytes(1, 2), bytes(3, 4)])).toEqual([bytes(1, 2), bytes(3, 4)]);
  expect(hold(struct<{ readonly id: Uint8Array }>({ id: fixedBytes(1) }), { id: bytes(7) })).toEqual({ id: bytes(7) });
});

test("a length above the cap, or above what came, is refused before anything is allocated for it", () => {
  expect(() => read(blob(8), bytes(0, 0, 0, 9))).toThrow("at most 8");
  expect(() => read(blob(0xffffffff), bytes(255, 255, 255, 255))).toThrow("0 left");
  expect(() => read(list(u8, 2), bytes(0, 3, 1, 1, 1))).toThrow("at most 2");
  expect(() => read(list(u32, 0xffff), bytes(255, 255))).toThrow("0 left");
  expect(() => read(bitfield, bytes(1, 255, 255, 255, 255))).toThrow("at most");
  expect(() => read(bitfield, bytes(2, 0, 16, 0, 0))).toThrow("0 left");
});

test("structs and lists nest", () => {
  const points = list(struct<{ readonly x: number; readonly on: boolean }>({ x: u16, on: bool }), 3);
  const value = [
    { x: 1, on: true },
    { x: 65535, on: false },
  ];
  expect(roundTrip(points, value)).toEqual(value);
});

test("runs carry rising block numbers compactly", () => {
  expect(toRuns([0, 1, 2, 7, 9, 10])).toEqual([
    [0, 3],
    [7, 1],
    [9, 2],
  ]);
  expect(write(runs, [5, 6, 7])).toEqual(bytes(0, 1, 0, 0, 0, 5, 0, 0, 0, 3));
  const rising = fc.uniqueArray(fc.integer({ min: 0, max: MAX_BLOCKS - 1 }), { maxLength: 200 });
  fc.assert(
    fc.property(rising, (blocks) => {
      blocks.sort((a, b) => a - b);
      expect(roundTrip(runs, blocks)).toEqual(blocks);
    }),
  );
  expect(() => toRuns([3, 3])).toThrow("Assertion failed");
});

test("runs that overlap, go back, are empty or leave the share are refused", () => {
  for (const bad of [
    wireRuns([0, 5], [4, 1]),
    wireRuns([9, 1], [3, 1]),
    wireRuns([3, 0]),
    wireRuns([MAX_BLOCKS - 1, 2]),
    wireRuns([0xffffffff, 0xffffffff]),
  ]) {
    expect(() => read(runs, bad)).toThrow(ProtocolError);
  }
});

test("a few bytes cannot become a list of a million blocks", () => {
  expect(read(runs, wireRuns([0, MAX_RUNS]))).toHaveLength(MAX_RUNS);
  expect(() => read(runs, wireRuns([0, MAX_RUNS + 1]))).toThrow(ProtocolError);
  expect(() => read(runs, wireRuns([0, MAX_RUNS], [MAX_RUNS + 9, 1]))).toThrow(ProtocolError);
});

test("bitfields survive the round trip, full and empty ones in five bytes", () => {
  fc.assert(
    fc.property(anyBitfield, (field) => {
      const copy = roundTrip(bitfield, field);
      expect([copy.size, copy.count, ...copy]).toEqual([field.size, field.count, ...field]);
    }),
  );
  expect(write(bitfield, new Bitfield(1000))).toHaveLength(5);
  expect(write(bitfield, Bitfield.full(1000))).toHaveLength(5);
});

test("a bitfield with a spare bit or of an unknown form is refused", () => {
  expect([...read(bitfield, bytes(2, 0, 0, 0, 3, 0b1010_0000))]).toEqual([0, 2]);
  expect(() => read(bitfield, bytes(2, 0, 0, 0, 3, 0b1011_0000))).toThrow("spare bits");
  expect(() => read(bitfield, bytes(3, 0, 0, 0, 3))).toThrow(ProtocolError);
});

test("a writer grows to what is written", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
      const writer = new Writer();
      for (const piece of pieces) {
        writer.bytes(piece);
      }
      expect(writer.finish()).toEqual(Uint8Array.from(pieces.flatMap((piece) => [...piece])));
    }),
  );
});
