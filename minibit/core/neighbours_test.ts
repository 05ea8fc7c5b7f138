import { expect, test } from "bun:test";
import { MAX_DIALED_LINKS, REDIAL_MS } from "./limits.ts";
import { Neighbours } from "./neighbours.ts";
import type { PeerAddress } from "./tracker_wire.ts";

const NOBODY: ReadonlySet<number> = new Set();

function address(id: number, port = 6000 + id): PeerAddress {
  return { id, host: "127.0.0.1", port };
}

test("dials each peer it heard of once, but never itself", () => {
  const neighbours = new Neighbours({ peerId: 1 });
  neighbours.found([address(0), address(1), address(2)]);
  expect(neighbours.toDial(NOBODY, 0)).toEqual([address(0), address(2)]);
  neighbours.found([address(0), address(2)]);
  expect(neighbours.toDial(NOBODY, 0)).toEqual([]);
});

test("does not dial whoever is linked already", () => {
  const neighbours = new Neighbours({ peerId: 9 });
  neighbours.found([address(0), address(1)]);
  expect(neighbours.toDial(new Set([1]), 0)).toEqual([address(0)]);
});

test("tries again a while after a dial or its link ended", () => {
  const neighbours = new Neighbours({ peerId: 9 });
  neighbours.found([address(0)]);
  neighbours.toDial(NOBODY, 0);
  neighbours.ended(address(0), 100);
  expect(neighbours.toDial(NOBODY, 100 + REDIAL_MS - 1)).toEqual([]);
  expect(neighbours.toDial(NOBODY, 100 + REDIAL_MS)).toEqual([address(0)]);
});

test("a new address of a peer replaces the old one and is dialled at once", () => {
  const neighbours = new Neighbours({ peerId: 9 });
  neighbours.found([address(0)]);
  neighbours.toDial(NOBODY, 0);
  neighbours.found([address(0, 7000)]);
  expect(neighbours.toDial(NOBODY, 1)).toEqual([address(0, 7000)]);
});

test("a banned peer is not dialled again", () => {
  const neighbours = new Neighbours({ peerId: 9 });
  neighbours.found([address(0), address(1)]);
  neighbours.ban(0);
  expect(neighbours.isBanned(0)).toBe(true);
  expect(neighbours.isBanned(1)).toBe(false);
  expect(neighbours.toDial(NOBODY, 0)).toEqual([address(1)]);
});

test("links and dials under way together stay within the limit", () => {
  const neighbours = new Neighbours({ peerId: 999 });
  neighbours.found(Array.from({ length: 100 }, (_, id) => address(id)));
  const linked = new Set([0, 1, 2]);
  expect(neighbours.toDial(linked, 0)).toHaveLength(MAX_DIALED_LINKS - 3);
  expect(neighbours.toDial(linked, 1)).toEqual([]);
  neighbours.ended(address(3), 1);
  expect(neighbours.toDial(linked, 1)).toEqual([address(33 - 3)]);
});
