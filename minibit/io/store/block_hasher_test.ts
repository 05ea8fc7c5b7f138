import { expect, test } from "bun:test";
import fc from "fast-check";
import { ownedCopy } from "../../core/base/owned_copy.ts";
import { Geometry } from "../../core/share/geometry.ts";
import { BlockHasher, sameDigest, sha256 } from "./block_hasher.ts";

test("BlockHasher gives each block's hash, however the stream is cut, and none to a block with a gap", () => {
  const part = fc.record({ length: fc.nat(50), missing: fc.boolean() });
  fc.assert(
    fc.property(fc.array(part), fc.integer({ min: 1, max: 40 }), (parts, blockSizeBytes) => {
      const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
      const stream = new Uint8Array(sizeBytes).map((_, i) => i * 31);
      const geometry = new Geometry(sizeBytes, blockSizeBytes);
      const seen: (Uint8Array | undefined)[] = [];
      const hasher = new BlockHasher(geometry, (block, digest) => {
        expect(block).toBe(seen.length);
        seen.push(digest);
      });

      const gaps = new Set<number>();
      let at = 0;
      for (const { length, missing } of parts) {
        missing ? hasher.skip(length) : hasher.update(stream.subarray(at, at + length));
        for (let byte = at; missing && byte < at + length; byte++) {
          gaps.add(Math.floor(byte / blockSizeBytes));
        }
        at += length;
      }

      expect(seen).toHaveLength(geometry.blockCount);
      for (const [block, digest] of seen.entries()) {
        const from = geometry.offsetOf(block);
        const expected = sha256(stream.subarray(from, from + geometry.lengthOf(block)));
        expect(digest).toEqual(gaps.has(block) ? undefined : expected);
      }
    }),
  );
});

test("BlockHasher takes no more than the share", () => {
  const hasher = new BlockHasher(new Geometry(3, 2), () => {});
  hasher.update(new Uint8Array(3));
  hasher.update(new Uint8Array(0));
  expect(() => hasher.update(new Uint8Array(1))).toThrow("Assertion failed");
});

test("sameDigest() compares all bytes", () => {
  const digest = sha256(new TextEncoder().encode("abc"));
  expect(digest.toHex()).toStartWith("ba7816bf");
  expect(sameDigest(digest, ownedCopy(digest))).toBe(true);
  expect(sameDigest(digest, sha256(new Uint8Array()))).toBe(false);
});
