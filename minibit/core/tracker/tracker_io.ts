// Room core/tracker: the tracker as a state machine (tracker_core.ts): who is here, who holds what, whom to introduce, when a group is done.
// It knows no peer's inside: it imports wire and the rooms below, never link or peer. No HTTP, no board.

import type { Bitfield } from "../share/bitfield.ts";
import type { PeerAddress, ShareSummary, TrackerErrorCode, TrackerMessage } from "../wire/tracker_wire.ts";
import type { MessageCounts, SwarmPeer } from "./tracker_peer.ts";

/** What the driver tells the tracker. Links are named by numbers of the driver's, never used twice. */
export type TrackerInput =
  /** A TCP connection stands; `host`: the address it comes from. */
  | { readonly type: "link_opened"; readonly link: number; readonly host: string }
  | { readonly type: "received"; readonly link: number; readonly message: TrackerMessage }
  /** The connection is gone. */
  | { readonly type: "link_closed"; readonly link: number }
  /** Time passed: call at `nextDeadlineMs()`. */
  | { readonly type: "tick" };

/** What the tracker wants done, in this order. */
export type TrackerOutput =
  | { readonly type: "send"; readonly link: number; readonly message: TrackerMessage }
  /** End the link, after what was sent on it is out. */
  | { readonly type: "drop"; readonly link: number; readonly reason: string }
  /** Something a person may want to hear of. */
  | { readonly type: "event"; readonly event: TrackerEvent };

/** A swarm for people: hex id and the share's name. */
export interface SwarmLabel {
  readonly id: string;
  readonly name: string;
}

/** What the log and the board tell. */
export type TrackerEvent =
  /** The first peer of a share registered. */
  | {
      readonly kind: "new swarm";
      readonly swarm: SwarmLabel;
      readonly share: ShareSummary;
      /** How many peers make the group complete; 0: any number. */
      readonly expected: number;
    }
  | {
      readonly kind: "registered";
      readonly swarm: SwarmLabel;
      readonly peer: PeerAddress;
      readonly name: string;
      /** It holds every block already. */
      readonly seed: boolean;
      /** What it holds; not a copy, it grows. */
      readonly blocks: Bitfield;
    }
  /** A peer told of blocks, rising, that it had not told of before. */
  | { readonly kind: "verified"; readonly swarm: SwarmLabel; readonly peer: number; readonly blocks: readonly number[] }
  /** A peer told of itself; `messages`: what it sent to peers since it registered, not a copy. */
  | {
      readonly kind: "reported";
      readonly swarm: SwarmLabel;
      readonly peer: number;
      readonly stats: SwarmPeer["stats"];
      readonly messages: MessageCounts;
    }
  /** A peer registered that does not know its swarm yet, and nor do we. */
  | { readonly kind: "waiting"; readonly peer: PeerAddress }
  /** A peer holds the whole share, for the first time. */
  | { readonly kind: "complete"; readonly swarm: SwarmLabel; readonly peer: PeerAddress }
  /** A peer's connection ended ... */
  | { readonly kind: "left"; readonly swarm: SwarmLabel; readonly peer: PeerAddress }
  /** ... or it fell silent. */
  | { readonly kind: "gone"; readonly swarm: SwarmLabel; readonly peer: PeerAddress }
  /** As many peers as expected are complete. */
  | { readonly kind: "swarm done"; readonly swarm: SwarmLabel; readonly complete: number }
  | { readonly kind: "refused"; readonly link: number; readonly code: TrackerErrorCode; readonly text: string }
  /** Nobody came back to a swarm without peers. */
  | { readonly kind: "forgotten"; readonly swarm: SwarmLabel };
