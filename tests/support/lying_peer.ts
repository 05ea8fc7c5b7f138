/**
 * A peer that has everything and lies: it flips a byte in every twentieth block it sends. All else is the product's own.
 *
 *     bun tests/support/lying_peer.ts <id> <tracker> <source> <dir>
 */
import type { BlockStore } from "../../minibit/io/block_store.ts";
import { startCustomSeed } from "./custom_seed.ts";

const LIE_EVERY_BLOCKS = 20;

/** The same store, but every twentieth block reads wrong. */
function lying(store: BlockStore): BlockStore {
  return {
    found: store.found,
    write: (...args) => store.write(...args),
    commit: (block) => store.commit(block),
    discard: (block) => store.discard(block),
    finish: () => store.finish(),
    close: () => store.close(),
    readInto(block, offset, into) {
      store.readInto(block, offset, into);
      if (block % LIE_EVERY_BLOCKS === 0) {
        into[0] = ~(into[0] ?? 0);
      }
    },
  };
}

const [id = "", tracker = "", source = "", dir = ""] = process.argv.slice(2);
const liar = await startCustomSeed({ peerId: Number(id), tracker, source, dir, wrap: lying });
await liar.registered;
console.log("Ready");
await liar.swarmDone;
await liar.close();
