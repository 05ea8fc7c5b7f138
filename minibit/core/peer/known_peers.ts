import { MAX_DIALED_LINKS, MAX_LINKS, REDIAL_MS } from "../base/limits.ts";
import type { PeerAddress } from "../wire/tracker_wire.ts";

interface Known {
  readonly address: PeerAddress;
  /** Addresses at which somebody else answered, or nobody that greets: they wait until the others have been tried. */
  readonly strays: Set<string>;
  /** A dial is under way, or its link lives. */
  busy: boolean;
  retryAtMs: number;
}

/** The peers we have heard of: whom to dial, and when again; and those we never want to hear from again. */
export class KnownPeers {
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

  /** The tracker named these peers; new addresses replace the old ones. */
  found(peers: readonly PeerAddress[]): void {
    for (const address of peers) {
      if (address.id !== this.#self && !isSame(this.#known.get(address.id)?.address, address)) {
        this.#known.set(address.id, { address, strays: new Set(), busy: false, retryAtMs: 0 });
      }
    }
  }

  /**
   * A dial or a dialled link ended; it may be tried again later.
   *
   * @param options.astray the address at which it found somebody else, or nobody who greets: the others are tried at once
   */
  ended(id: number, options: { readonly nowMs: number; readonly astray?: string }): void {
    const { nowMs, astray } = options;
    const known = this.#known.get(id);
    if (known === undefined) {
      return;
    }
    const { strays, address } = known;
    known.busy = false;
    known.retryAtMs = nowMs;
    if (astray !== undefined) {
      strays.add(astray);
    }
    if (astray === undefined || address.hosts.every((host) => strays.has(host))) {
      strays.clear();
      known.retryAtMs += REDIAL_MS;
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
        const { address, strays } = known;
        chosen.push({ ...address, hosts: address.hosts.filter((host) => !strays.has(host)) });
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

function isSame(a: PeerAddress | undefined, b: PeerAddress): boolean {
  return a?.port === b.port && a.hosts.length === b.hosts.length && a.hosts.every((host, i) => host === b.hosts[i]);
}
