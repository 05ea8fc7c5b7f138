/** This machine's end of a push: the tracker and the seed, which listen where the other machines see us. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quote } from "../core/base/quote.ts";
import { withoutFlags } from "../io/cli/cli.ts";
import { STARTED_BY_RUN } from "../io/driver/peer_options.ts";
import { listeningText } from "../io/driver/tracker_report.ts";
import { listenLine } from "../io/net/listeners.ts";
import { listening } from "../io/net/listening.ts";
import { onThisMachine, openBrowser } from "../io/os/browser.ts";
import { formatAddress } from "../io/os/units.ts";
import { remove } from "../io/store/result.ts";
import { type ChildRole, peerReady, trackerReady } from "./children.ts";
import type { Child, ProcessGroup } from "./process_group.ts";
import type { RunRecords } from "./run_records.ts";

/** What the tracker and the seed are started with. */
export interface PushServerOptions {
  readonly source: string;
  readonly advertise: readonly string[];
  /** The tracker's port, that of its board, and the seed's; 0: any free one. */
  readonly port: number;
  readonly httpPort: number;
  readonly peerPort: number;
  readonly seedFlags: readonly string[];
  readonly trackerFlags: readonly string[];
  readonly logFlags: readonly string[];
  /** Open the tracker's page in a browser. */
  readonly open: boolean;
  readonly stdout: NodeJS.WriteStream;
  /** The command line that runs one of the scripts. */
  readonly script: (name: string) => readonly string[];
}

/** The tracker and the seed of a push. */
export class PushServer {
  readonly #options: PushServerOptions;
  readonly #group: ProcessGroup<ChildRole>;
  readonly #records: RunRecords;
  readonly #onErrorLine: (line: string) => void;
  readonly #children: Child<ChildRole>[] = [];
  readonly #listening = new Set<string>();
  #starting: Promise<number> | undefined;
  #seedFolder: string | undefined;

  constructor(
    options: PushServerOptions,
    heard: {
      readonly group: ProcessGroup<ChildRole>;
      readonly records: RunRecords;
      readonly onErrorLine: (line: string) => void;
    },
  ) {
    this.#options = options;
    this.#group = heard.group;
    this.#records = heard.records;
    this.#onErrorLine = heard.onErrorLine;
  }

  /**
   * Has the tracker and the seed listen at these addresses: starts them for the first machine that answers.
   *
   * @param onFailed told when they cannot be started: then there is no push
   * @returns the tracker's port
   * @throws {UserError} the port is in use at one of the addresses that came later
   */
  async serve(hosts: readonly string[], onFailed: (error: unknown) => void): Promise<number> {
    if (this.#starting === undefined) {
      for (const host of hosts) {
        this.#listening.add(host);
      }
      this.#starting = this.#start(hosts);
      this.#starting.catch(onFailed);
    }
    const port = await this.#starting;
    for (const host of hosts) {
      if (!this.#listening.has(host)) {
        // tried here first, where the machine's row can tell
        listening(() => Bun.listen({ hostname: host, port, socket: { data: () => undefined } }), {
          ...{ host, port, flag: "--port" },
        }).stop(true);
        this.#listening.add(host);
        await Promise.all(this.#children.map((child) => tell(child, listenLine(host))));
      }
    }
    return port;
  }

  /** Removes what the seed kept on the disk; its process has ended. */
  async close(): Promise<void> {
    if (this.#seedFolder !== undefined) {
      await remove(this.#seedFolder);
    }
  }

  async #start(hosts: readonly string[]): Promise<number> {
    const { port, httpPort, peerPort, source, seedFlags, trackerFlags, logFlags, stdout, script } = this.#options;
    const listen = hosts.flatMap((host) => ["--host", host]);
    const { advertise } = this.#options;
    const announced = advertise.length === 0 ? [] : [...advertise, ...hosts].flatMap((host) => ["--advertise", host]);
    const tracker = this.#group.start({
      name: "tracker",
      role: { kind: "tracker" },
      command: [
        ...script("tracker.ts"),
        "--events",
        ...[...listen, "--port", String(port), "--http-port", String(httpPort)],
        ...trackerFlags,
        ...logFlags,
      ],
      env: withoutFlags(),
      onErrorLine: this.#onErrorLine,
      readyWhen: trackerReady,
    });
    const listening = await tracker.ready;
    this.#records.log(listeningText(listening), stdout);
    if (this.#options.open) {
      openBrowser(onThisMachine(listening.boardUrl), { tell: (line) => this.#records.log(line, process.stderr) });
    }
    const server = { host: hosts[0] ?? "", port: listening.port };
    this.#records.log(`Reading ${quote(source)}`, stdout);
    this.#seedFolder = mkdtempSync(join(tmpdir(), "minibit-seed-"));
    const seed = this.#group.start({
      name: "the seed",
      role: { kind: "peer", id: 0 },
      command: [
        ...[...script("peer.ts"), "0", "--events", "--source", source, "--dir", this.#seedFolder, "--store", "direct"],
        ...["--tracker", formatAddress(server), ...listen, ...announced, "--port", String(peerPort)],
        ...seedFlags,
        ...logFlags,
      ],
      env: { ...withoutFlags(), [STARTED_BY_RUN]: "1" },
      onLine: (line) => this.#records.report(0, line),
      onErrorLine: this.#onErrorLine,
      readyWhen: peerReady,
    });
    await seed.ready;
    this.#children.push(tracker, seed);
    return server.port;
  }
}

/** Writes to a child; one that has ended, which is told elsewhere, hears nothing. */
async function tell(child: Child<ChildRole>, line: string): Promise<void> {
  try {
    await child.send(Buffer.from(line));
  } catch {
    // its end is noted by the group
  }
}
