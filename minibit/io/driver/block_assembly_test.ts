import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ownedCopy } from "../../core/base/owned_copy.ts";
import { sha256 } from "../store/block_hasher.ts";
import { BlockAssembly, type Evidence } from "./block_assembly.ts";

const block = new Uint8Array(1000).map((_, i) => i * 7);
const expectedHash = sha256(block);

type Piece = readonly [peerId: number, length: number, isWrong?: boolean];

/** Assembles the block from pieces; a wrong one has its first byte changed. */
function assemble(pieces: readonly Piece[], evidence?: Evidence) {
  const assembly = new BlockAssembly({ expectedHash, evidence });
  let at = 0;
  for (const [peerId, length, isWrong] of pieces) {
    const bytes = ownedCopy(block.subarray(at, at + length));
    if (isWrong === true) {
      bytes[0] = ~(bytes[0] ?? 0);
    }
    assembly.append(bytes, peerId);
    at += length;
    expect(assembly.receivedBytes).toBe(at);
  }
  expect(at).toBe(block.length);
  return assembly.finish();
}

describe("BlockAssembly", () => {
  test("accepts a right block, from one peer or several, in any pieces", () => {
    expect(assemble([[1, 1000]])).toEqual({ ok: true });
    expect(
      assemble([
        [1, 1],
        [1, 499],
        [2, 500],
      ]),
    ).toEqual({ ok: true });
  });

  test("convicts the only peer of a bad block at once", () => {
    expect(
      assemble([
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
    const bad = assemble(pieces);
    expect(bad.ok).toBe(false);
    expect(bad.culprit).toBeUndefined();
    expect(assemble([[9, 1000]], bad.evidence)).toEqual({ ok: true, culprit });
  });

  test("keeps the evidence when the next attempt comes whole from a liar", () => {
    const bad = assemble([
      [1, 500, true],
      [2, 500],
    ]);
    const worse = assemble([[3, 1000, true]], bad.evidence);
    expect(worse.culprit).toBe(3);
    expect(assemble([[4, 1000]], worse.evidence)).toEqual({ ok: true, culprit: 1 });
  });

  test("forgets a bad attempt in favour of a later one with several peers", () => {
    const bad = assemble([
      [1, 500, true],
      [2, 500],
    ]);
    const again = assemble(
      [
        [2, 100],
        [3, 900, true],
      ],
      bad.evidence,
    );
    expect(again.culprit).toBeUndefined();
    expect(assemble([[4, 1000]], again.evidence)).toEqual({ ok: true, culprit: 3 });
  });

  test("judges a block that never began as bad, and blames nobody", () => {
    expect(new BlockAssembly({ expectedHash }).finish()).toEqual({ ok: false });
  });

  test("never blames an honest peer, however blocks are cut and liars spread", () => {
    const piece = fc.record({ peerId: fc.nat(4), weight: fc.integer({ min: 1, max: 50 }), lies: fc.boolean() });
    const attempt = fc.array(piece, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 4 }), attempt, (attempts, last) => {
        const liars = new Set<number>();
        let evidence: Evidence | undefined;
        for (const pieces of [...attempts, last.map((p) => ({ ...p, lies: false }))]) {
          const total = pieces.reduce((sum, { weight }) => sum + weight, 0);
          const lengths = pieces.map(({ weight }) => Math.floor((weight / total) * block.length));
          lengths[0] = (lengths[0] ?? 0) + block.length - lengths.reduce((sum, length) => sum + length, 0);
          const result = assemble(
            pieces.map(({ peerId, lies }, i): Piece => [peerId, lengths[i] ?? 0, lies]),
            evidence,
          );
          for (const { peerId, lies } of pieces) {
            if (lies) {
              liars.add(peerId);
            }
          }
          expect(result.ok).toBe(!pieces.some(({ lies }) => lies));
          if (result.culprit !== undefined) {
            expect(liars.has(result.culprit)).toBe(true);
          }
          evidence = result.evidence;
        }
      }),
    );
  });
});
