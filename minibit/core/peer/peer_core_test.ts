import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  FIND_PEERS_MS,
  HANDSHAKE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  MAX_LINKS,
  REDIAL_MS,
} from "../base/limits.ts";
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import { ScriptedPeer, SWARM_ID } from "../testing/scripted_peer.ts";
import { address, asking, GEOMETRY, leecher, seed, UNIT } from "../testing/small_swarm.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import { REJECT_REASONS } from "../wire/peer_wire.ts";
import { helloOf } from "./handshake.ts";

test("greets on every link, and asks what the neighbour holds", () => {
  const peer = leecher();
  peer.greet(1, 9);
  expect(peer.sentTo(1)).toEqual([helloOf({ peerId: 1, swarmId: SWARM_ID }), { type: "GET_BLOCKS" }]);
  expect(peer.events("linked")).toEqual([{ kind: "linked", peerId: 9 }]);
});

test("untrusted peers are dropped, and nobody else is harmed", () => {
  const peer = leecher();
  peer.greet(1, 9);
  const hello = helloOf({ peerId: 8, swarmId: SWARM_ID });
  const bad: [PeerMessage, string][] = [
    [{ ...hello, version: 99 }, "other version"],
    [{ ...hello, swarmId: new Uint8Array(32) }, "other swarm"],
    [{ ...hello, peerId: 1 }, "same peer id"],
    [{ type: "UNCHOKE" }, "protocol error"],
  ];
  bad.forEach(([message, reason], i) => {
    peer.input({ type: "link_opened", link: 10 + i });
    peer.say(10 + i, message);
    expect(peer.dropped(10 + i)).toBe(reason as never);
  });
  expect(peer.dropped(1)).toBeUndefined();
  expect([...peer.core.liveLinks()].map(({ peerId }) => peerId)).toEqual([9]);
});

test("who says nothing is dropped after a while", () => {
  const peer = leecher();
  peer.input({ type: "link_opened", link: 1 });
  peer.runTo(HANDSHAKE_TIMEOUT_MS);
  expect(peer.dropped(1)).toBeUndefined();
  peer.runTo(HANDSHAKE_TIMEOUT_MS + 1000);
  expect(peer.dropped(1)).toBe("handshake timeout");
});

test("a silent link is kept alive from this side, and dropped for silence of the other", () => {
  const peer = leecher();
  peer.greet(1, 9);
  peer.runTo(KEEP_ALIVE_MS + 1000);
  expect(peer.sent(1, "KEEP_ALIVE")).toHaveLength(1);
  peer.say(1, { type: "KEEP_ALIVE" });
  peer.runTo(IDLE_TIMEOUT_MS + 1000);
  expect(peer.dropped(1)).toBeUndefined();
  peer.runTo(KEEP_ALIVE_MS + IDLE_TIMEOUT_MS + 2000);
  expect(peer.dropped(1)).toBe("idle");
});

test("there is room for so many callers and no more", () => {
  const peer = leecher();
  for (let link = 1; link <= MAX_LINKS + 1; link++) {
    peer.input({ type: "link_opened", link });
  }
  expect(peer.dropped(MAX_LINKS)).toBeUndefined();
  expect(peer.dropped(MAX_LINKS + 1)).toBe("no room");
});

test("dials whom the tracker names, and again some time after a failure", () => {
  const peer = leecher();
  peer.input({ type: "peers_found", peers: [address(1), address(2), address(3)], suggested: [] });
  expect(peer.dials()).toEqual([2, 3]);
  peer.input({ type: "dial_failed", address: address(2) });
  peer.input({ type: "link_opened", link: 5, dialed: { id: 3, host: "127.0.0.1" } });
  peer.runTo(REDIAL_MS - 500);
  expect(peer.dials()).toEqual([2, 3]);
  peer.runTo(REDIAL_MS + 500);
  expect(peer.dials()).toEqual([2, 3, 2]);
});

