import { createProgress, type Progress } from "../io/cli/progress.ts";
import { type PeerReport, parseReport } from "../io/driver/peer_report.ts";
import { formatCount, formatDuration } from "../io/os/units.ts";
import type { PeerRecord } from "./peer_record.ts";

/** What the peers of a run told, and the display of how far they are. Peer 0 is the seed; peer N has the label N - 1. */
export class RunRecords {
  readonly all: readonly PeerRecord[];
  readonly #labels: readonly string[];
  readonly #stream: NodeJS.WriteStream;
  #progress: Progress | undefined;

  /** @param names what the table and the display call peers 1, 2, ... */
  constructor(names: readonly { readonly row: string; readonly bar: string }[], stream: NodeJS.WriteStream) {
    this.#labels = names.map(({ bar }) => bar);
    this.#stream = stream;
    this.all = ["0 (seed)", ...names.map(({ row }) => row)].map((name, id) => ({
      id,
      name,
      share: undefined,
      blocks: 0,
      bytesPerSecond: 0,
      beganMs: undefined,
      lonelySinceMs: undefined,
      quietSinceMs: undefined,
      killedBlocks: undefined,
      completeMs: undefined,
      syncMs: 0,
      seconds: undefined,
      summary: undefined,
    }));
  }

  /** Shows bars, or lines where output is piped. */
  show(): void {
    this.#progress = createProgress({ labels: this.#labels, stream: this.#stream });
  }

  /** Gives the terminal back. */
  hide(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }

  /** Takes a line that a peer reported; returns the report, if it was one. */
  report(id: number, line: string): PeerReport | undefined {
    const report = parseReport(line);
    const record = this.all[id];
    if (report === undefined || record === undefined) {
      return report;
    }
    record.beganMs ??= performance.now();
    switch (report.event) {
      case "ready":
        break;
      case "share":
        record.share = report;
        record.blocks = report.blocks;
        break;
      case "progress":
        record.blocks = report.blocks;
        record.lonelySinceMs = report.neighbours > 0 ? undefined : (record.lonelySinceMs ?? performance.now());
        record.bytesPerSecond = report.bytesPerSecond;
        record.quietSinceMs = report.bytesPerSecond > 0 ? undefined : (record.quietSinceMs ?? performance.now());
        this.#update(record, `from ${formatCount(report.sources, "peer")}`);
        break;
      case "complete":
        record.seconds = report.seconds;
        record.completeMs = performance.now();
        record.syncMs = report.syncMs;
        this.#update(record, `complete after ${formatDuration(Math.round(report.seconds * 1000))}`);
        break;
      case "killed":
        record.killedBlocks = report.blocks;
        record.blocks = report.blocks;
        this.fail(id, "killed on purpose");
        break;
      case "summary":
        record.summary = report;
        break;
    }
    return report;
  }

  /** Marks a peer as lost, with why. */
  fail(id: number, why: string): void {
    this.#progress?.update(id - 1, { percent: recordPercent(this.all[id]), rateBytesPerSecond: 0, text: why });
  }

  /** Writes a line that stays, above the bars, or to `stream` where there are none. */
  log(line: string, stream: NodeJS.WriteStream): void {
    if (this.#progress === undefined || !this.#stream.isTTY) {
      stream.write(`${line}\n`);
    } else {
      this.#progress.log(line);
    }
  }

  #update(record: PeerRecord, text: string): void {
    if (record.id > 0 && record.share !== undefined) {
      const isDone = record.seconds !== undefined;
      const rateBytesPerSecond = isDone ? 0 : record.bytesPerSecond;
      this.#progress?.update(record.id - 1, { percent: recordPercent(record), rateBytesPerSecond, text });
    }
  }
}

/** How much a peer has, 0 to 100; 100 only when its copy is verified and in its place. */
export function recordPercent(record: PeerRecord | undefined): number {
  if (record?.seconds !== undefined) {
    return 100;
  }
  if (record?.share === undefined) {
    return 0;
  }
  return Math.min(99.9, (100 * record.blocks) / Math.max(1, record.share.blockCount));
}
