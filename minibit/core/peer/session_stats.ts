import { MIN_ROUND_MS } from "../base/limits.ts";
import type { RateMeter } from "../base/rate_meter.ts";
import type { RequestScheduler } from "../download/request_scheduler.ts";
import type { LiveLink } from "../link/link.ts";
import type { Bitfield } from "../share/bitfield.ts";
import type { Geometry } from "../share/geometry.ts";
import type { PeerStats } from "../wire/peer_stats_table.ts";

/** Rates in bytes a second, and who holds a slot. */
export interface SessionStats extends Omit<PeerStats, "hashFailures"> {
  readonly unchoked: readonly number[];
  readonly optimistic: readonly number[];
  readonly chokedBy: number;
}

/** How it stands with a peer that shares; `down` and `up` measure all its links together. */
export function sessionStats(
  peer: {
    readonly links: Iterable<LiveLink>;
    readonly scheduler: RequestScheduler;
    readonly down: RateMeter;
    readonly up: RateMeter;
  },
  nowMs: number,
): SessionStats {
  const links = [...peer.links];
  const { scheduler, down, up } = peer;
  const withSlot = (wanted: (link: LiveLink) => boolean): number[] => links.filter(wanted).map((link) => link.peerId);
  return {
    downBytesPerSecond: Math.round(down.bytesPerSecond(nowMs)),
    upBytesPerSecond: Math.round(up.bytesPerSecond(nowMs)),
    downBytes: down.totalBytes,
    upBytes: up.totalBytes,
    duplicateBytes: scheduler.duplicateBytes,
    unchoked: withSlot((link) => link.upload.slot !== "choked"),
    optimistic: withSlot((link) => link.upload.slot === "optimistic"),
    chokedBy: links.filter((link) => link.download.interested && link.download.choked).length,
  };
}

/** How long the transfer will take at today's rate: ours, or for a seed that of its neighbours. */
export function etaMs(
  {
    have,
    scheduler,
    geometry,
  }: { readonly have: Bitfield; readonly scheduler: RequestScheduler; readonly geometry: Geometry },
  /** `bytesPerSecond`: what we receive; for a seed what it gives. */
  { links, bytesPerSecond }: { readonly links: Iterable<LiveLink>; readonly bytesPerSecond: number },
): number {
  let bytes = scheduler.remainingBytes;
  if (have.complete) {
    for (const { holds } of links) {
      bytes += (have.size - (holds?.count ?? have.size)) * geometry.blockSizeBytes;
    }
  }
  return bytesPerSecond > 0 ? (bytes / bytesPerSecond) * 1000 : MIN_ROUND_MS * 100;
}
