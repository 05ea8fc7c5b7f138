import { MAX_PEER_HOSTS, PROTOCOL_VERSION } from "../../core/base/limits.ts";
import type { UplinkUse } from "../../core/peer/idle_time.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import { activityWithoutShare } from "../../core/wire/activity.ts";
import { NO_PEER_STATS, peerStatsOf } from "../../core/wire/peer_stats_table.ts";
import { PEER_MESSAGES, type PeerMessageName, type PeerMessages } from "../../core/wire/peer_wire.ts";
import { NO_SWARM, type TrackerMessage } from "../../core/wire/tracker_wire.ts";
import type { Traffic } from "../net/framed_socket.ts";
import type { OpenShare, PeerDriver } from "./peer_driver.ts";
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
    const stats = core?.session?.stats(nowMs);
    const neighbours = [...(core?.liveLinks() ?? [])].length;
    const doing = core?.session?.doing(nowMs) ?? activityWithoutShare(neighbours);
    return {
      ...peerStatsOf({ ...NO_PEER_STATS, ...stats, hashFailures: core?.hashFailures ?? 0 }),
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
  const stats = driver.core.session?.stats(performance.now());
  return {
    event: "summary",
    downBytes: stats?.downBytes ?? 0,
    upBytes: stats?.upBytes ?? 0,
    duplicateBytes: stats?.duplicateBytes ?? 0,
    hashFailures: driver.core.hashFailures,
    sources: driver.sources.size,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    idleTime: driver.core.session?.idleTime(performance.now()),
    uplinkUse,
    ...driver.work,
    peakUpBytesPerSecond,
    messages: traffic.sent,
  };
}

/** How a peer registers with the tracker. @param who its number, addresses and process; the swarm's name or id, if it was told one */
export function registrationOf(
  driver: PeerDriver | undefined,
  who: Pick<TrackerMessage<"REGISTER">, "peerId" | "port" | "instance" | "done"> & {
    readonly hosts: readonly string[];
    readonly swarm: string | undefined;
  },
): Omit<TrackerMessage<"REGISTER">, "type"> {
  const { peerId, hosts, port, instance, done, swarm } = who;
  const manifest = driver?.share?.manifest;
  return {
    version: PROTOCOL_VERSION,
    swarmId: driver?.swarmId ?? NO_SWARM,
    share: {
      name: manifest?.name ?? swarm ?? "",
      sizeBytes: manifest?.sizeBytes ?? 0,
      blockSizeBytes: manifest?.blockSizeBytes ?? 0,
      blockCount: manifest?.blockCount ?? 0,
    },
    peerId,
    name: `peer ${peerId}`,
    hosts: hosts.slice(0, MAX_PEER_HOSTS - 1),
    port,
    blocks: driver?.core.session?.have ?? new Bitfield(0),
    instance,
    done,
  };
}

/** What a peer tells of a share once it knows it. */
export function shareReportOf({ manifest, store }: OpenShare, swarmId: Uint8Array): PeerReport {
  const { name, sizeBytes, blockSizeBytes, blockCount } = manifest;
  return {
    event: "share",
    swarmId: swarmId.toHex(),
    name,
    sizeBytes,
    blockSizeBytes,
    blockCount,
    blocks: store.found.count,
  };
}

/** How far a peer is. */
export function progressOf(driver: PeerDriver): PeerReport {
  const { core, sources } = driver;
  return {
    event: "progress",
    blocks: core.session?.have.count ?? 0,
    bytesPerSecond: core.session?.stats(performance.now()).downBytesPerSecond ?? 0,
    sources: sources.size,
    neighbours: [...core.liveLinks()].length,
  };
}
