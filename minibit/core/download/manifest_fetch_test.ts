import { expect, test } from "bun:test";
import fc from "fast-check";
import { ProtocolError } from "../base/errors.ts";
import { HANDSHAKE_TIMEOUT_MS, MANIFEST_SLICE_BYTES, MAX_MANIFEST_BYTES } from "../base/limits.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import { ManifestFetch, manifestSlice } from "./manifest_fetch.ts";

function bench() {
  const asked: [link: number, offset: number][] = [];
  const whole: [link: number, bytes: Uint8Array][] = [];
  const fetch = new ManifestFetch({
    ask: (link, offset) => asked.push([link, offset]),
    whole: (link, bytes) => whole.push([link, bytes]),
  });
  const answer = (link: number, message: PeerMessage<"MANIFEST">): void => fetch.received(link, { message, nowMs: 0 });
  return { fetch, asked, whole, answer };
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7);
}

test("what one side cuts into slices the other side joins, whatever the size", () => {
  const near = fc.integer({ min: -1, max: 1 });
  const sizes = fc.tuple(fc.nat(3), near).map(([slices, more]) => slices * MANIFEST_SLICE_BYTES + more);
  fc.assert(
    fc.property(
      sizes.filter((size) => size > 0),
      (size) => {
        const manifest = bytes(size);
        const { fetch, asked, whole, answer } = bench();
        fetch.add(1, 0);
        while (whole.length === 0) {
          const [link, offset] = asked.at(-1) as [number, number];
          answer(link, manifestSlice(manifest, offset));
        }
        expect(whole).toEqual([[1, manifest]]);
        expect(asked).toHaveLength(Math.ceil(size / MANIFEST_SLICE_BYTES));
      },
    ),
    { numRuns: 20 },
  );
});

test("only one neighbour is asked at a time, and the next one from the start when it leaves", () => {
  const { fetch, asked, whole, answer } = bench();
  const manifest = bytes(2 * MANIFEST_SLICE_BYTES);
  fetch.add(1, 0);
  fetch.add(2, 0);
  fetch.add(2, 0);
  answer(1, manifestSlice(manifest, 0));
  fetch.remove(1, 0);
  expect(asked).toEqual([
    [1, 0],
    [1, MANIFEST_SLICE_BYTES],
    [2, 0],
  ]);
  answer(1, manifestSlice(manifest, MANIFEST_SLICE_BYTES)); // too late
  answer(2, manifestSlice(manifest, 0));
  answer(2, manifestSlice(manifest, MANIFEST_SLICE_BYTES));
  expect(whole).toEqual([[2, manifest]]);
});

test("a neighbour without a manifest is passed over", () => {
  const { fetch, asked, answer } = bench();
  fetch.add(1, 0);
  fetch.add(2, 0);
  answer(1, manifestSlice(undefined, 0));
  expect(asked.at(-1)).toEqual([2, 0]);
  answer(2, manifestSlice(undefined, 0));
  fetch.add(1, 0); // it got the manifest meanwhile
  expect(asked.at(-1)).toEqual([1, 0]);
});

test("after a manifest with a wrong hash the next neighbour is asked", () => {
  const { fetch, asked, whole, answer } = bench();
  fetch.add(1, 0);
  fetch.add(2, 0);
  answer(1, manifestSlice(bytes(10), 0));
  fetch.refused(1, 0);
  expect(asked.at(-1)).toEqual([2, 0]);
  answer(2, manifestSlice(bytes(20), 0));
  expect(whole.map(([link, data]) => [link, data.length])).toEqual([
    [1, 10],
    [2, 20],
  ]);
});

test("while a manifest is being checked nobody else is asked, though its sender leaves and others come", () => {
  const { fetch, asked, whole, answer } = bench();
  fetch.add(1, 0);
  answer(1, manifestSlice(bytes(10), 0));
  fetch.remove(1, 0);
  fetch.add(2, 0);
  fetch.add(3, 0);
  fetch.remove(2, 0);
  answer(3, manifestSlice(bytes(10), 0));
  expect(asked).toEqual([[1, 0]]);
  expect(whole).toHaveLength(1);
  fetch.refused(1, 0);
  expect(asked.slice(1)).toEqual([[3, 0]]);
  answer(3, manifestSlice(bytes(20), 0));
  expect(whole.map(([link]) => link)).toEqual([1, 3]);
});

test("a slow neighbour goes to the end of the queue, but not while its manifest is being checked", () => {
  const { fetch, asked, whole, answer } = bench();
  fetch.add(1, 0);
  fetch.add(2, 0);
  fetch.expire(HANDSHAKE_TIMEOUT_MS);
  expect(asked).toHaveLength(1);
  fetch.expire(HANDSHAKE_TIMEOUT_MS + 1);
  expect(asked.at(-1)).toEqual([2, 0]);
  fetch.remove(2, 0);
  expect(asked.at(-1)).toEqual([1, 0]);
  answer(1, manifestSlice(bytes(5), 0));
  fetch.expire(1e9);
  expect(asked).toHaveLength(3);
  expect(whole).toHaveLength(1);
});

test("slices that were not asked for are a protocol error", () => {
  const slice = (about: Partial<PeerMessage<"MANIFEST">>): PeerMessage<"MANIFEST"> => ({
    type: "MANIFEST",
    offset: 0,
    totalBytes: 100,
    data: bytes(100),
    ...about,
  });
  for (const bad of [
    slice({ offset: 10, data: bytes(90) }),
    slice({ data: bytes(99) }),
    slice({ data: bytes(101) }),
    slice({ data: bytes(0) }),
    slice({ totalBytes: MAX_MANIFEST_BYTES + 1, data: bytes(MANIFEST_SLICE_BYTES) }),
  ]) {
    const { fetch, answer } = bench();
    fetch.add(1, 0);
    expect(() => answer(1, bad)).toThrow(ProtocolError);
  }
});

test("the size may not change between slices", () => {
  const { fetch, answer } = bench();
  fetch.add(1, 0);
  answer(1, manifestSlice(bytes(MANIFEST_SLICE_BYTES + 5), 0));
  expect(() => answer(1, manifestSlice(bytes(MANIFEST_SLICE_BYTES + 6), MANIFEST_SLICE_BYTES))).toThrow(ProtocolError);
});

test("a slice beyond the manifest's end cannot be asked", () => {
  expect(() => manifestSlice(bytes(10), 10)).toThrow(ProtocolError);
  expect(manifestSlice(bytes(10), 9).data).toEqual(bytes(10).subarray(9));
});
