import { expect, test } from "bun:test";
import { ownedCopy } from "./owned_copy.ts";

test.each([
  ["a Uint8Array", new Uint8Array(2000)],
  ["a Buffer", Buffer.from(new ArrayBuffer(2000))],
])("a copy of a part of %s stays as it is when that is overwritten, and when its memory is given back", (_, bytes) => {
  bytes.set([1, 2, 3], 1000);
  const copy = ownedCopy(bytes.subarray(1000, 1003));
  bytes.fill(9);
  expect(copy).toEqual(Uint8Array.of(1, 2, 3));
  (bytes.buffer as ArrayBuffer).transfer(0);
  expect(copy).toEqual(Uint8Array.of(1, 2, 3));
  expect(Object.getPrototypeOf(copy)).toBe(Uint8Array.prototype);
  expect(copy.buffer.byteLength).toBe(3);
});
