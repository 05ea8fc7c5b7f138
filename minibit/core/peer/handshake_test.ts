import { expect, test } from "bun:test";
import { HANDSHAKE_TIMEOUT_MS } from "../base/limits.ts";
import { ownedCopy } from "../base/owned_copy.ts";
import { helloOf, loserOf, refusalOf } from "./handshake.ts";

const self = { peerId: 3, swarmId: new Uint8Array(32).fill(1), isBanned: (id: number) => id === 13 };
const hello = helloOf({ peerId: 4, swarmId: ownedCopy(self.swarmId) });

test("a peer of our swarm is welcome", () => {
  expect(refusalOf(hello, { self, dialed: undefined })).toBeUndefined();
  expect(refusalOf(hello, { self, dialed: { id: 4 } })).toBeUndefined();
});

test("others are told apart", () => {
  const called = { self, dialed: undefined };
  expect(refusalOf({ ...hello, version: 99 }, called)).toBe("other version");
  expect(refusalOf({ ...hello, swarmId: new Uint8Array(32) }, called)).toBe("other swarm");
  expect(refusalOf({ ...hello, peerId: 3 }, called)).toBe("same peer id");
  expect(refusalOf({ ...hello, peerId: 13 }, called)).toBe("banned");
  expect(refusalOf(hello, { self, dialed: { id: 5 } })).toBe("other peer");
});

/** A link with a peer, called by us or by it. */
function link(
  peerId: number,
  side: "we called" | "it called",
  linkedMs = 0,
): { dialed: object | undefined; peerId: number; linkedMs: number } {
  return { dialed: side === "we called" ? {} : undefined, peerId, linkedMs };
}

test("both sides of two links that crossed end the same one, in whatever order they see them", () => {
  // as peer 1 and as peer 2 see them
  const calledBy1 = { 1: link(2, "we called"), 2: link(1, "it called") };
  const calledBy2 = { 1: link(2, "it called"), 2: link(1, "we called") };
  for (const [older, newer] of [
    [calledBy1, calledBy2],
    [calledBy2, calledBy1],
  ] as const) {
    expect(loserOf({ older: older[1], newer: newer[1] }, { own: 1, nowMs: 10 })).toBe(calledBy2[1]);
    expect(loserOf({ older: older[2], newer: newer[2] }, { own: 2, nowMs: 10 })).toBe(calledBy2[2]);
  }
});

test("of two calls of the same side the newer one stays", () => {
  const [older, newer] = [link(2, "we called"), link(2, "we called")];
  expect(loserOf({ older, newer }, { own: 1, nowMs: 10 })).toBe(older);
});

test("who calls though it is linked for long was cut off and began anew: its new link stays, whoever called before", () => {
  const [older, newer] = [link(2, "we called", 1000), link(2, "it called")];
  expect(loserOf({ older, newer }, { own: 1, nowMs: 1000 + HANDSHAKE_TIMEOUT_MS })).toBe(newer);
  expect(loserOf({ older, newer }, { own: 1, nowMs: 1001 + HANDSHAKE_TIMEOUT_MS })).toBe(older);
});
