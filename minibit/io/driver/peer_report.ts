import * as v from "valibot";
import { parseEvent } from "./event_line.ts";

const IDLE_TIME = v.object({
  leechingMs: v.number(),
  idleMs: v.object({ choked: v.number(), "nothing to ask": v.number() }),
});
const UPLINK_USE = v.object({ wantedMs: v.number(), idleMs: v.number() });

const PEER_REPORT = v.variant("event", [
  /** It serves: for the peer with the source this is the sign that others may come. */
  v.object({ event: v.literal("ready"), host: v.string(), port: v.number() }),
  /** The share is known. */
  v.object({
    event: v.literal("share"),
    /** Names it: SHA-256 of the manifest, in hexadecimal. */
    swarmId: v.string(),
    name: v.string(),
    sizeBytes: v.number(),
    blockSizeBytes: v.number(),
    blockCount: v.number(),
    blocks: v.number(),
  }),
  v.object({
    event: v.literal("progress"),
    blocks: v.number(),
    bytesPerSecond: v.number(),
    sources: v.number(),
    /** Peers it is linked to now. */
    neighbours: v.number(),
  }),
  /** All of the share that `swarmId` names is verified and stands under its final name. */
  v.object({
    event: v.literal("complete"),
    swarmId: v.string(),
    seconds: v.number(),
    path: v.optional(v.string()),
    /** How long of it the disk was waited for, in the end. */
    syncMs: v.number(),
  }),
  /** The last word of a peer that ends as by `kill -9`, as it was told to. */
  v.object({ event: v.literal("killed"), blocks: v.number() }),
  /** The last word. Bytes of payload. */
  v.object({
    event: v.literal("summary"),
    downBytes: v.number(),
    upBytes: v.number(),
    duplicateBytes: v.number(),
    hashFailures: v.number(),
    sources: v.number(),
    /** Most memory this process ever had resident. */
    peakMemoryBytes: v.number(),
    /** Where its time went. */
    idleTime: v.optional(IDLE_TIME),
    /** How its uplink was used; only a peer with the source keeps it, where the system can tell. */
    uplinkUse: v.optional(UPLINK_USE),
    hashMs: v.number(),
    diskMs: v.number(),
    /** The most it sent in a second, or so. */
    peakUpBytesPerSecond: v.number(),
    /** Messages sent to peers, by type. */
    messages: v.record(v.string(), v.number()),
  }),
]);

/** What a peer tells of its work: as JSON, a line each, to a program that asked for `--events`. */
export type PeerReport = v.InferOutput<typeof PEER_REPORT>;

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
  return parseEvent(PEER_REPORT, line);
}
