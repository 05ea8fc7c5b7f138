/**
 * A peer that has everything and lies: it flips a byte in every twentieth block it sends. All else is the product's own.
 *
 *     bun tests/support/lying_peer.ts <id> <tracker> <source> <dir>
 */
import { corrupting } from "../../minibit/io/store/faulty_store.ts";
import { startCustomSeed } from "./custom_seed.ts";

const WRONG_RATIO = 0.05;

const [id = "", tracker = "", source = "", dir = ""] = process.argv.slice(2);
const liar = await startCustomSeed({
  peerId: Number(id),
  tracker,
  source,
  dir,
  wrap: (store) => corrupting(store, WRONG_RATIO),
});
await liar.registered;
console.log("Ready");
await liar.swarmDone;
await liar.close();
