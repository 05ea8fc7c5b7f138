import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Bitfield, byteLength } from "./bitfield.ts";

describe("Bitfield", () => {
  test("behaves as a set of numbers", () => {
    const command = fc.record({ add: fc.boolean(), index: fc.nat(40) });
    fc.assert(
      fc.property(fc.integer({ min: 41, max: 70 }), fc.array(command), (size, commands) => {
        const field = new Bitfield(size);
        const model = new Set<number>();
        for (const { add, index } of commands) {
          const changed = add ? !model.has(index) : model.has(index);
          expect(add ? field.add(index) : field.delete(index)).toBe(changed);
          add ? model.add(index) : model.delete(index);
        }
        expect([...field]).toEqual([...model].sort((a, b) => a - b));
        expect(field.count).toBe(model.size);
        expect(field.complete).toBe(false);
      }),
    );
  });

  test("knows when it is full, and that an empty set of nothing is", () => {
    for (const size of [0, 1, 7, 8, 9, 1000]) {
      const full = Bitfield.full(size);
      expect(full.complete).toBe(true);
      expect(full.count).toBe(size);
      expect([...full]).toEqual(Array.from({ length: size }, (_, i) => i));
      expect(Bitfield.fromBytes(full.bytes, size)?.complete).toBe(true);
    }
  });

  test("takes the first number as the most significant bit", () => {
    const field = new Bitfield(10);
    field.add(0);
    field.add(9);
    expect(field.bytes).toEqual(new Uint8Array([0x80, 0x40]));
  });

  test("survives its wire form", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(99)), (members) => {
        const field = new Bitfield(100);
        for (const member of members) {
          field.add(member);
        }
        const read = Bitfield.fromBytes(field.bytes, 100);
        expect(read?.bytes).toEqual(field.bytes);
        expect(read?.count).toBe(field.count);
      }),
    );
  });

  test("refuses a wrong length and spare bits", () => {
    expect(Bitfield.fromBytes(new Uint8Array(1), 9)).toBeUndefined();
    expect(Bitfield.fromBytes(new Uint8Array(3), 9)).toBeUndefined();
    expect(Bitfield.fromBytes(new Uint8Array([0, 0x40]), 9)).toBeUndefined();
    expect(Bitfield.fromBytes(new Uint8Array([0, 0x80]), 9)?.count).toBe(1);
    expect(Bitfield.fromBytes(new Uint8Array(0), 0)?.complete).toBe(true);
  });

  test("holds nothing outside its range, and refuses to take it in", () => {
    const field = Bitfield.full(9);
    expect([-1, 9, 15, 16, 1e9].some((index) => field.has(index))).toBe(false);
    expect(field.delete(12)).toBe(false);
    expect(() => field.add(9)).toThrow("Assertion failed");
    expect(() => field.add(-1)).toThrow("Assertion failed");
  });

  test("clones into a set of its own, and copies the bytes it reads", () => {
    const field = new Bitfield(8);
    const copy = field.clone();
    copy.add(3);
    expect(field.has(3)).toBe(false);
    const bytes = new Uint8Array([0xff]);
    const read = Bitfield.fromBytes(bytes, 8);
    bytes[0] = 0;
    expect(read?.count).toBe(8);
  });
});

test("byteLength() rounds up", () => {
  expect([0, 1, 8, 9].map(byteLength)).toEqual([0, 1, 1, 2]);
});