test("of two links with the same peer exactly one stays", () => {
  const peer = leecher();
  peer.input({ type: "link_opened", link: 1, dialed: { id: 9, host: "127.0.0.1" } }); // we, the smaller id, dialled it
  peer.say(1, helloOf({ peerId: 9, swarmId: SWARM_ID }));
  peer.greet(2, 9);
  expect(peer.dropped(2)).toBe("duplicate link");
  expect([...peer.core.liveLinks()].map(({ id }) => id)).toEqual([1]);
  peer.greet(3, 0); // it called us; then our own call to it comes through: the smaller id's stays
  peer.input({ type: "link_opened", link: 4, dialed: { id: 0, host: "127.0.0.1" } });
  peer.say(4, helloOf({ peerId: 0, swarmId: SWARM_ID }));
  expect(peer.dropped(4)).toBe("duplicate link");
});

test("asks the tracker for more peers while blocks are missing, not when complete", () => {
  const asks = (peer: ScriptedPeer): number => {
    peer.runTo(3 * FIND_PEERS_MS + 1000);
    return peer.outputs.filter(({ type }) => type === "find_peers").length;
  };
  expect(asks(leecher())).toBeGreaterThanOrEqual(2);
  expect(asks(seed())).toBe(0);
});

test("fetches the manifest from a neighbour and hands it to the driver", () => {
  const peer = new ScriptedPeer();
  peer.greet(1, 9);
  expect(peer.sent(1, "GET_MANIFEST")).toEqual([{ type: "GET_MANIFEST", offset: 0 }]);
  const data = new Uint8Array([1, 2, 3]);
  peer.say(1, { type: "MANIFEST", offset: 0, totalBytes: 3, data });
  expect(peer.outputs).toContainEqual({ type: "open_manifest", link: 1, bytes: data });
  peer.open(GEOMETRY, new Bitfield(8));
  expect(peer.sent(1, "GET_BLOCKS")).toHaveLength(1);
});

test("a neighbour with a false manifest is banned, and the next one is asked", () => {
  const peer = new ScriptedPeer();
  peer.greet(1, 8);
  peer.greet(2, 9);
  peer.say(1, { type: "MANIFEST", offset: 0, totalBytes: 1, data: new Uint8Array([0]) });
  peer.input({ type: "manifest_refused", link: 1 });
  expect(peer.events("banned").map(({ peerId }) => peerId)).toEqual([8]);
  expect(peer.dropped(1)).toBe("banned");
  expect(peer.sent(2, "GET_MANIFEST")).toHaveLength(1);
  peer.greet(3, 8);
  expect(peer.dropped(3)).toBe("banned");
});

test("a manifest that is being opened is not fetched a second time when its sender leaves", () => {
  const peer = new ScriptedPeer();
  peer.greet(1, 8);
  peer.greet(2, 9);
  peer.say(1, { type: "MANIFEST", offset: 0, totalBytes: 1, data: new Uint8Array([0]) });
  peer.input({ type: "link_closed", link: 1 });
  expect(peer.sent(2, "GET_MANIFEST")).toEqual([]);
  peer.input({ type: "manifest_refused", link: 1 });
  expect(peer.sent(2, "GET_MANIFEST")).toHaveLength(1);
});

test("before it knows the manifest it refuses politely, and tells what it holds as soon as it does", () => {
  const peer = new ScriptedPeer();
  peer.greet(1, 9);
  peer.say(1, { type: "GET_MANIFEST", offset: 0 });
  expect(peer.sent(1, "MANIFEST")[0]?.totalBytes).toBe(0);
  peer.say(1, { type: "GET_BLOCKS" });
  peer.say(1, { type: "HAVE", block: 3 });
  expect(peer.sent(1, "HAS")).toEqual([{ type: "HAS", block: 3, held: false }]);
  peer.say(1, { type: "REQUEST", block: 0, offset: 0, length: UNIT });
  expect(peer.sent(1, "REJECT")[0]?.reason).toBe("not held");
  const have = new Bitfield(8);
  have.add(2);
  peer.open(GEOMETRY, have);
  expect([...(peer.sent(1, "BLOCKS")[0]?.blocks ?? [])]).toEqual([2]);
  expect(peer.dropped(1)).toBeUndefined();
});

