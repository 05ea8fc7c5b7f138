import { expect, test } from "bun:test";
import { helloOf, loserOf, refusalOf } from "./handshake.ts";
import { ownedCopy } from "./owned_copy.ts";

const self = { peerId: 3, swarmId: new Uint8Array(32).fill(1), isBanned: (id: number) => id === 13 };
const hello = helloOf({ peerId: 4, swarmId: ownedCopy(self.swarmId) });

test("a peer of our swarm is welcome", () => {
  expect(refusalOf(hello, self)).toBeUndefined();
});

test("others are told apart", () => {
  expect(refusalOf({ ...hello, version: 99 }, self)).toBe("other version");
  expect(refusalOf({ ...hello, swarmId: new Uint8Array(32) }, self)).toBe("other swarm");
  expect(refusalOf({ ...hello, peerId: 3 }, self)).toBe("same peer id");
  expect(refusalOf({ ...hello, peerId: 13 }, self)).toBe("banned");
});

test("both sides of two links that crossed end the same one, in whatever order they see them", () => {
  const calledBy1 = { 1: { dialed: {} }, 2: { dialed: undefined } };
  const calledBy2 = { 1: { dialed: undefined }, 2: { dialed: {} } };
  for (const [older, newer] of [
    [calledBy1, calledBy2],
    [calledBy2, calledBy1],
  ] as const) {
    expect(loserOf({ older: older[1], newer: newer[1] }, { own: 1, other: 2 })).toBe(calledBy2[1]);
    expect(loserOf({ older: older[2], newer: newer[2] }, { own: 2, other: 1 })).toBe(calledBy2[2]);
  }
});

test("of two calls of the same side the newer one stays", () => {
  const [older, newer] = [{ dialed: {} }, { dialed: {} }];
  expect(loserOf({ older, newer }, { own: 1, other: 2 })).toBe(older);
});
