import { join } from "node:path";
import { type PeerReport, parseReport } from "../../minibit/io/driver/peer_report.ts";
import type { Child, ChildExit, ProcessGroup } from "../../minibit/launch/process_group.ts";
import { until } from "./until.ts";

const ROOT = join(import.meta.dir, "..", "..");

type Report<Event extends PeerReport["event"]> = Extract<PeerReport, { event: Event }>;

/** Puts a command line into another: `ip netns exec name ...`. */
export type Wrap = (command: readonly string[]) => readonly string[];

/** One of MiniBit's scripts as a process of its own, and all it has said. */
export class Script {
  readonly name: string;
  /** The lines of its stdout. */
  readonly lines: string[] = [];
  /** The lines of its stderr: the log, and the last word when it fails. */
  readonly complaints: string[] = [];
  readonly #child: Child;
  #exit: ChildExit | undefined;

  /**
   * @param script relative to the project's root: `peer.ts`
   * @param options.wrap puts the command line into another
   */
  constructor(
    group: ProcessGroup,
    script: string,
    options: { args: readonly string[]; cwd: string; wrap?: Wrap | undefined },
  ) {
    const { args, cwd, wrap = (command) => command } = options;
    this.name = `${script} ${args[0] ?? ""}`.trim();
    this.#child = group.start({
      name: this.name,
      command: wrap([process.execPath, join(ROOT, script), ...args]),
      cwd,
      onLine: (line) => this.lines.push(line),
      onErrorLine: (line) => this.complaints.push(line),
    });
    void this.#child.exited.then((exit) => {
      this.#exit = exit;
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** What a peer with `--events` reported. */
  get reports(): PeerReport[] {
    return this.lines.map(parseReport).filter((report) => report !== undefined);
  }

  /** The last report of its kind. */
  report<Event extends PeerReport["event"]>(event: Event): Report<Event> | undefined {
    return this.reports.findLast((report): report is Report<Event> => report.event === event);
  }

  /** Waits for a report. @throws {Error} when the process ends without */
  reported<Event extends PeerReport["event"]>(
    event: Event,
    matches: (report: Report<Event>) => boolean = () => true,
  ): Promise<Report<Event>> {
    return this.until(`the report "${event}"`, () =>
      this.reports.find(
        (report): report is Report<Event> => report.event === event && matches(report as Report<Event>),
      ),
    );
  }

  /** Waits for a line on stdout. @throws {Error} when the process ends without */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.until(`${pattern} on stdout`, () => firstMatch(this.lines, pattern));
  }

  /** Waits for a line on stderr. @throws {Error} when the process ends without */
  async complained(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.until(`${pattern} on stderr`, () => firstMatch(this.complaints, pattern));
  }

  /** Waits for a condition that needs this process to live. */
  until<T>(what: string, look: () => T | undefined): Promise<T> {
    return until(
      `${this.name}: ${what}`,
      () => {
        const found = look();
        if (found === undefined && !this.running) {
          throw new Error(`${this.name} ended before ${what} (${JSON.stringify(this.#exit)})\n${this.#tail()}`);
        }
        return found;
      },
      { details: () => this.#tail() },
    );
  }

  /** Waits for its end; returns how it ended, in short: an exit code or a signal. */
  async ended(timeoutMs = 20_000): Promise<number | string> {
    const exit = await until(`${this.name} to end`, () => this.#exit, { timeoutMs, details: () => this.#tail() });
    return exit.signal ?? exit.exitCode ?? "unknown";
  }

  /** Waits for its end. @throws {Error} with its last words when its exit code is not 0 */
  async succeeded(): Promise<void> {
    const end = await this.ended();
    if (end !== 0) {
      throw new Error(`${this.name} ended with ${end}\n${this.#tail()}`);
    }
  }

  /** Sends a signal and waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<number | string> {
    this.#child.kill(signal);
    return await this.ended();
  }

  /** Writes to its stdin. */
  async tell(text: string): Promise<void> {
    await this.#child.send(Buffer.from(text));
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #tail(): string {
    return [...this.lines.slice(-10), ...this.complaints.slice(-20)].join("\n");
  }
}

function firstMatch(lines: readonly string[], pattern: RegExp): RegExpExecArray | undefined {
  for (const line of lines) {
    const match = pattern.exec(line);
    if (match !== null) {
      return match;
    }
  }
  return undefined;
}
