import { MAX_DIALED_LINKS, MAX_LINKS, REDIAL_MS } from "./limits.ts";
import type { PeerAddress } from "./tracker_wire.ts";

interface Known {
  readonly address: PeerAddress;
  /** A dial is under way, or its link lives. */
  busy: boolean;
  retryAtMs: number;
}

/** The peers we have heard of: whom to dial, and when again; and those we never want to hear from again. */
export class Neighbours {
  readonly #self: number;
  readonly #maxDialed: number;
  readonly #known = new Map<number, Known>();
  readonly #banned = new Set<number>();
  readonly #forgiven = new Set<number>();

  /** @param self our own id, and how many links we have room for: half of them may be dialled by us */
  constructor(self: { readonly peerId: number; readonly maxLinks?: number }) {
    this.#self = self.peerId;
    this.#maxDialed = Math.min(MAX_DIALED_LINKS, Math.ceil((self.maxLinks ?? MAX_LINKS) / 2));
  }

  /** The tracker named these peers; a new address replaces the old one. */
  found(peers: readonly PeerAddress[]): void {
    for (const address of peers) {
      const known = this.#known.get(address.id);
      if (address.id !== this.#self && (known?.address.host !== address.host || known.address.port !== address.port)) {
        this.#known.set(address.id, { address, busy: false, retryAtMs: 0 });
      }
    }
  }

  /** A dial or a dialled link ended; it may be tried again later. */
  ended(address: PeerAddress, nowMs: number): void {
    const known = this.#known.get(address.id);
    if (known !== undefined) {
      known.busy = false;
      known.retryAtMs = nowMs + REDIAL_MS;
    }
  }

  /** Whom to dial now, given the peers linked already; they count as busy from here on. */
  toDial(linked: ReadonlySet<number>, nowMs: number): PeerAddress[] {
    let free = this.#maxDialed - linked.size;
    for (const [id, known] of this.#known) {
      free -= Number(known.busy && !linked.has(id)); // its dial is under way
    }
    const chosen: PeerAddress[] = [];
    for (const [id, known] of this.#known) {
      if (free <= 0) {
        break;
      }
      if (!known.busy && known.retryAtMs <= nowMs && !linked.has(id) && !this.#banned.has(id)) {
        known.busy = true;
        chosen.push(known.address);
        free--;
      }
    }
    return chosen;
  }

  ban(peerId: number): void {
    this.#banned.add(peerId);
  }

  /** Whether a ban of this peer could still be lifted. */
  mayBeForgiven(peerId: number): boolean {
    return !this.#forgiven.has(peerId);
  }

  /** Lifts the ban of a peer: once, so that a liar gains one more block and no more. */
  forgive(peerId: number): void {
    this.#forgiven.add(peerId);
    this.#banned.delete(peerId);
  }

  isBanned(peerId: number): boolean {
    return this.#banned.has(peerId);
  }
}
