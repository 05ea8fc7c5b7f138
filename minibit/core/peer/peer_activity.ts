import { HEARTBEAT_MS, MAX_FETCHES_TOLD, MAX_LINKS } from "../base/limits.ts";
import type { RequestScheduler } from "../download/request_scheduler.ts";
import type { LiveLink } from "../link/link.ts";
import type { Activity, BlockInFlight, Flow, PeerActivity } from "../wire/activity.ts";
import { idleReasonOf } from "./idle_time.ts";

/** What a peer that shares is doing. It only looks: rates and pipelines are as if nobody had asked. */
export function peerActivityOf(
  peer: { readonly links: ReadonlySet<LiveLink>; readonly scheduler: RequestScheduler; readonly isComplete: boolean },
  nowMs: number,
): PeerActivity {
  return { activity: activityOf(peer, nowMs), flows: flowsOf(peer.links, nowMs), fetching: fetchingOf(peer.scheduler) };
}

function activityOf({ links, scheduler, isComplete }: Parameters<typeof peerActivityOf>[0], nowMs: number): Activity {
  if (isComplete) {
    return "complete";
  }
  if (scheduler.pendingUnits > 0) {
    return "fetching";
  }
  const isAllHere = scheduler.rarity.length === 0 && scheduler.fetching().next().done === true;
  if (isAllHere) {
    return "disk"; // what is not held yet is being checked and written
  }
  if (links.size === 0) {
    return "no neighbours";
  }
  const refillAtMs = scheduler.refillAtMs(nowMs);
  const isThrottled = refillAtMs > nowMs && refillAtMs !== Number.POSITIVE_INFINITY;
  return isThrottled ? "download limit" : idleReasonOf(links);
}

function flowsOf(links: Iterable<LiveLink>, nowMs: number): Flow[] {
  const flows: Flow[] = [];
  for (const { peerId, download } of links) {
    const isActive = download.pending.length > 0 || nowMs - download.lastUnitMs < HEARTBEAT_MS;
    const bytesPerSecond = isActive ? Math.round(download.peekBytesPerSecond(nowMs)) : 0;
    if (bytesPerSecond > 0 && flows.length < MAX_LINKS) {
      flows.push({ peer: peerId, bytesPerSecond });
    }
  }
  return flows;
}

function fetchingOf(scheduler: RequestScheduler): BlockInFlight[] {
  const told: BlockInFlight[] = [];
  for (const { block, owners } of scheduler.fetching()) {
    for (const { peerId } of owners) {
      if (told.length === MAX_FETCHES_TOLD) {
        return told;
      }
      told.push({ block, peer: peerId });
    }
  }
  return told;
}
