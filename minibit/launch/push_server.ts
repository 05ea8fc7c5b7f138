/** This machine's end of a push: the tracker and the seed, which listen where the other machines see us. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quote } from "../core/base/quote.ts";
import { listenLine } from "../io/net/listeners.ts";
import { listening } from "../io/net/listening.ts";
import { formatAddress } from "../io/os/units.ts";
import { remove } from "../io/store/result.ts";
import type { ChildRole } from "./children.ts";
import type { Child } from "./process_group.ts";
import type { Supervisor } from "./supervisor.ts";

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
}

/** The tracker and the seed of a push. */
export class PushServer {
  readonly #options: PushServerOptions;
  readonly #supervisor: Supervisor;
  readonly #children: Child<ChildRole>[] = [];
  readonly #listening = new Set<string>();
  #starting: Promise<number> | undefined;
  #seedFolder: string | undefined;

  constructor(options: PushServerOptions, supervisor: Supervisor) {
    this.#options = options;
    this.#supervisor = supervisor;
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
    const { port, httpPort, peerPort, source, seedFlags, trackerFlags, logFlags, stdout } = this.#options;
    const listen = hosts.flatMap((host) => ["--host", host]);
    const { advertise } = this.#options;
    const announced = advertise.length === 0 ? [] : [...advertise, ...hosts].flatMap((host) => ["--advertise", host]);
    const { child: tracker, listening } = await this.#supervisor.startTracker({
      flags: [...listen, "--port", String(port), "--http-port", String(httpPort), ...trackerFlags, ...logFlags],
      open: this.#options.open,
    });
    const server = { host: hosts[0] ?? "", port: listening.port };
    this.#supervisor.records.log(`Reading ${quote(source)}`, stdout);
    this.#seedFolder = mkdtempSync(join(tmpdir(), "minibit-seed-"));
    const seed = this.#supervisor.startPeer(0, {
      name: "the seed",
      flags: [
        ...["--source", source, "--dir", this.#seedFolder, "--store", "direct", "--port", String(peerPort)],
        ...["--tracker", formatAddress(server), ...listen, ...announced, ...seedFlags, ...logFlags],
      ],
    });
    await seed.ready;
    this.#children.push(tracker, seed);
    return listening.port;
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
