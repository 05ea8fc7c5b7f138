/** What a peer does, or why it does nothing, in words: for the page's table and for a terminal. */
import { formatClock } from "../../core/base/formats.ts";
import type { Activity } from "../model/board_event.ts";
import { counted } from "../model/labels.ts";
import { heldPercent, isWhole, percentText } from "../model/swarm_figures.ts";
import type { PeerModel, SwarmModel } from "../model/swarm_model.ts";

/** From when on it is told how long something lasts: below, everything lasts. */
const WORTH_TELLING_MS = 2000;

/** The words; for a peer that is not here, when and how it went. */
export function peerWords(peer: PeerModel, context: { readonly swarm: SwarmModel; readonly nowMs: number }): string {
  const { swarm, nowMs } = context;
  if (peer.departure !== undefined) {
    const when = formatClock(peer.departure.t - swarm.beganMs);
    if (peer.departure.how === "gone") {
      return `gone: silent since ${when}`;
    }
    return isWhole(peer) ? `left at ${when}` : `gone at ${when} with ${percentText(heldPercent(peer))}`;
  }
  const { hashFailures } = peer.stats;
  const failures = hashFailures > 0 ? `; ${counted(hashFailures, "block")} with a wrong hash` : "";
  return `${activityWords(peer, nowMs)}${failures}`;
}

/** Whether a peer that lacks blocks waits for something. */
export function isIdle(peer: PeerModel): boolean {
  const { activity } = peer.stats;
  return peer.departure === undefined && activity !== "fetching" && activity !== "complete" && !isWhole(peer);
}

function activityWords(peer: PeerModel, nowMs: number): string {
  const { stats } = peer;
  const activity: Activity = isWhole(peer) ? "complete" : stats.activity;
  const since = forHowLong(nowMs - peer.activeSinceMs);
  switch (activity) {
    case "fetching":
      return stats.flows.length === 0 ? "fetching" : `fetching from ${counted(stats.flows.length, "peer")}`;
    case "complete":
      return completeWords(peer);
    case "choked":
      return `${chokedWords(peer)}${since}`;
    case "nothing to ask":
      return `nothing it needs nearby${since}`;
    case "no neighbours":
      return `knows no other peer yet${since}`;
    case "disk":
      return `waits for its disk${since}`;
    case "download limit":
      return `at its download limit${since}`;
    default:
      // a recording of another version may tell what we do not know
      return "waits";
  }
}

function completeWords({ seed, stats }: PeerModel): string {
  const what = seed ? "seed" : "complete";
  const given = new Set([...stats.regular, ...stats.optimistic]).size;
  return stats.upBytesPerSecond > 0 && given > 0 ? `${what}, gives to ${counted(given, "peer")}` : what;
}

function chokedWords({ stats: { chokedBy, neighbours } }: PeerModel): string {
  if (chokedBy < neighbours) {
    return `choked by ${chokedBy} of ${counted(neighbours, "neighbour")}`;
  }
  return neighbours === 1 ? "choked by its only neighbour" : `choked by all ${neighbours} neighbours`;
}

function forHowLong(ms: number): string {
  if (ms < WORTH_TELLING_MS) {
    return "";
  }
  return ms < 60_000 ? ` for ${Math.floor(ms / 1000)} s` : ` for ${formatClock(ms)}`;
}
