import { doingWithoutShare } from "../core/activity.ts";
import { PEER_MESSAGES, type PeerMessageName, type PeerMessages } from "../core/peer_wire.ts";
import type { UplinkUse } from "../core/time_use.ts";
import type { TrackerMessage } from "../core/tracker_wire.ts";
import type { Traffic } from "./framed_socket.ts";
import type { PeerDriver } from "./peer_driver.ts";
import type { PeerReport } from "./peer_report.ts";

/** What a peer tells the tracker of itself once a second: its rates and totals, and the messages sent since the last time. */
export class TrackerStats {
  readonly #traffic: Traffic<PeerMessages>;
  readonly #told = new Map<PeerMessageName, number>();

  constructor(traffic: Traffic<PeerMessages>) {
    this.#traffic = traffic;
  }

  /** @param driver undefined while the swarm is not known */
  next(driver: PeerDriver | undefined, done: boolean): Omit<TrackerMessage<"STATS">, "type"> {
    const nowMs = performance.now();
    const core = driver?.core;
    const stats = core?.sharing?.stats(nowMs);
    const neighbours = [...(core?.liveLinks() ?? [])].length;
    const doing = core?.sharing?.doing(nowMs) ?? doingWithoutShare(neighbours);
    return {
      downBytesPerSecond: stats?.downBytesPerSecond ?? 0,
      upBytesPerSecond: stats?.upBytesPerSecond ?? 0,
      downBytes: stats?.downBytes ?? 0,
      upBytes: stats?.upBytes ?? 0,
      duplicateBytes: stats?.duplicateBytes ?? 0,
      hashFailures: core?.hashFailures ?? 0,
      unchoked: stats?.unchoked ?? [],
      optimistic: stats?.optimistic ?? [],
      chokedBy: stats?.chokedBy ?? 0,
      neighbours,
      ...doing,
      activity: driver?.isWaitingForDisk === true ? "disk" : doing.activity,
      messages: this.#newMessages(),
      done,
    };
  }

  #newMessages(): { type: number; count: number }[] {
    const news: { type: number; count: number }[] = [];
    for (const [name, sent] of Object.entries(this.#traffic.sent) as [PeerMessageName, number][]) {
      const count = sent - (this.#told.get(name) ?? 0);
      this.#told.set(name, sent);
      if (count > 0) {
        news.push({ type: PEER_MESSAGES[name].code, count });
      }
    }
    return news;
  }
}

/** What a peer says last: its totals. */
export function summaryOf(
  driver: PeerDriver,
  options: {
    readonly traffic: Traffic<PeerMessages>;
    readonly peakUpBytesPerSecond: number;
    readonly uplinkUse: UplinkUse | undefined;
  },
): PeerReport {
  const { traffic, peakUpBytesPerSecond, uplinkUse } = options;
  const stats = driver.core.sharing?.stats(performance.now());
  return {
    event: "summary",
    downBytes: stats?.downBytes ?? 0,
    upBytes: stats?.upBytes ?? 0,
    duplicateBytes: stats?.duplicateBytes ?? 0,
    hashFailures: driver.core.hashFailures,
    sources: driver.sources.size,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    timeUse: driver.core.sharing?.timeUse(performance.now()),
    uplinkUse,
    ...driver.work,
    peakUpBytesPerSecond,
    messages: traffic.sent,
  };
}
