import type { PeerReport } from "../io/driver/peer_report.ts";

type ReportOf<Event extends PeerReport["event"]> = Extract<PeerReport, { event: Event }>;

/** What one peer told of itself. */
export interface PeerRecord {
  readonly id: number;
  /** What people call it. */
  readonly name: string;
  share: ReportOf<"share"> | undefined;
  blocks: number;
  bytesPerSecond: number;
  /** When it was in the swarm, by our clock. */
  beganMs: number | undefined;
  /** Since when it has had no link to another peer, by our clock. */
  lonelySinceMs: number | undefined;
  /** Since when nothing has come to it, by our clock. */
  quietSinceMs: number | undefined;
  /** How many blocks it held when it was killed on purpose. */
  killedBlocks: number | undefined;
  /** When its copy was verified and in its place, by our clock; and how long that took it, by its own. */
  completeMs: number | undefined;
  /** How long of it the disk was waited for, once all was copied. */
  syncMs: number;
  seconds: number | undefined;
  summary: ReportOf<"summary"> | undefined;
}
