import type { Activity, BlockInFlight, Doing, Flow } from "./activity.ts";
import type { Downloads } from "./downloads.ts";
import { HEARTBEAT_MS, MAX_FETCHES_TOLD, MAX_LINKS } from "./limits.ts";
import type { LiveLink } from "./link.ts";
import { idleReasonOf } from "./time_use.ts";

/** What a peer that shares is doing. It only looks: rates and pipelines are as if nobody had asked. */
export function doingOf(
  peer: { readonly links: ReadonlySet<LiveLink>; readonly downloads: Downloads; readonly isComplete: boolean },
  nowMs: number,
): Doing {
  return { activity: activityOf(peer, nowMs), flows: flowsOf(peer.links, nowMs), fetching: fetchingOf(peer.downloads) };
}

function activityOf({ links, downloads, isComplete }: Parameters<typeof doingOf>[0], nowMs: number): Activity {
  if (isComplete) {
    return "complete";
  }
  if (downloads.pendingUnits > 0) {
    return "fetching";
  }
  const isAllHere = downloads.picker.length === 0 && downloads.fetching().next().done === true;
  if (isAllHere) {
    return "disk"; // what is not held yet is being checked and written
  }
  if (links.size === 0) {
    return "no neighbours";
  }
  const refillAtMs = downloads.refillAtMs(nowMs);
  const isThrottled = refillAtMs > nowMs && refillAtMs !== Number.POSITIVE_INFINITY;
  return isThrottled ? "download limit" : idleReasonOf(links);
}

function flowsOf(links: Iterable<LiveLink>, nowMs: number): Flow[] {
  const flows: Flow[] = [];
  for (const { peerId, download } of links) {
    const isActive = download.pending.length > 0 || nowMs - download.lastUnitMs < HEARTBEAT_MS;
    const bytesPerSecond = isActive ? Math.round(download.rate.peek(nowMs)) : 0;
    if (bytesPerSecond > 0 && flows.length < MAX_LINKS) {
      flows.push({ peer: peerId, bytesPerSecond });
    }
  }
  return flows;
}

function fetchingOf(downloads: Downloads): BlockInFlight[] {
  const told: BlockInFlight[] = [];
  for (const { block, owners } of downloads.fetching()) {
    for (const { peerId } of owners) {
      if (told.length === MAX_FETCHES_TOLD) {
        return told;
      }
      told.push({ block, peer: peerId });
    }
  }
  return told;
}
