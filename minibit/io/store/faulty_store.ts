/**
 * Stores that go wrong on purpose, for fault injection. Each wraps another store and changes nothing in what that store keeps.
 */
import type { BlockStore } from "./block_store.ts";

const FOREVER = new Promise<never>(() => undefined);

/** What goes wrong. */
export interface Faults {
  /** A byte is wrong in this part of the blocks that are read, 0 to 1; left out: in none. */
  readonly corrupt?: number | undefined;
  /** The peer dies as soon as it holds this part of the blocks, 0 to 1; left out: never. */
  readonly killAt?: number | undefined;
  /** Ends the process; may take a moment. */
  readonly die: (heldBlocks: number) => void;
}

/**
 * Puts around a store what is to go wrong with it. Never resolves for a peer that dies at once: it held enough already.
 */
export async function withFaults(store: BlockStore, faults: Faults): Promise<BlockStore> {
  const { corrupt = 0, killAt, die } = faults;
  const readable = corrupt > 0 ? corrupting(store, corrupt) : store;
  return killAt === undefined ? readable : await dyingAt(readable, { killAt, die });
}

/**
 * Reads a wrong first byte in a part of the blocks: the first one it is asked for, so that there is always one to be
 * found out, and then evenly. What was wrong once stays wrong, whoever asks.
 */
export function corrupting(store: BlockStore, ratio: number): BlockStore {
  const wrong = new Map<number, boolean>();
  return {
    ...delegateTo(store),
    readInto(block, offset, into) {
      store.readInto(block, offset, into);
      if (!wrong.has(block)) {
        wrong.set(block, Math.ceil((wrong.size + 1) * ratio) > Math.ceil(wrong.size * ratio));
      }
      if (offset === 0 && wrong.get(block) === true) {
        into[0] = ~(into[0] ?? 0);
      }
    },
  };
}

/** Ends the peer at the block that makes it enough: that one is on disk, but nobody hears of it, and none follows. */
async function dyingAt(
  store: BlockStore,
  options: { readonly killAt: number; readonly die: (heldBlocks: number) => void },
): Promise<BlockStore> {
  // not a block more for what a product of two decimals is off by
  const fatalCount = Math.ceil(options.killAt * store.found.size - 1e-6);
  let begun = store.found.count;
  let held = store.found.count;
  if (held >= fatalCount) {
    options.die(held);
    await FOREVER;
  }
  return {
    ...delegateTo(store),
    async commit(block) {
      if (++begun > fatalCount) {
        await FOREVER; // another one is enough, and on its way to the disk
      }
      await store.commit(block);
      if (++held === fatalCount) {
        options.die(held);
        await FOREVER;
      }
    },
  };
}

function delegateTo(store: BlockStore): BlockStore {
  return {
    found: store.found,
    write: (...part) => store.write(...part),
    commit: (block) => store.commit(block),
    discard: (block) => store.discard(block),
    readInto: (...part) => store.readInto(...part),
    needsRecheck: (...part) => store.needsRecheck(...part),
    recheck: (block) => store.recheck(block),
    finish: () => store.finish(),
    close: () => store.close(),
  };
}
