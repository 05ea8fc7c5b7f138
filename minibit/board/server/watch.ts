/** The board for a terminal: a table that is drawn in place, or where output is piped a line now and then. */
import { quote } from "../../core/base/quote.ts";
import type { ProgressStream } from "../../io/cli/progress.ts";
import { formatCount, formatPercent, formatRate, formatSize } from "../../io/os/units.ts";
import type { BoardModel } from "../model/board_model.ts";
import { figuresOf } from "../model/swarm_figures.ts";
import type { PeerModel, SwarmModel } from "../model/swarm_model.ts";
import { peerWords } from "../view/peer_words.ts";

/** How often the table is drawn, and how often a line is written where output is piped. */
const DRAW_MS = 500;
const LINE_MS = 5000;
const DEFAULT_SIZE = { rows: 24, columns: 80 };
/** Longest name of a peer or share that is shown. */
const NAME_LENGTH = 24;
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_BELOW = "\x1b[J";

/** Where it is drawn: process.stdout, or less in a test. */
export interface WatchStream extends ProgressStream {
  readonly columns?: number | undefined;
}

/** Draws a model until it is stopped. */
export class Watch {
  readonly #model: BoardModel;
  readonly #stream: WatchStream;
  readonly #timer: Timer;
  /** Lines of the table on the terminal. */
  #drawn = 0;
  #lastLines = "";
  readonly #stop = () => this.stop();

  constructor(model: BoardModel, stream: WatchStream) {
    this.#model = model;
    this.#stream = stream;
    if (this.#isTerminal) {
      stream.write(HIDE_CURSOR);
      process.on("exit", this.#stop); // however the process ends, the cursor comes back
    }
    this.#timer = setInterval(() => this.draw(), this.#isTerminal ? DRAW_MS : LINE_MS);
  }

  /** Draws now. */
  draw(): void {
    if (this.#isTerminal) {
      const { rows = DEFAULT_SIZE.rows, columns = DEFAULT_SIZE.columns } = this.#stream;
      const lines = tableOf(this.#model, { rows: rows - 1, columns: columns - 1 });
      this.#stream.write(`${this.#home()}${CLEAR_BELOW}${lines.map((line) => `${line}\n`).join("")}`);
      this.#drawn = lines.length;
      return;
    }
    const lines = [...this.#model.swarms.values()].map((swarm) => `${summaryOf(swarm)}\n`).join("");
    if (lines !== this.#lastLines) {
      this.#lastLines = lines;
      this.#stream.write(lines);
    }
  }

  /** Writes a line that stays, above the table. */
  log(line: string): void {
    if (!this.#isTerminal) {
      process.stderr.write(line);
      return;
    }
    this.#stream.write(`${this.#home()}${CLEAR_BELOW}${line}`);
    this.#drawn = 0;
    this.draw();
  }

  /** Draws a last time and gives the terminal back. */
  stop(): void {
    clearInterval(this.#timer);
    process.off("exit", this.#stop);
    this.draw();
    if (this.#isTerminal) {
      this.#stream.write(SHOW_CURSOR);
    }
  }

  get #isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Back to the first line of the table. */
  #home(): string {
    return this.#drawn === 0 ? "" : `\x1b[${this.#drawn}A\r`;
  }
}

/** All swarms as lines that fit the terminal. */
export function tableOf(model: BoardModel, size: { readonly rows: number; readonly columns: number }): string[] {
  const lines: string[] = [];
  for (const swarm of model.swarms.values()) {
    lines.push(summaryOf(swarm));
    const rows = [...swarm.peers.values()]
      .sort((a, b) => a.id - b.id)
      .map((peer) => rowOf(peer, { swarm, nowMs: model.nowMs }));
    lines.push(...aligned([["peer", "has", "receives", "sends", "state"], ...rows]), "");
  }
  if (lines.length === 0) {
    lines.push("No swarm yet");
  }
  if (lines.length > size.rows) {
    const hidden = lines.length - size.rows + 1;
    lines.splice(size.rows - 1, lines.length, `... and ${hidden} lines more`);
  }
  return lines.map((line) => (line.length > size.columns ? `${line.slice(0, size.columns - 1)}…` : line));
}

function rowOf(peer: PeerModel, context: { readonly swarm: SwarmModel; readonly nowMs: number }): string[] {
  const { name, id, blocks, stats } = peer;
  const percent = formatPercent(blocks.size === 0 ? 1 : blocks.count / blocks.size);
  const label = name === "" ? `peer ${id}` : shown(name);
  const [down, up] = [stats.downBytesPerSecond, stats.upBytesPerSecond].map(formatRate);
  return [label, percent, down ?? "", up ?? "", peerWords(peer, context)];
}

/** A swarm in one line. */
function summaryOf(swarm: SwarmModel): string {
  const { here, complete, of, bytesPerSecond, copies } = figuresOf(swarm);
  const { share, isOver } = swarm;
  return [
    `${shown(share.name)}: ${formatSize(share.sizeBytes)} in ${formatCount(share.blockCount, "block")}`,
    `${formatCount(here, "peer")} ${isOver ? "at the end" : "here"}`,
    `${complete} of ${formatCount(of, "receiver")} complete`,
    formatRate(bytesPerSecond),
    `${copies.min} to ${copies.max} copies of each block`,
  ].join(", ");
}

/** A name from an untrusted peer: no control character reaches the terminal. */
function shown(name: string): string {
  return quote(name, NAME_LENGTH).slice(1, -1);
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    }
  }
  return rows.map((row) => row.map((cell, i) => (i < row.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell)).join("  "));
}
