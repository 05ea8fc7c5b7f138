import { ADMISSION_MS } from "../base/limits.ts";
import type { Link, LiveLink } from "../link/link.ts";
import type { DropReason, PeerEvent } from "../link/peer_io.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import type { KnownPeers } from "./known_peers.ts";
import { MissingBlocks } from "./missing_blocks.ts";
import type { SwarmSession } from "./swarm_session.ts";

const WRONG_HASH = "it sent a block with a wrong hash";

/** What is done to the links of who is accused. */
interface AccusationParts {
  readonly links: Map<number, Link>;
  readonly neighbours: KnownPeers;
  readonly send: (link: LiveLink, message: PeerMessage) => void;
  /** Takes a live link out of all trading. */
  readonly unlink: (link: LiveLink) => void;
  readonly drop: (id: number, reason: DropReason) => void;
  readonly event: (event: PeerEvent) => void;
}

/**
 * What becomes of who sent something wrong: it is banned.
 *
 * One whose disk damaged a block does not know. So it is told, and its link stays open for a while: when it has looked at its own copy and
 * says so too, it gets a second chance, but no third. A liar gains one more wrong block by that, for which the others ask elsewhere.
 */
export class Accusations {
  readonly #missing = new MissingBlocks();
  readonly #parts: AccusationParts;

  constructor(parts: AccusationParts) {
    this.#parts = parts;
  }

  /** `peerId`, if it is known, sent `block` with a wrong hash. */
  accuse(peerId: number | undefined, block: number, nowMs: number): void {
    if (peerId === undefined) {
      return;
    }
    this.#missing.sentWrong(block, peerId);
    const { links, neighbours, event, send, unlink } = this.#parts;
    const link = this.#linkOf(peerId);
    if (link === undefined || !neighbours.mayBeForgiven(peerId)) {
      this.ban(peerId, WRONG_HASH);
      return;
    }
    neighbours.ban(peerId);
    event({ kind: "banned", peerId, why: WRONG_HASH });
    if (link.upload.slot !== "choked") {
      send(link, { type: "CHOKE" });
    }
    send(link, { type: "BAD_BLOCK", block });
    unlink(link);
    const { id, dialed } = link;
    links.set(id, { phase: "accused", id, dialed, peerId, block, deadlineMs: nowMs + ADMISSION_MS });
  }

  /** Who is accused says something. */
  hear(link: Extract<Link, { phase: "accused" }>, message: PeerMessage): void {
    if (message.type === "LOST_BLOCKS" && message.blocks.includes(link.block)) {
      const { peerId, block } = link;
      this.#parts.neighbours.forgive(peerId);
      this.#parts.event({ kind: "forgiven", peerId, block });
      this.#parts.drop(link.id, "forgiven"); // it is greeted anew, and then tells what it holds now
    }
  }

  /** Tells what nobody has any more because of them. */
  tellMissing(session: SwarmSession | undefined, nowMs: number): void {
    const missing = session === undefined ? undefined : this.#missing.news(session, nowMs);
    if (missing !== undefined) {
      this.#parts.event(missing);
    }
  }

  /** Ends the link with a peer, and never links with it again. */
  ban(peerId: number, why: string): void {
    const { neighbours, event, drop } = this.#parts;
    if (!neighbours.isBanned(peerId)) {
      neighbours.ban(peerId);
      event({ kind: "banned", peerId, why });
    }
    const link = this.#linkOf(peerId);
    if (link !== undefined) {
      drop(link.id, "banned");
    }
  }

  #linkOf(peerId: number): LiveLink | undefined {
    for (const link of this.#parts.links.values()) {
      if (link.phase === "live" && link.peerId === peerId) {
        return link;
      }
    }
    return undefined;
  }
}
