import { describe, expect, test } from "bun:test";
import { CryptoHasher } from "bun";
import fc from "fast-check";
import { ownedCopy } from "../base/owned_copy.ts";
import { type BlockHashing, BlockReassembly, type BlockVerdict } from "./block_reassembly.ts";

const block = new Uint8Array(1000).map((_, i) => i * 7);

const SHA256: BlockHashing<Uint8Array, string> = {
  create: () => {
    const hasher = new CryptoHasher("sha256");
    return { update: (bytes) => void hasher.update(bytes), soFar: () => hasher.copy().digest("hex") };
  },
  same: (a, b) => a === b,
  expected: () => new CryptoHasher("sha256").update(block).digest("hex"),
  slice: (bytes, start, end) => bytes.subarray(start, end),
};

type Piece = readonly [peerId: number, length: number, isWrong?: boolean];

/** Assembles a block from pieces, as often as it is called; a wrong piece has its first byte changed. */
function assembler(): (pieces: readonly Piece[]) => Omit<BlockVerdict, "byEvidence"> {
  const reassembly = new BlockReassembly(SHA256);
  return (pieces) => {
    let at = 0;
    for (const [peerId, length, isWrong] of pieces) {
      const part = ownedCopy(block.subarray(at, at + length));
      if (isWrong === true) {
        part[0] = ~(part[0] ?? 0);
      }
      expect(reassembly.append(0, { at, part, peerId })).toEqual(part);
      at += length;
      expect(reassembly.receivedBytes(0)).toBe(at);
    }
    expect(at).toBe(block.length);
    const { ok, culprit } = reassembly.finish(0);
    expect(reassembly.has(0)).toBe(false);
    return { ok, culprit };
  };
}

describe("BlockReassembly", () => {
  test("accepts a right block, from one peer or several, in any pieces", () => {
    expect(assembler()([[1, 1000]])).toEqual({ ok: true, culprit: undefined });
    expect(
      assembler()([
        [1, 1],
        [1, 499],
        [2, 500],
      ]),
    ).toEqual({ ok: true, culprit: undefined });
  });

  test("convicts the only peer of a bad block at once", () => {
    expect(
      assembler()([
        [5, 300],
        [5, 700, true],
      ]),
    ).toEqual({ ok: false, culprit: 5 });
  });

  test.each<[string, number, readonly Piece[]]>([
    [
      "first",
      1,
      [
        [1, 200, true],
        [2, 300],
        [3, 500],
      ],
    ],
    [
      "second",
      2,
      [
        [1, 200],
        [2, 300, true],
        [3, 500],
      ],
    ],
    [
      "last",
      3,
      [
        [1, 200],
        [2, 300],
        [3, 500, true],
      ],
    ],
    [
      "first of two liars",
      2,
      [
        [1, 200],
        [2, 300, true],
        [1, 500, true],
      ],
    ],
  ])("finds the %s of several once the right block came", (_, culprit, pieces) => {
    const assemble = assembler();
    expect(assemble(pieces)).toEqual({ ok: false, culprit: undefined });
    expect(assemble([[9, 1000]])).toEqual({ ok: true, culprit });
  });

  test("keeps the evidence when the next attempt comes whole from a liar", () => {
    const assemble = assembler();
    assemble([
      [1, 500, true],
      [2, 500],
    ]);
    expect(assemble([[3, 1000, true]]).culprit).toBe(3);
    expect(assemble([[4, 1000]])).toEqual({ ok: true, culprit: 1 });
  });

  test("forgets a bad attempt in favour of a later one with several peers", () => {
    const assemble = assembler();
    assemble([
      [1, 500, true],
      [2, 500],
    ]);
    const again = assemble([
      [2, 100],
      [3, 900, true],
    ]);
    expect(again.culprit).toBeUndefined();
    expect(assemble([[4, 1000]])).toEqual({ ok: true, culprit: 3 });
  });

  test("judges a block that never began as bad, and blames nobody", () => {
    expect(new BlockReassembly(SHA256).finish(0)).toEqual({ ok: false, culprit: undefined, byEvidence: false });
  });

  test("takes only what continues a block, and of what overlaps the news", () => {
    const reassembly = new BlockReassembly(SHA256);
    const part = (start: number, end: number) => ({ at: start, part: block.subarray(start, end), peerId: 1 });
    expect(reassembly.append(0, part(10, 20))).toBeUndefined(); // a gap
    expect(reassembly.append(0, part(0, 20))).toEqual(block.subarray(0, 20));
    expect(reassembly.append(0, part(5, 20))).toBeUndefined(); // nothing new
    expect(reassembly.append(0, part(15, 30))).toEqual(block.subarray(20, 30));
    expect(reassembly.receivedBytes(0)).toBe(30);
    reassembly.discard(0);
    expect(reassembly.receivedBytes(0)).toBe(0);
  });

  test("never blames an honest peer, however blocks are cut and liars spread", () => {
    const piece = fc.record({ peerId: fc.nat(4), weight: fc.integer({ min: 1, max: 50 }), lies: fc.boolean() });
    const attempt = fc.array(piece, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 4 }), attempt, (attempts, last) => {
        const liars = new Set<number>();
        const assemble = assembler();
        for (const pieces of [...attempts, last.map((p) => ({ ...p, lies: false }))]) {
          const total = pieces.reduce((sum, { weight }) => sum + weight, 0);
          const lengths = pieces.map(({ weight }) => Math.floor((weight / total) * block.length));
          lengths[0] = (lengths[0] ?? 0) + block.length - lengths.reduce((sum, length) => sum + length, 0);
          const result = assemble(pieces.map(({ peerId, lies }, i): Piece => [peerId, lengths[i] ?? 0, lies]));
          for (const { peerId, lies } of pieces) {
            if (lies) {
              liars.add(peerId);
            }
          }
          expect(result.ok).toBe(!pieces.some(({ lies }) => lies));
          if (result.culprit !== undefined) {
            expect(liars.has(result.culprit)).toBe(true);
          }
        }
      }),
    );
  });
});
