import type { BlockHealth, PeerEvent } from "../core/peer_io.ts";
import type { TimeUse, UplinkUse } from "../core/time_use.ts";
import { waitsOf } from "./bound_report.ts";
import type { Logger } from "./logging.ts";
import { createProgress, type Progress } from "./progress.ts";
import { formatAddress, formatCount, formatDuration, formatSize } from "./units.ts";

/** What a peer tells of its work: as JSON, a line each, to a program that asked for `--events`. */
export type PeerReport =
  /** It serves: for the peer with the source this is the sign that others may come. */
  | { readonly event: "ready"; readonly host: string; readonly port: number }
  /** The share is known. */
  | {
      readonly event: "share";
      /** Names it: SHA-256 of the manifest, in hexadecimal. */
      readonly swarmId: string;
      readonly name: string;
      readonly sizeBytes: number;
      readonly blockSizeBytes: number;
      readonly blockCount: number;
      readonly blocks: number;
    }
  | {
      readonly event: "progress";
      readonly blocks: number;
      readonly bytesPerSecond: number;
      readonly sources: number;
      /** Peers it is linked to now. */
      readonly neighbours: number;
    }
  /** All of the share that `swarmId` names is verified and stands under its final name. */
  | {
      readonly event: "complete";
      readonly swarmId: string;
      readonly seconds: number;
      readonly path: string | undefined;
      /** How long of it the disk was waited for, in the end. */
      readonly syncMs: number;
    }
  /** The last word of a peer that ends as by `kill -9`, as it was told to. */
  | { readonly event: "killed"; readonly blocks: number }
  /** The last word. Bytes of payload. */
  | {
      readonly event: "summary";
      readonly downBytes: number;
      readonly upBytes: number;
      readonly duplicateBytes: number;
      readonly hashFailures: number;
      readonly sources: number;
      /** Most memory this process ever had resident. */
      readonly peakMemoryBytes: number;
      /** Where its time went. */
      readonly timeUse: TimeUse | undefined;
      /** How its uplink was used; only a peer with the source keeps it, where the system can tell. */
      readonly uplinkUse?: UplinkUse | undefined;
      readonly hashMs: number;
      readonly diskMs: number;
      /** The most it sent in a second, or so. */
      readonly peakUpBytesPerSecond: number;
      /** Messages sent to peers, by type. */
      readonly messages: { readonly [type: string]: number };
    };

/** Takes reports; `close` when there will be no more. */
export interface Reporter {
  report(report: PeerReport): void;
  close(): void;
}

/** Reports as JSON lines. */
export function reportAsEvents(write: (line: string) => void): Reporter {
  return { report: (report) => write(`${JSON.stringify(report)}\n`), close: () => undefined };
}

/** Reads a line written by `reportAsEvents`; undefined when it is none. */
export function parseReport(line: string): PeerReport | undefined {
  try {
    return line.startsWith("{") ? (JSON.parse(line) as PeerReport) : undefined;
  } catch {
    return undefined;
  }
}

/** Reports for people: a bar on a terminal, plain lines when piped. */
export function reportToPeople(label: string, stream: NodeJS.WriteStream): Reporter {
  let progress: Progress | undefined;
  let blockCount = 0;
  const say = (line: string): void => {
    if (progress === undefined) {
      stream.write(`${line}\n`);
    } else {
      progress.log(line);
    }
  };
  const stop = (): void => {
    progress?.stop();
    progress = undefined;
  };
  const report = (told: PeerReport): void => {
    switch (told.event) {
      case "ready":
        say(`Ready: ${label} listens on ${formatAddress(told)}`);
        break;
      case "share":
        blockCount = told.blockCount;
        say(
          `Share "${told.name}": ${formatSize(told.sizeBytes)} in ${formatCount(told.blockCount, "block")} of ${formatSize(told.blockSizeBytes)}, ${told.blocks} here`,
        );
        if (told.blocks < blockCount) {
          progress = createProgress({ labels: [label], stream });
        }
        break;
      case "progress":
        progress?.update(0, {
          percent: blockCount === 0 ? 100 : (100 * told.blocks) / blockCount,
          rateBytesPerSecond: told.bytesPerSecond,
          text: `from ${formatCount(told.sources, "peer")}`,
        });
        break;
      case "complete":
        stop();
        say(
          told.path === undefined
            ? `Serving: ${label} has everything`
            : `Complete: ${told.path} is verified, after ${formatDuration(Math.round(told.seconds * 1000))}; serving others`,
        );
        break;
      case "killed":
        stop();
        say(`Killed on purpose: ${label} holds ${formatCount(told.blocks, "block")}`);
        break;
      case "summary":
        say(
          `Leaving: ${formatSize(told.downBytes)} received from ${formatCount(told.sources, "peer")} (${formatSize(told.duplicateBytes)} twice), ${formatSize(told.upBytes)} sent`,
        );
        if (told.downBytes > 0) {
          say(`While fetching it ${waitsOf([told])}`);
        }
        break;
    }
  };
  return { report, close: stop };
}

const DAMAGED: { readonly [health in BlockHealth]: string } = {
  intact: "block {block} was looked at again and is right",
  mended: "block {block} was damaged on this disk: mended from the source or the copy",
  lost: "block {block} was damaged on this disk: it is fetched again",
  withdrawn:
    "block {block} was changed or damaged on this disk: it is given to nobody any more (look at the disk, and at who writes to it)",
};

const HOW_MISSING = {
  "wrong hash": "sent block {block} with a wrong hash (start it again, or a peer that has the block)",
  lost: "had block {block} and lost it to damage on its disk (start it again, or a peer that has the block)",
} as const;

/** Tells the log what the core noticed. */
export function logEvent(log: Logger, event: PeerEvent): void {
  switch (event.kind) {
    case "linked":
      log.debug("linked with peer {peerId}", event);
      break;
    case "unlinked":
      log.debug("link with peer {peerId} ended", event);
      break;
    case "refused":
      log.debug("dropped link {link}: {reason} {why}", { why: "", ...event });
      break;
    case "slot":
      log.debug("peer {peerId} is {slot} now", event);
      break;
    case "snubbed":
      log.info("peer {peerId} owes blocks and sends none: its blocks are asked of others", event);
      break;
    case "silent":
      log.info("nothing comes from peer {peerId} any more: its line is dead", event);
      break;
    case "hash failure":
      log.warn("block {block} came with a wrong hash and was thrown away", event);
      break;
    case "banned":
      log.warn("banned peer {peerId}: {why}", event);
      break;
    case "forgiven":
      log.warn("peer {peerId} says that block {block} was damaged on its disk: it gets a second chance", event);
      break;
    case "damaged":
      log.warn(DAMAGED[event.health], event);
      break;
    case "missing":
      log.warn(`nobody here has {blocks} of the blocks still missing: peer {peerId} ${HOW_MISSING[event.how]}`, event);
      break;
  }
}
