// Room core/download: which block is asked of which neighbour, how much is in flight, and what came of it.
// It knows nothing of whom we serve. Payload bytes pass at most as lengths; no socket, no disk, no clock.

import { MIN_PIPELINE_UNITS } from "../base/limits.ts";
import type { LiveLink } from "../link/link.ts";
import type { RarityIndex } from "../share/rarity_index.ts";
import { type BlockTracker, bytesLeft, type Fetch, ownerOf } from "./block_tracker.ts";

/** Chooses the block to ask a link for among those nobody fetches; the product has one, the lab compares others. */
export type ChooseBlock = (
  rarity: RarityIndex,
  view: {
    readonly holdsNothing: boolean;
    /** The link holds no block with fewer copies: those need not be looked at. */
    readonly minCopies: number;
    readonly wanted: (block: number) => boolean;
  },
) => number | undefined;

/** Rules 3 and 4: the first block at random among those with two copies or more, then rarest first. */
export const rarestFirst: ChooseBlock = (rarity, { holdsNothing, minCopies, wanted }) =>
  (holdsNothing ? rarity.random(wanted, 2) : undefined) ?? rarity.rarest(wanted, minCopies);

/** What a link may be asked for now: what it holds, allows, did not just refuse, and does not owe us an answer about. */
export function wantedFrom(link: LiveLink, nowMs: number): (block: number) => boolean {
  const askable = link.download.askable(nowMs);
  return (block) => link.holds?.has(block) === true && askable(block);
}

/** The link's block that it has not been asked for to the end: it goes on with that one, whatever else there is. */
export function askingOf(link: LiveLink, tracker: BlockTracker): Fetch | undefined {
  const { asking } = link.download;
  const fetch = asking === undefined ? undefined : tracker.fetchOf(asking);
  const owner = fetch === undefined ? undefined : ownerOf(fetch, link);
  if (fetch === undefined || owner === undefined || owner.closed) {
    return undefined;
  }
  return Math.max(owner.asked, fetch.received) < fetch.length ? fetch : undefined;
}

/**
 * Begins the fetch that a link is asked for next, by rules 1 to 4; the block is on its way then, but not yet the link's.
 *
 * What it weighs, in order: finish what somebody began, before a new block is (1); believe a seed that plans (2); get
 * something to trade soon (3); keep rare blocks alive (4).
 *
 * @param options.inFlight units the link owes us
 */
export function beginFetch(
  link: LiveLink,
  options: {
    readonly tracker: BlockTracker;
    readonly choose: ChooseBlock;
    readonly wanted: (block: number) => boolean;
    readonly inFlight: number;
  },
): Fetch | undefined {
  const { tracker, choose, wanted, inFlight } = options;
  const unfinished = nearestToDone(tracker.unowned, wanted);
  if (unfinished !== undefined || link.download.waiting === 0) {
    return unfinished;
  }
  let block = link.download.takeSuggestion((b) => tracker.rarity.has(b) && wanted(b));
  // a seed that plans has more suggestions on their way: our own choice would only be refused, unless the pipe runs dry
  if (block === undefined && !(link.download.suggests && inFlight >= MIN_PIPELINE_UNITS)) {
    block = choose(tracker.rarity, {
      holdsNothing: tracker.have.count === 0,
      minCopies: link.holds?.complete === true ? 1 : tracker.completeLinks + 1,
      wanted,
    });
  }
  return block === undefined ? undefined : tracker.begin(block);
}

function nearestToDone(unowned: Iterable<Fetch>, wanted: (block: number) => boolean): Fetch | undefined {
  let best: Fetch | undefined;
  for (const fetch of unowned) {
    if (wanted(fetch.block)) {
      best = best === undefined || bytesLeft(fetch) < bytesLeft(best) ? fetch : best;
    }
  }
  return best;
}