test("a choked peer's REQUEST is rejected and served nothing", () => {
  const peer = seed();
  peer.greet(1, 9);
  peer.say(1, { type: "REQUEST", block: 0, offset: 0, length: UNIT });
  expect(peer.sent(1, "REJECT")).toEqual([{ type: "REJECT", block: 0, offset: 0, length: UNIT, reason: "choked" }]);
  expect(peer.outputs.some(({ type }) => type === "serve_unit")).toBe(false);
});

test("an interested neighbour is unchoked at once and served; what makes no sense is rejected", () => {
  const peer = seed();
  peer.greet(1, 9);
  peer.say(1, { type: "INTERESTED" });
  expect(peer.sent(1, "UNCHOKE")).toHaveLength(1);
  peer.say(1, { type: "REQUEST", block: 0, offset: 0, length: UNIT });
  expect(peer.outputs).toContainEqual({ type: "serve_unit", link: 1, unit: { block: 0, offset: 0, length: UNIT } });
  for (const [block, offset, length] of [
    [8, 0, UNIT],
    [0, 1, UNIT],
    [0, 0, 0],
    [0, 4_000_000_000, 1],
  ] as const) {
    peer.say(1, { type: "REQUEST", block, offset, length });
    expect(peer.sent(1, "REJECT").at(-1)).toEqual({ type: "REJECT", block, offset, length, reason: "out of range" });
  }
});

test("an allowed block is served to a choked newcomer once, not again and again", () => {
  const peer = seed();
  for (let id = 0; id < 5; id++) {
    peer.greet(id, 10 + id);
    peer.say(id, { type: "BLOCKS", blocks: new Bitfield(8) });
    peer.say(id, { type: "INTERESTED" });
  }
  peer.greet(7, 99);
  peer.say(7, { type: "BLOCKS", blocks: new Bitfield(8) });
  peer.say(7, { type: "INTERESTED" });
  const allowed = peer.sent(7, "ALLOW")[0]?.blocks as readonly number[];
  expect(allowed).toHaveLength(4);
  for (const block of [...allowed, ...allowed, ...allowed]) {
    peer.say(7, { type: "REQUEST", block, offset: 0, length: UNIT });
    peer.input({ type: "unit_served", link: 7 });
  }
  const served = peer.outputs.flatMap((output) =>
    output.type === "serve_unit" && output.link === 7 ? [output.unit.block] : [],
  );
  expect(served.sort()).toEqual([...allowed].sort());
  expect(peer.sent(7, "REJECT")).toHaveLength(8);
});

test("news of blocks is passed on to neighbours and to the tracker", () => {
  const peer = asking();
  peer.greet(2, 8);
  peer.say(2, { type: "GET_BLOCKS" });
  const [request] = peer.sent(1, "REQUEST") as [PeerMessage<"REQUEST">];
  const { block, offset, length } = request;
  peer.say(1, { type: "BLOCK", block, offset, length }, length);
  expect(peer.outputs).toContainEqual({ type: "store_block", block });
  peer.input({ type: "block_stored", block });
  expect(peer.sent(2, "UPDATE_BLOCKS")).toEqual([{ type: "UPDATE_BLOCKS", blocks: [block] }]);
  expect(peer.outputs).toContainEqual({ type: "announce", blocks: [block] });
});

