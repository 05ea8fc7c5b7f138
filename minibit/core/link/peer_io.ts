import type { Bitfield } from "../share/bitfield.ts";
import type { Geometry } from "../share/geometry.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import type { PeerAddress } from "../wire/tracker_wire.ts";
import type { Dialed } from "./link.ts";
import type { Unit } from "./unit.ts";

/** What the driver tells the core. Links are named by numbers of the driver's, never used twice. */
export type PeerInput =
  /** A TCP connection stands; `dialed` when it was our call. */
  | { readonly type: "link_opened"; readonly link: number; readonly dialed?: Dialed }
  /** A dial found nobody, at none of the addresses. */
  | { readonly type: "dial_failed"; readonly address: PeerAddress }
  /** A message came. A BLOCK: its last byte came, and the first `receivedBytes` of its block are there now. */
  | { readonly type: "received"; readonly link: number; readonly message: PeerMessage; readonly receivedBytes?: number }
  /** The connection is gone, whoever ended it; `part`: a BLOCK did not come whole, so much of its block is there now. */
  | {
      readonly type: "link_closed";
      readonly link: number;
      readonly part?: { readonly block: number; readonly receivedBytes: number };
    }
  /** A unit was handed to the network: the next may follow. */
  | { readonly type: "unit_served"; readonly link: number }
  /** A unit cannot be served: its block was found damaged. */
  | { readonly type: "unit_lost"; readonly link: number }
  /** The manifest's bytes were right: the share's geometry, and the blocks found at home. */
  | {
      readonly type: "manifest_opened";
      readonly geometry: Geometry;
      readonly have: Bitfield;
      readonly manifest: Uint8Array;
    }
  /** The manifest's bytes were wrong. */
  | { readonly type: "manifest_refused"; readonly link: number }
  /** A block's hash was right and it is on disk; `culprit`: who had sent wrong bytes of it before, if that is known now. */
  | { readonly type: "block_stored"; readonly block: number; readonly culprit?: number }
  /** A block's hash was wrong; `culprit`: the only peer that can have sent the wrong bytes. */
  | { readonly type: "block_corrupt"; readonly block: number; readonly culprit?: number }
  /** A held block was hashed again; `link`: who doubted it. */
  | { readonly type: "block_checked"; readonly block: number; readonly health: BlockHealth; readonly link?: number }
  /** The tracker answered. */
  | { readonly type: "peers_found"; readonly peers: readonly PeerAddress[]; readonly suggested: readonly number[] }
  /** Time passed: call at `nextDeadlineMs()`. */
  | { readonly type: "tick" };

/**
 * What a held block is like when it is hashed again: `intact`; `mended`: damaged, and right again; `lost`: damaged, to be fetched anew;
 * `withdrawn`: damaged, and not ours to change (the source, a finished copy): it is given to nobody any more.
 */
export type BlockHealth = "intact" | "mended" | "lost" | "withdrawn";

/** Why the core ends a link. */
export type DropReason =
  | "protocol error"
  | "other swarm"
  | "other version"
  | "same peer id"
  | "other peer"
  | "duplicate link"
  | "banned"
  | "forgiven"
  | "no room"
  | "handshake timeout"
  | "idle";

/** What the core wants done, in this order. */
export type PeerOutput =
  | { readonly type: "send"; readonly link: number; readonly message: PeerMessage }
  /** Call a peer at the first of its addresses that answers. */
  | { readonly type: "dial"; readonly address: PeerAddress }
  | { readonly type: "drop"; readonly link: number; readonly reason: DropReason }
  /** Load this unit and send it as a BLOCK; answer `unit_served`. One at a time a link. */
  | { readonly type: "serve_unit"; readonly link: number; readonly unit: Unit }
  /** All bytes of a block are there: check its hash, keep it; answer `block_stored` or `block_corrupt`. */
  | { readonly type: "store_block"; readonly block: number }
  /** Forget the bytes received of a block: it starts anew. */
  | { readonly type: "discard_block"; readonly block: number }
  /** Read and hash a held block again, mend it if that can be done at once; answer `block_checked`. */
  | { readonly type: "check_block"; readonly block: number; readonly link: number }
  /** Check and open this manifest; answer `manifest_opened` or `manifest_refused`. */
  | { readonly type: "open_manifest"; readonly link: number; readonly bytes: Uint8Array }
  /** Tell the tracker of these blocks, rising. */
  | { readonly type: "announce"; readonly blocks: readonly number[] }
  /** Ask the tracker for more peers. */
  | { readonly type: "find_peers" }
  /** All blocks are held. */
  | { readonly type: "done" }
  /** Something a person may want to read about. */
  | { readonly type: "event"; readonly event: PeerEvent };

/** What the log tells. */
export type PeerEvent =
  | { readonly kind: "linked"; readonly peerId: number }
  | { readonly kind: "unlinked"; readonly peerId: number }
  | { readonly kind: "refused"; readonly link: number; readonly reason: DropReason; readonly why?: string }
  | { readonly kind: "slot"; readonly peerId: number; readonly slot: "choked" | "regular" | "optimistic" }
  | { readonly kind: "snubbed"; readonly peerId: number }
  /** It owes something, or is owed, and nothing comes from it: its line is dead. */
  | { readonly kind: "silent"; readonly peerId: number }
  | { readonly kind: "hash failure"; readonly block: number; readonly culprit: number | undefined }
  | { readonly kind: "banned"; readonly peerId: number; readonly why: string }
  /** It says itself that the block was damaged on its disk: it gets a second chance, and no third. */
  | { readonly kind: "forgiven"; readonly peerId: number; readonly block: number }
  /** A block of our own was found damaged. */
  | { readonly kind: "damaged"; readonly block: number; readonly health: BlockHealth }
  /** Nobody has so many of the blocks we lack any more: `peerId` had `block`. */
  | {
      readonly kind: "missing";
      readonly blocks: number;
      readonly block: number;
      readonly peerId: number;
      readonly how: "wrong hash" | "lost";
    };
