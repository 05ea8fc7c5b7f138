import { MAX_OWNERS } from "../base/limits.ts";
import type { LiveLink } from "../link/link.ts";
import type { Unit } from "../link/unit.ts";
import { bytesLeft, type Fetch, type Owner, ownerOf } from "./block_tracker.ts";

/** Rule 5: an owner this many times slower than another peer loses its block to it. */
const TAKEOVER_FACTOR = 3;
/** Rule 6: in endgame a second owner must be expected to finish this many times sooner than the first. */
const ENDGAME_FACTOR = 2;

/** What an idle link should do about a block that somebody else fetches too slowly. */
export interface Rescue {
  readonly fetch: Fetch;
  readonly slow: Owner;
  /** "take over": the slow owner is called off. "join": both fetch it, and the first whole one wins. */
  readonly how: "take over" | "join";
  /** Bytes that may come twice because of it. */
  readonly riskBytes: number;
}

/**
 * Rules 5 and 6: of the blocks on their way, the one that its owner would bring last, if `link` is far quicker.
 *
 * @param options.endgame nothing else waits to be fetched: rule 6 holds too, and a block whose owners were all called off need not wait for their answers
 */
export function findRescue(
  link: LiveLink,
  options: {
    readonly fetches: Iterable<Fetch>;
    readonly wanted: (block: number) => boolean;
    readonly endgame: boolean;
    readonly nowMs: number;
  },
): Rescue | undefined {
  const { fetches, wanted, endgame, nowMs } = options;
  const rate = link.download.bytesPerSecond(nowMs);
  if (rate <= 0) {
    return undefined; // what it never did cannot be promised
  }
  let slowest: { readonly fetch: Fetch; readonly owner: Owner; readonly etaMs: number } | undefined;
  for (const fetch of fetches) {
    const isFull = fetch.solo || openOwners(fetch) >= MAX_OWNERS;
    if (isFull || !wanted(fetch.block) || ownerOf(fetch, link) !== undefined) {
      continue;
    }
    const owner = firstOpen(fetch) ?? (endgame ? fetch.owners[0] : undefined);
    if (owner !== undefined) {
      const etaMs = ownerEtaMs(fetch, owner, nowMs);
      slowest = slowest === undefined || etaMs > slowest.etaMs ? { fetch, owner, etaMs } : slowest;
    }
  }
  if (slowest === undefined) {
    return undefined;
  }
  const { fetch, owner, etaMs } = slowest;
  const ownMs = Math.max(1, (bytesLeft(fetch) / rate) * 1000);
  if (etaMs > TAKEOVER_FACTOR * ownMs) {
    return { fetch, slow: owner, how: "take over", riskBytes: pendingBytes(owner.link, fetch.block) };
  }
  return endgame && etaMs > ENDGAME_FACTOR * ownMs
    ? { fetch, slow: owner, how: "join", riskBytes: bytesLeft(fetch) }
    : undefined;
}

function openOwners({ owners }: Fetch): number {
  let open = 0;
  for (const { closed } of owners) {
    open += Number(!closed);
  }
  return open;
}

function firstOpen({ owners }: Fetch): Owner | undefined {
  for (const owner of owners) {
    if (!owner.closed) {
      return owner;
    }
  }
  return undefined;
}

/** When an owner will have brought its block: what it owes before and of it, at its rate. */
function ownerEtaMs(fetch: Fetch, owner: Owner, nowMs: number): number {
  const { download } = owner.link;
  const { pending } = download;
  let owed = fetch.length - owner.asked;
  let last = pending.length - 1;
  while (last >= 0 && pending[last]?.block !== fetch.block) {
    last--;
  }
  for (let i = 0; i <= last; i++) {
    owed += pending[i]?.length ?? 0;
  }
  return (owed / Math.max(1, download.bytesPerSecond(nowMs))) * 1000;
}

function pendingBytes(link: LiveLink, block: number): number {
  let bytes = 0;
  for (const unit of link.download.pending) {
    bytes += unit.block === block ? unit.length : 0;
  }
  return bytes;
}

/**
 * Bytes that may come twice because two links were asked for the same: at most what is left, and what came meanwhile.
 *
 * What one link was asked for and called off of a block that no other link fetches comes once at most, so it is at no risk.
 *
 * @param cancelledBytes bytes of all requests that were called off and not answered
 */
export function bytesAtRisk(fetches: Iterable<Fetch>, cancelledBytes: number): number {
  let bytes = cancelledBytes;
  for (const fetch of fetches) {
    bytes += fetch.owners.length > 1 ? bytesLeft(fetch) : 0;
    for (const { link } of fetch.owners) {
      let next: Unit | undefined;
      for (const unit of link.download.pending) {
        if (unit.block === fetch.block) {
          bytes -= unit.cancelled ? unit.length : 0;
          next ??= unit.cancelled ? undefined : unit;
        }
      }
      bytes += Math.max(0, fetch.received - (next?.offset ?? fetch.received));
    }
  }
  return bytes;
}
