// Room core/peer: one peer as a state machine (peer_core.ts): links from dial to drop, trading, announcing, blame, leaving.
// It wires the rooms below together. A rule about what to ask or whom to serve belongs to download or upload.

import { HANDSHAKE_TIMEOUT_MS, PROTOCOL_VERSION } from "../base/limits.ts";
import type { DropReason } from "../link/peer_io.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";

/** Who we are, and whom we do not talk to. */
export interface Self {
  readonly peerId: number;
  /** 32 bytes. */
  readonly swarmId: Uint8Array;
  readonly isBanned: (peerId: number) => boolean;
}

export function helloOf({ swarmId, peerId }: Pick<Self, "peerId" | "swarmId">): PeerMessage<"HELLO"> {
  return { type: "HELLO", version: PROTOCOL_VERSION, swarmId, peerId };
}

/**
 * Why a link with whoever greets so is ended, if it is.
 *
 * @param options.dialed whom we called, if we did: an address may be that of another machine in another network
 */
export function refusalOf(
  hello: PeerMessage<"HELLO">,
  options: { readonly self: Self; readonly dialed: { readonly id: number } | undefined },
): DropReason | undefined {
  const { self, dialed } = options;
  if (hello.version !== PROTOCOL_VERSION) {
    return "other version";
  }
  if (!self.swarmId.every((byte, i) => byte === hello.swarmId[i])) {
    return "other swarm";
  }
  if (hello.peerId === self.peerId) {
    return "same peer id";
  }
  if (dialed !== undefined && dialed.id !== hello.peerId) {
    return "other peer";
  }
  return self.isBanned(hello.peerId) ? "banned" : undefined;
}

interface Dialled {
  /** Undefined when the other side called. */
  readonly dialed: object | undefined;
}

/**
 * Which of two links with the same peer goes.
 *
 * When both sides dialled at once, both must choose the same: the link stays whose dialler has the smaller id. When one
 * side dialled twice, it found the older link dead. So it did when it dials a peer that it was linked with for longer than a
 * dial takes: it may have been started again after it was cut off without a word.
 */
export function loserOf<L extends Dialled>(
  links: { readonly older: L & { readonly peerId: number; readonly linkedMs: number }; readonly newer: L },
  now: { readonly own: number; readonly nowMs: number },
): L {
  const { older, newer } = links;
  if (now.nowMs - older.linkedMs > HANDSHAKE_TIMEOUT_MS) {
    return older;
  }
  const dialler = (link: L): number => (link.dialed === undefined ? older.peerId : now.own);
  return dialler(older) < dialler(newer) ? newer : older;
}
