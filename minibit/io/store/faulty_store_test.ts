import { expect, test } from "bun:test";
import { Bitfield } from "../../core/share/bitfield.ts";
import type { BlockStore } from "./block_store.ts";
import { corrupting, withFaults } from "./faulty_store.ts";

/** A store in which all bytes are 7 and nothing is really kept. */
function storeOf(blocks: number, held: readonly number[] = []) {
  const committed: number[] = [];
  const found = new Bitfield(blocks);
  for (const block of held) {
    found.add(block);
  }
  const store: BlockStore = {
    found,
    write: async () => undefined,
    commit: async (block) => void committed.push(block),
    discard: async () => undefined,
    readInto: (_block, _offset, into) => void into.fill(7),
    needsRecheck: () => false,
    recheck: () => "intact",
    finish: async () => "result",
    close: async () => undefined,
  };
  return { store, committed };
}

function read(store: BlockStore, block: number, offset = 0): number[] {
  const into = new Uint8Array(3);
  store.readInto(block, offset, into);
  return [...into];
}

test("the first block that is asked for comes with a wrong byte, then an even part of the others", () => {
  const store = corrupting(storeOf(1000).store, 0.01);
  const wrong = Array.from({ length: 300 }, (_, i) => 500 + i).filter((block) => read(store, block)[0] !== 7);
  expect(wrong).toEqual([500, 600, 700]);
});

test("what was wrong stays wrong, what was right stays right, and only one byte of a block is touched", () => {
  const store = corrupting(storeOf(10).store, 0.5);
  for (let time = 0; time < 2; time++) {
    expect([4, 9, 2].map((block) => read(store, block)[0] === 7)).toEqual([false, true, false]);
    expect(read(store, 4)).toEqual([248, 7, 7]);
    expect(read(store, 4, 16)).toEqual([7, 7, 7]);
  }
});

test("with every block wrong every block is wrong", () => {
  const store = corrupting(storeOf(10).store, 1);
  expect(Array.from({ length: 10 }, (_, block) => read(store, block)[0])).toEqual(Array(10).fill(248));
});

test("a peer dies at the block that makes it enough: that one is kept and never reported, and none follows", async () => {
  const { store: inner, committed } = storeOf(10, [0]);
  const deaths: number[] = [];
  const store = await withFaults(inner, { killAt: 0.4, die: (held) => deaths.push(held) });
  await store.commit(1);
  await store.commit(2);
  expect(deaths).toEqual([]);
  let isReported = false;
  for (const block of [3, 4]) {
    void store.commit(block).then(() => {
      isReported = true;
    });
  }
  await Bun.sleep(0); // a turn of the event loop, in which all that could be reported would be
  expect({ deaths, committed, isReported }).toEqual({ deaths: [4], committed: [1, 2, 3], isReported: false });
});

test("a peer that holds enough already dies before it serves or tells anybody", async () => {
  for (const held of [[0, 1, 2, 3], Array.from({ length: 10 }, (_, i) => i)]) {
    const deaths: number[] = [];
    let isOpen = false;
    void withFaults(storeOf(10, held).store, { killAt: 0.4, die: (blocks) => deaths.push(blocks) }).then(() => {
      isOpen = true;
    });
    await Bun.sleep(0);
    expect({ deaths, isOpen }).toEqual({ deaths: [held.length], isOpen: false });
  }
});

test("a store with which nothing is to go wrong is itself", async () => {
  const { store } = storeOf(3);
  expect(await withFaults(store, { die: () => undefined })).toBe(store);
});

test("all else goes to the store beneath", async () => {
  const { store: inner } = storeOf(3, [1]);
  const store = corrupting(inner, 0.1);
  expect([...store.found]).toEqual([1]);
  expect(await store.finish()).toBe("result");
});