test("a liar is banned by name, and its block fetched from another", () => {
  const peer = asking();
  const [{ block, offset, length }] = peer.sent(1, "REQUEST") as [PeerMessage<"REQUEST">];
  peer.say(1, { type: "BLOCK", block, offset, length }, length);
  peer.input({ type: "block_corrupt", block, culprit: 9 });
  expect(peer.events("banned")[0]?.peerId).toBe(9);
  expect(peer.sent(1, "BAD_BLOCK")).toEqual([{ type: "BAD_BLOCK", block }]);
  expect(peer.core.judge(1, { block, offset, length })).toBe("unwanted");
  expect(peer.core.hashFailures).toBe(1);
  peer.greet(2, 8);
  peer.say(2, { type: "BLOCKS", blocks: Bitfield.full(8) });
  peer.say(2, { type: "UNCHOKE" });
  for (let asked = peer.sent(2, "REQUEST"); asked.length < 8; asked = peer.sent(2, "REQUEST")) {
    const unit = asked.at(-1) as PeerMessage<"REQUEST">;
    peer.say(2, { ...unit, type: "BLOCK" }, unit.length);
  }
  expect(peer.sent(2, "REQUEST").map((unit) => unit.block)).toContain(block);
});

test("a wrong block of several senders comes from one of them next time, and then the culprit is known", () => {
  const peer = new ScriptedPeer();
  peer.open(new Geometry(64 * UNIT, 64 * UNIT), new Bitfield(1));
  for (const link of [1, 2]) {
    peer.greet(link, 10 + link);
    peer.say(link, { type: "BLOCKS", blocks: Bitfield.full(1) });
    peer.say(link, { type: "UNCHOKE" });
  }
  const units = peer.sent(1, "REQUEST");
  const [first] = units as [PeerMessage<"REQUEST">];
  peer.say(1, { ...first, type: "BLOCK" }, first.length);
  peer.say(1, { type: "CHOKE" });
  for (const unit of units.slice(1)) {
    peer.say(1, { ...unit, type: "REJECT", reason: "choked" });
  }
  const rest = peer.sent(2, "REQUEST");
  for (const unit of rest) {
    peer.say(2, { ...unit, type: "BLOCK" }, unit.offset + unit.length);
  }
  peer.input({ type: "block_corrupt", block: 0 });
  expect(peer.events("banned")).toEqual([]);
  peer.say(1, { type: "UNCHOKE" });
  const again = peer.sent(2, "REQUEST").slice(rest.length);
  expect(again[0]?.offset).toBe(0);
  expect(peer.sent(1, "REQUEST")).toHaveLength(units.length); // from one only
  for (const unit of again) {
    peer.say(2, { ...unit, type: "BLOCK" }, unit.offset + unit.length);
  }
  peer.input({ type: "block_stored", block: 0, culprit: 11 });
  expect(peer.events("banned").map(({ peerId }) => peerId)).toEqual([11]);
  expect(peer.core.session?.have.complete).toBe(true);
});

test("HAVE is answered, and rare blocks the tracker names are asked for", () => {
  const peer = leecher();
  peer.greet(1, 9);
  peer.say(1, { type: "HAVE", block: 2 });
  expect(peer.sent(1, "HAS")).toEqual([{ type: "HAS", block: 2, held: false }]);
  peer.input({ type: "peers_found", peers: [], suggested: [5, 99] });
  expect(peer.sent(1, "HAVE")).toEqual([{ type: "HAVE", block: 5 }]);
});

for (const [name, message] of [
  ["a BLOCK nobody asked for", { type: "BLOCK", block: 7, offset: 1, length: 5 }],
  ["a REJECT of nothing", { type: "REJECT", block: 7, offset: 1, length: 5, reason: "choked" }],
  ["a second HELLO", helloOf({ peerId: 9, swarmId: SWARM_ID })],
  ["a second BLOCKS", { type: "BLOCKS", blocks: new Bitfield(8) }],
  ["news of a block beyond the share", { type: "UPDATE_BLOCKS", blocks: [8] }],
  ["a slice of the manifest beyond its end", { type: "GET_MANIFEST", offset: 3 }],
] as const satisfies readonly (readonly [string, PeerMessage])[]) {
  test(`${name} ends the link, and only that`, () => {
    const peer = asking();
    peer.greet(2, 8);
    peer.say(1, message);
    expect(peer.dropped(1)).toBe("protocol error");
    expect(peer.events("refused")[0]?.why).toMatch(/^Cannot /);
    expect(peer.dropped(2)).toBeUndefined();
  });
}

