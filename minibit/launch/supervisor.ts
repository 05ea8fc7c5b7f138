/**
 * The processes of a run: starts them, hears their events into records, tells what they complain about, and ends all of
 * them together. Which processes a run has, and what the end of one means for it, is said by who owns the supervisor.
 */
import { withoutFlags } from "../io/cli/cli.ts";
import { STARTED_BY_RUN } from "../io/driver/peer_options.ts";
import { listeningText, type TrackerReport } from "../io/driver/tracker_report.ts";
import { onThisMachine, openBrowser } from "../io/os/browser.ts";
import { type ChildRole, nameOf, peerReady, trackerReady } from "./children.ts";
import { type Child, type ChildExit, type ChildOptions, isComplaint, ProcessGroup } from "./process_group.ts";
import { RunRecords } from "./run_records.ts";

/** What a run is made of. */
export interface SupervisorOptions {
  /** What the table and the display call peers 1, 2, ... */
  readonly names: readonly { readonly row: string; readonly bar: string }[];
  readonly stdout: NodeJS.WriteStream;
  /** The command line that runs one of the scripts. */
  readonly script: (name: string) => readonly string[];
  /** Set for the children in addition to this process's environment. */
  readonly env?: { readonly [name: string]: string };
  /** A child ended though it was not asked to. */
  readonly onEnded: (child: Child<ChildRole>, exit: ChildExit) => void;
}

/** One run's processes. */
export class Supervisor {
  /** What the peers told. */
  readonly records: RunRecords;
  /** For children that are started in another way. */
  readonly group: ProcessGroup<ChildRole>;
  readonly #options: SupervisorOptions;
  readonly #failed = Promise.withResolvers<never>();
  #isQuiet = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#failed.promise.catch(() => undefined); // heard by who waits
    this.records = new RunRecords(options.names, options.stdout);
    this.group = new ProcessGroup({ onExit: options.onEnded });
  }

  /** The run cannot succeed any more: whatever waits by `until` ends with this error. */
  readonly fail = (error: unknown): void => this.#failed.reject(error);

  /** Waits, but not when the run has failed. */
  until<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed.promise]);
  }

  /** Starts the tracker; resolves when it listens, which is told. @param options.open its page is opened in a browser */
  async startTracker(options: {
    readonly flags: readonly string[];
    readonly open: boolean;
  }): Promise<{ readonly child: Child<ChildRole>; readonly listening: TrackerReport }> {
    const child = this.start(
      { kind: "tracker" },
      { script: "tracker.ts", flags: ["--events", ...options.flags], readyWhen: trackerReady },
    );
    const listening = await child.ready;
    this.records.log(listeningText(listening), this.#options.stdout);
    if (options.open) {
      openBrowser(onThisMachine(listening.boardUrl), { tell: (line) => this.records.log(line, process.stderr) });
    }
    return { child, listening };
  }

  /** Starts a peer of this machine; it is ready when others may come. @param options.onTold it told something */
  startPeer(
    id: number,
    options: { readonly flags: readonly string[]; readonly name?: string; readonly onTold?: () => void },
  ): Child<ChildRole> {
    const { flags, name, onTold } = options;
    const onLine = (line: string): void => {
      this.records.report(id, line);
      onTold?.();
    };
    const role = { kind: "peer", id } as const;
    return this.start(role, {
      ...(name === undefined ? {} : { name }),
      ...{ script: "peer.ts", flags: [String(id), "--events", ...flags], onLine, readyWhen: peerReady },
    });
  }

  /** Starts one of the scripts. */
  start<Ready>(
    role: ChildRole,
    options: { readonly script: string; readonly flags: readonly string[]; readonly name?: string } & Pick<
      ChildOptions<ChildRole, Ready>,
      "onLine" | "readyWhen"
    >,
  ): Child<ChildRole, Ready> {
    const { script, flags, name = nameOf(role), ...heard } = options;
    return this.group.start({
      ...{ name, role, ...heard },
      command: [...this.#options.script(script), ...flags],
      env: { ...withoutFlags(), ...this.#options.env, [STARTED_BY_RUN]: "1" },
      onErrorLine: (line) => this.#errorLine(line),
    });
  }

  /** The run is over: what children say of each other's end is of no interest, and the terminal is given back. */
  quiet(): void {
    this.#isQuiet = true;
    this.records.hide();
  }

  /** Ends every child; resolves when all have ended. */
  async close(): Promise<void> {
    this.quiet();
    await this.group.stopAll();
  }

  #errorLine(line: string): void {
    // a complaint is told once, when its child has ended
    if (!isComplaint(line) && !this.#isQuiet) {
      this.records.log(line, process.stderr);
    }
  }
}
