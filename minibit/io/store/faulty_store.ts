/**
 * Stores that go wrong on purpose, for fault injection. Each wraps another store and changes nothing in what that store keeps.
 */
import type { BlockStore } from "./block_store.ts";

const FOREVER = new Promise<never>(() => undefined);

/** What goes wrong. */
export interface Faults {
  /** The part of the blocks, 0 to 1, that are read with a wrong byte; none by default. */
  readonly corrupt?: number | undefined;
  /** The part of the blocks, 0 to 1, at which the peer dies; never by default. */
  readonly killAt?: number | undefined;
  /** Ends the process; may take a moment. */
  readonly die: (heldBlocks: number) => void;
}

/**
 * Wraps a store in the given faults. Never resolves for a peer that dies at once because it holds enough blocks already.
 */
export async function withFaults(store: BlockStore, faults: Faults): Promise<BlockStore> {
  const { corrupt = 0, killAt, die } = faults;
  const readable = corrupt > 0 ? corrupting(store, corrupt) : store;
  return killAt === undefined ? readable : await dyingAt(readable, { killAt, die });
}

/**
 * Corrupts the first byte of a part of the blocks. The first block that is read is corrupt, so that there is always one to
 * detect, and the others are spread evenly. A corrupt block stays corrupt for every reader.
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

/** Ends the peer at the block that reaches `killAt`: that block is on disk, but is never announced, and none follows. */
async function dyingAt(
  store: BlockStore,
  options: { readonly killAt: number; readonly die: (heldBlocks: number) => void },
): Promise<BlockStore> {
  // a rounding error of the product must not cost one more block
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
        await FOREVER; // a block that reaches the count is being written already
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
