import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_BLOCKS } from "../base/limits.ts";
import { defaultBlockSize, FileMap, Geometry } from "./geometry.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

describe("Geometry", () => {
  test("makes only the last block shorter", () => {
    const geometry = new Geometry(2500, 1024);
    expect(geometry.blockCount).toBe(3);
    expect([0, 1, 2].map((block) => geometry.lengthOf(block))).toEqual([1024, 1024, 452]);
    expect(geometry.offsetOf(2)).toBe(2048);
    expect(() => geometry.lengthOf(3)).toThrow("Assertion failed");
  });

  test("gives an empty share no blocks, and a full last block its full length", () => {
    expect(new Geometry(0, 1024).blockCount).toBe(0);
    expect(new Geometry(2048, 1024).blockCount).toBe(2);
    expect(new Geometry(2048, 1024).lengthOf(1)).toBe(1024);
    expect(new Geometry(1, 1024).lengthOf(0)).toBe(1);
  });

  test("knows which ranges lie inside a block", () => {
    const geometry = new Geometry(2500, 1024);
    expect(geometry.contains(2, 0, 452)).toBe(true);
    expect(geometry.contains(2, 0, 453)).toBe(false);
    expect(geometry.contains(2, 452, 1)).toBe(false);
    expect(geometry.contains(0, 1023, 1)).toBe(true);
    expect(geometry.contains(0, 0, 0)).toBe(false);
    expect(geometry.contains(0, -1, 2)).toBe(false);
    expect(geometry.contains(3, 0, 1)).toBe(false);
    expect(geometry.contains(0.5, 0, 1)).toBe(false);
    expect(geometry.contains(Number.NaN, 0, 1)).toBe(false);
  });

  test("covers every byte once", () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 5000 }), (sizeBytes, blockSizeBytes) => {
        const geometry = new Geometry(sizeBytes, blockSizeBytes);
        let end = 0;
        for (let block = 0; block < geometry.blockCount; block++) {
          expect(geometry.offsetOf(block)).toBe(end);
          expect(geometry.lengthOf(block)).toBeGreaterThan(0);
          end += geometry.lengthOf(block);
        }
        expect(end).toBe(sizeBytes);
      }),
    );
  });
});

describe("defaultBlockSize()", () => {
  test.each([
    [0, KIB],
    [1, KIB],
    [17 * KIB, KIB],
    [2 * MIB - 1, KIB],
    [2 * MIB, 2 * KIB],
    [300 * MIB, 256 * KIB],
    [GIB, MIB],
    [4 * GIB, MIB],
    [8 * GIB - 1, MIB],
    [8 * GIB, 2 * MIB],
    [16 * GIB, 4 * MIB],
    [100 * GIB, 4 * MIB],
  ])("of %i bytes is %i", (sizeBytes, expected) => {
    expect(defaultBlockSize(sizeBytes)).toBe(expected);
  });

  test("makes 1024 to 2048 blocks up to 1 MiB, 4096 to 8192 above, and never more than allowed", () => {
    const sizes = fc.oneof(fc.integer({ min: MIB, max: 2 * GIB - 1 }), fc.integer({ min: MIB, max: 32 * GIB - 1 }));
    fc.assert(
      fc.property(sizes, (sizeBytes) => {
        const blockSizeBytes = defaultBlockSize(sizeBytes);
        const { blockCount } = new Geometry(sizeBytes, blockSizeBytes);
        expect(blockCount).toBeGreaterThanOrEqual(blockSizeBytes > MIB ? 4096 : 1024);
        expect(blockCount).toBeLessThanOrEqual(sizeBytes < 2 * GIB ? 2048 : 8192);
      }),
    );
    expect(Number.MAX_SAFE_INTEGER / defaultBlockSize(Number.MAX_SAFE_INTEGER)).toBeLessThanOrEqual(MAX_BLOCKS);
  });
});

describe("FileMap", () => {
  test("cuts a range at the borders of files and skips empty ones", () => {
    const map = new FileMap([0, 5, 0, 3, 0]);
    expect(map.slices(0, 8)).toEqual([
      { file: 1, offset: 0, length: 5 },
      { file: 3, offset: 0, length: 3 },
    ]);
    expect(map.slices(4, 2)).toEqual([
      { file: 1, offset: 4, length: 1 },
      { file: 3, offset: 0, length: 1 },
    ]);
    expect(map.slices(8, 0)).toEqual([]);
    expect(() => map.slices(7, 2)).toThrow("Assertion failed");
    expect(new FileMap([]).slices(0, 0)).toEqual([]);
  });

  test("lays any range over the same bytes as the files one after the other", () => {
    const sizes = fc.array(fc.nat(20), { maxLength: 30 });
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (fileSizes, a, b) => {
        const stream = fileSizes.flatMap((size, file) => Array.from({ length: size }, (_, at) => `${file}:${at}`));
        const offset = a % (stream.length + 1);
        const length = b % (stream.length - offset + 1);
        const laid = new FileMap(fileSizes)
          .slices(offset, length)
          .flatMap((slice) => Array.from({ length: slice.length }, (_, i) => `${slice.file}:${slice.offset + i}`));
        expect(laid).toEqual(stream.slice(offset, offset + length));
      }),
    );
  });
});
