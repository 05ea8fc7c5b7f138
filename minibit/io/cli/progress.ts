/**
 * How far everyone is: a bar a peer on a terminal, a line a peer and quarter where output is piped.
 *
 * Nothing outside this file knows the library underneath.
 */
import type { Bar } from "cli-progress";
import { formatCount, formatPercent, formatRate } from "../os/units.ts";

/** Piped, a line is written each time a peer has passed another such part. */
const LINE_EVERY_PERCENT = 25;
/** Rows of the terminal left to log lines. */
const FREE_ROWS = 4;
const DEFAULT_ROWS = 24;
/** A logged line takes the place of a bar, which may be longer. */
const CLEAR_TO_END_OF_LINE = "\x1b[K";

/** Where progress is written: process.stdout, process.stderr, or less in a test. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

/** How far one peer is. */
export interface PeerProgress {
  /** 0 to 100; 100 only when everything is verified. */
  readonly percent: number;
  readonly rateBytesPerSecond: number;
  /** A word or two beside the bar: `from 3 peers`. */
  readonly text?: string;
}

/** A display of several peers. */
export interface Progress {
  /** Tells how far the peer of the label with this index is. */
  update(index: number, progress: PeerProgress): void;
  /** Writes a line that stays, above the bars. */
  log(line: string): void;
  /** Draws a last time and gives the terminal back; nothing may be called after it. */
  stop(): void;
}

/**
 * Shows one peer a label.
 *
 * On a terminal too low for all bars there is one bar, for their mean.
 *
 * @example
 * ```ts
 * const progress = createProgress({ labels: ["peer 1", "peer 2"], stream: process.stdout });
 * progress.update(0, { percent: 12.5, rateBytesPerSecond: 1048576, text: "from 3 peers" });
 * progress.log("peer 1 dropped peer 7");
 * progress.stop();
 * ```
 */
export function createProgress(options: { labels: readonly string[]; stream: ProgressStream }): Progress {
  const { labels, stream } = options;
  if (stream.isTTY !== true) {
    return createLines(labels, stream);
  }
  const fits = labels.length + FREE_ROWS <= (stream.rows ?? DEFAULT_ROWS);
  return fits ? createBars(labels, stream) : createMeanBar(labels, stream);
}

function createLines(labels: readonly string[], stream: ProgressStream): Progress {
  const quarters = labels.map(() => 0);
  return {
    update(index, progress) {
      const quarter = Math.floor(progress.percent / LINE_EVERY_PERCENT);
      if (quarter > (quarters[index] ?? 0)) {
        quarters[index] = quarter;
        const { label, percent, rate, text } = columns(labels[index], progress);
        stream.write(`${`${label} ${percent} ${rate} ${text}`.trimEnd()}\n`);
      }
    },
    log: (line) => stream.write(`${line}\n`),
    stop() {},
  };
}

function createBars(labels: readonly string[], stream: ProgressStream): Progress {
  // loaded on a terminal only: a swarm of many processes on one machine feels each module it loads for nothing
  // biome-ignore lint/style/noCommonJs: createProgress is synchronous
  const { MultiBar } = require("cli-progress") as typeof import("cli-progress");
  const width = Math.max(...labels.map((label) => label.length));
  const multiBar = new MultiBar({
    stream: stream as NodeJS.WritableStream,
    format: "{label} {bar} {percent} {rate} {text}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 30,
    fps: 10,
    autopadding: true,
    hideCursor: true,
    linewrap: true,
    // who stops the process stops the bars
    gracefulExit: false,
  });
  const bars: readonly Bar[] = labels.map((label) => {
    const start = columns(label.padEnd(width), { percent: 0, rateBytesPerSecond: 0 });
    return multiBar.create(100, 0, start);
  });
  const stop = (): void => {
    process.off("exit", stop);
    // the last lines logged are written by an update, not by the stop
    multiBar.update();
    multiBar.stop();
  };
  // however the process ends, the cursor comes back
  process.on("exit", stop);
  return {
    update(index, progress) {
      bars[index]?.update(progress.percent, columns(labels[index]?.padEnd(width), progress));
    },
    log: (line) => multiBar.log(`${line}${CLEAR_TO_END_OF_LINE}\n`),
    stop,
  };
}

function createMeanBar(labels: readonly string[], stream: ProgressStream): Progress {
  const latest: PeerProgress[] = labels.map(() => ({ percent: 0, rateBytesPerSecond: 0 }));
  const bars = createBars([formatCount(labels.length, "peer")], stream);
  return {
    ...bars,
    update(index, progress) {
      latest[index] = progress;
      const complete = latest.filter((peer) => peer.percent >= 100).length;
      bars.update(0, {
        percent: sum(latest.map((peer) => peer.percent)) / latest.length,
        rateBytesPerSecond: sum(latest.map((peer) => peer.rateBytesPerSecond)),
        text: `${complete} complete`,
      });
    },
  };
}

/** The parts of a line or bar, numbers in columns of one width. */
function columns(label = "", progress: PeerProgress): { [part: string]: string } {
  return {
    label,
    percent: formatPercent(progress.percent / 100).padStart(6),
    rate: formatRate(progress.rateBytesPerSecond).padStart(10),
    text: progress.text ?? "",
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