test("BLOCKS of another share ends the link", () => {
  const peer = leecher();
  peer.greet(1, 9);
  peer.say(1, { type: "BLOCKS", blocks: new Bitfield(9) });
  expect(peer.dropped(1)).toBe("protocol error");
});

const number = fc.constantFrom(0, 1, 2, 7, 8, 1023, 1024, 4_294_967_295);
const numbers = fc.uniqueArray(number, { maxLength: 4 }).map((list) => list.sort((a, b) => a - b));
const unit = { block: number, offset: number, length: number };
const field = fc
  .tuple(fc.constantFrom(0, 8, 9), fc.boolean())
  .map(([size, full]) => (full ? Bitfield.full(size) : new Bitfield(size)));
const anyMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({
    type: fc.constant("HELLO" as const),
    version: fc.constantFrom(1, 2),
    swarmId: fc.constant(SWARM_ID),
    peerId: number,
  }),
  fc.record({ type: fc.constant("GET_MANIFEST" as const), offset: number }),
  fc.record({
    type: fc.constant("MANIFEST" as const),
    offset: number,
    totalBytes: number,
    data: fc.uint8Array({ maxLength: 4 }),
  }),
  fc.record({ type: fc.constant("BLOCKS" as const), blocks: field }),
  fc.record({ type: fc.constant("HAVE" as const), block: number }),
  fc.record({ type: fc.constant("HAS" as const), block: number, held: fc.boolean() }),
  fc.record({ type: fc.constantFrom("UPDATE_BLOCKS" as const, "SUGGEST" as const, "ALLOW" as const), blocks: numbers }),
  fc
    .constantFrom("GET_BLOCKS", "INTERESTED", "NOT_INTERESTED", "CHOKE", "UNCHOKE", "KEEP_ALIVE")
    .map((type) => ({ type }) as PeerMessage),
  fc.record({ type: fc.constantFrom("REQUEST" as const, "CANCEL" as const), ...unit }),
  fc.record({ type: fc.constant("BLOCK" as const), ...unit }),
  fc.record({ type: fc.constant("REJECT" as const), ...unit, reason: fc.constantFrom(...REJECT_REASONS) }),
);

test("whatever a neighbour says in whatever order, at worst its link is dropped", () => {
  const steps = fc.array(
    fc.record({ link: fc.integer({ min: 1, max: 3 }), message: anyMessage, afterMs: fc.constantFrom(0, 1, 300, 3000) }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, fc.constantFrom("seed", "leecher", "untrusted"), (said, role) => {
      const peer = new ScriptedPeer();
      if (role !== "untrusted") {
        peer.open(GEOMETRY, role === "seed" ? Bitfield.full(8) : new Bitfield(8));
      }
      for (let link = 1; link <= 3; link++) {
        peer.greet(link, 10 + link);
      }
      const asked = new Map<number, number>();
      for (const { link, message, afterMs } of said) {
        peer.runTo(peer.nowMs + afterMs);
        const isOver = peer.dropped(link) !== undefined;
        if (message.type === "REQUEST" && !isOver) {
          asked.set(link, (asked.get(link) ?? 0) + 1);
        }
        const wasAsked = message.type !== "BLOCK" || peer.core.judge(link, message) !== "unsolicited";
        peer.say(link, message);
        expect(wasAsked || peer.dropped(link) !== undefined).toBe(true);
      }
      for (const { id, upload } of peer.core.liveLinks()) {
        const served = peer.outputs.filter((output) => output.type === "serve_unit" && output.link === id).length;
        const answers = served + peer.sent(id, "REJECT").length;
        expect({ id, answers: answers + upload.queue.length }).toEqual({ id, answers: asked.get(id) ?? 0 });
      }
      peer.greet(9, 77); // it lives
      expect([...peer.core.liveLinks()].some(({ id }) => id === 9)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
