import type { PeerAddress, TrackerMessage } from "../wire/tracker_wire.ts";
import type { SwarmPeer } from "./tracker_peer.ts";
import type { TrackerSwarm } from "./tracker_swarm.ts";

/** A link without a peer. */
type NewLink = { readonly phase: "new"; readonly host: string; readonly deadlineMs: number };
/** A link whose peer's swarm has not appeared yet. */
export type WaitingLink = {
  readonly phase: "waiting";
  readonly host: string;
  readonly address: PeerAddress;
  readonly register: Register;
  heardMs: number;
};
export type RegisteredLink = {
  readonly phase: "registered";
  readonly host: string;
  readonly swarm: TrackerSwarm;
  readonly peer: SwarmPeer;
};
/** State of one connection; a closed one is forgotten. */
export type TrackerLink = NewLink | WaitingLink | RegisteredLink;

export type Register = TrackerMessage<"REGISTER">;
