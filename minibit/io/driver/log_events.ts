import type { BlockHealth, PeerEvent } from "../../core/link/peer_io.ts";
import type { Logger } from "../os/logging.ts";

const DAMAGED: { readonly [health in BlockHealth]: string } = {
  intact: "block {block} was looked at again and is right",
  mended: "block {block} was damaged on this disk: mended from the source or the copy",
  lost: "block {block} was damaged on this disk: it is fetched again",
  withdrawn:
    "block {block} was changed or damaged on this disk: it is given to nobody any more (look at the disk, and at who writes to it)",
};

const HOW_MISSING = {
  "wrong hash": "sent block {block} with a wrong hash (start it again, or a peer that has the block)",
  lost: "had block {block} and lost it to damage on its disk (start it again, or a peer that has the block)",
} as const;

/** Tells the log what the core noticed. */
export function logEvent(log: Logger, event: PeerEvent): void {
  switch (event.kind) {
    case "linked":
      log.debug("linked with peer {peerId}", event);
      break;
    case "unlinked":
      log.debug("link with peer {peerId} ended", event);
      break;
    case "refused":
      log.debug("dropped link {link}: {reason} {why}", { why: "", ...event });
      break;
    case "slot":
      log.debug("peer {peerId} is {slot} now", event);
      break;
    case "snubbed":
      log.info("peer {peerId} owes blocks and sends none: its blocks are asked of others", event);
      break;
    case "silent":
      log.info("nothing comes from peer {peerId} any more: its line is dead", event);
      break;
    case "hash failure":
      log.warn("block {block} came with a wrong hash and was thrown away", event);
      break;
    case "banned":
      log.warn("banned peer {peerId}: {why}", event);
      break;
    case "forgiven":
      log.warn("peer {peerId} says that block {block} was damaged on its disk: it gets a second chance", event);
      break;
    case "damaged":
      log.warn(DAMAGED[event.health], event);
      break;
    case "missing":
      log.warn(`nobody here has {blocks} of the blocks still missing: peer {peerId} ${HOW_MISSING[event.how]}`, event);
      break;
  }
}
