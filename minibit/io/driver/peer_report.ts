import type { IdleTime, UplinkUse } from "../../core/peer/idle_time.ts";

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
      readonly idleTime: IdleTime | undefined;
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
