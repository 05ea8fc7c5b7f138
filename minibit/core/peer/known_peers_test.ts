import { expect, test } from "bun:test";
import { MAX_DIALED_LINKS, REDIAL_MS } from "../base/limits.ts";
import type { PeerAddress } from "../wire/tracker_wire.ts";
import { KnownPeers } from "./known_peers.ts";

const NOBODY: ReadonlySet<number> = new Set();

function address(id: number, port = 6000 + id): PeerAddress {
  return { id, hosts: ["127.0.0.1"], port };
}

/** A peer that may be at any of these. */
function severalOf(id: number, ...hosts: readonly string[]): PeerAddress {
  return { id, hosts, port: 6000 };
}

test("dials each peer it heard of once, but never itself", () => {
  const neighbours = new KnownPeers({ peerId: 1 });
  neighbours.found([address(0), address(1), address(2)]);
  expect(neighbours.toDial(NOBODY, 0)).toEqual([address(0), address(2)]);
  neighbours.found([address(0), address(2)]);
  expect(neighbours.toDial(NOBODY, 0)).toEqual([]);
});

test("does not dial whoever is linked already", () => {
  const neighbours = new KnownPeers({ peerId: 9 });
  neighbours.found([address(0), address(1)]);
  expect(neighbours.toDial(new Set([1]), 0)).toEqual([address(0)]);
});

test("tries again a while after a dial or its link ended", () => {
  const neighbours = new KnownPeers({ peerId: 9 });
  neighbours.found([address(0)]);
  neighbours.toDial(NOBODY, 0);
  neighbours.ended(0, { nowMs: 100 });
  expect(neighbours.toDial(NOBODY, 100 + REDIAL_MS - 1)).toEqual([]);
  expect(neighbours.toDial(NOBODY, 100 + REDIAL_MS)).toEqual([address(0)]);
});

test("a new address of a peer replaces the old one and is dialled at once", () => {
  const neighbours = new KnownPeers({ peerId: 9 });
  neighbours.found([address(0)]);
  neighbours.toDial(NOBODY, 0);
  neighbours.found([address(0, 7000)]);
  expect(neighbours.toDial(NOBODY, 1)).toEqual([address(0, 7000)]);
});

test("a banned peer is not dialled again", () => {
  const neighbours = new KnownPeers({ peerId: 9 });
  neighbours.found([address(0), address(1)]);
  neighbours.ban(0);
  expect(neighbours.isBanned(0)).toBe(true);
  expect(neighbours.isBanned(1)).toBe(false);
  expect(neighbours.toDial(NOBODY, 0)).toEqual([address(1)]);
});

test("links and dials under way together stay within the limit", () => {
  const neighbours = new KnownPeers({ peerId: 999 });
  neighbours.found(Array.from({ length: 100 }, (_, id) => address(id)));
  const linked = new Set([0, 1, 2]);
  expect(neighbours.toDial(linked, 0)).toHaveLength(MAX_DIALED_LINKS - 3);
  expect(neighbours.toDial(linked, 1)).toEqual([]);
  neighbours.ended(3, { nowMs: 1 });
  expect(neighbours.toDial(linked, 1)).toEqual([address(33 - 3)]);
});

test("an address at which somebody else answers is left out until the others have been tried, at once", () => {
  const neighbours = new KnownPeers({ peerId: 9 });
  neighbours.found([severalOf(0, "172.17.0.1", "10.0.0.1", "10.1.0.1")]);
  expect(neighbours.toDial(NOBODY, 0)).toEqual([severalOf(0, "172.17.0.1", "10.0.0.1", "10.1.0.1")]);
  neighbours.ended(0, { nowMs: 10, astray: "172.17.0.1" });
  expect(neighbours.toDial(NOBODY, 10)).toEqual([severalOf(0, "10.0.0.1", "10.1.0.1")]);
  neighbours.ended(0, { nowMs: 20, astray: "10.1.0.1" });
  expect(neighbours.toDial(NOBODY, 20)).toEqual([severalOf(0, "10.0.0.1")]);
  neighbours.ended(0, { nowMs: 30, astray: "10.0.0.1" });
  expect(neighbours.toDial(NOBODY, 30)).toEqual([]);
  expect(neighbours.toDial(NOBODY, 30 + REDIAL_MS)).toEqual([severalOf(0, "172.17.0.1", "10.0.0.1", "10.1.0.1")]);
});

test("when nobody answers at those that are left, all are tried again later", () => {
  const neighbours = new KnownPeers({ peerId: 9 });
  neighbours.found([severalOf(0, "172.17.0.1", "10.0.0.1")]);
  neighbours.toDial(NOBODY, 0);
  neighbours.ended(0, { nowMs: 10, astray: "172.17.0.1" });
  neighbours.toDial(NOBODY, 10);
  neighbours.ended(0, { nowMs: 20 });
  expect(neighbours.toDial(NOBODY, 20 + REDIAL_MS - 1)).toEqual([]);
  expect(neighbours.toDial(NOBODY, 20 + REDIAL_MS)).toEqual([severalOf(0, "172.17.0.1", "10.0.0.1")]);
});

test("one address more, or in another place, makes the peer's addresses new", () => {
  const neighbours = new KnownPeers({ peerId: 9 });
  neighbours.found([severalOf(0, "10.0.0.1")]);
  neighbours.toDial(NOBODY, 0);
  neighbours.found([severalOf(0, "10.0.0.1", "fd00::1")]);
  expect(neighbours.toDial(NOBODY, 1)).toEqual([severalOf(0, "10.0.0.1", "fd00::1")]);
  neighbours.found([severalOf(0, "10.0.0.1", "fd00::1")]);
  expect(neighbours.toDial(NOBODY, 2)).toEqual([]);
  neighbours.found([severalOf(0, "fd00::1", "10.0.0.1")]);
  expect(neighbours.toDial(NOBODY, 3)).toEqual([severalOf(0, "fd00::1", "10.0.0.1")]);
});
