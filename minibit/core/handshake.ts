import { PROTOCOL_VERSION } from "./limits.ts";
import type { DropReason } from "./peer_io.ts";
import type { PeerMessage } from "./peer_wire.ts";

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

/** Why a link with whoever greets so is ended, if it is. */
export function refusalOf(hello: PeerMessage<"HELLO">, self: Self): DropReason | undefined {
  if (hello.version !== PROTOCOL_VERSION) {
    return "other version";
  }
  if (!self.swarmId.every((byte, i) => byte === hello.swarmId[i])) {
    return "other swarm";
  }
  if (hello.peerId === self.peerId) {
    return "same peer id";
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
 * side dialled twice, it found the older link dead.
 */
export function loserOf<L extends Dialled>(
  links: { readonly older: L; readonly newer: L },
  ids: { readonly own: number; readonly other: number },
): L {
  const dialler = (link: L): number => (link.dialed === undefined ? ids.other : ids.own);
  return dialler(links.older) < dialler(links.newer) ? links.newer : links.older;
}
