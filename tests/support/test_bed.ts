/** A place for end-to-end tests: real processes and sockets in a folder of their own; all is gone after each test. */
import { afterEach } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "../../minibit/io/testing/temp_share.ts";
import { ProcessGroup } from "../../minibit/launch/process_group.ts";
import type { StatusDocument } from "../../tracker.ts";
import { Script, type Wrap } from "./script.ts";
import { until } from "./until.ts";

export const HOST = "127.0.0.1";

type SwarmStatus = StatusDocument["swarms"][number];

/** A tracker process that listens. */
export interface TrackerScript {
  readonly script: Script;
  /** `127.0.0.1:port`: for `--tracker`. */
  readonly address: string;
  readonly port: number;
  /** Its page. */
  readonly boardUrl: string;
  /** The only swarm, as `/status` tells it; undefined while there is none. */
  swarm(): Promise<SwarmStatus | undefined>;
  /** Waits until the only swarm is as wanted. */
  untilSwarm(what: string, isSo: (swarm: SwarmStatus) => boolean): Promise<SwarmStatus>;
}

/** Starts processes for the test that runs now. */
export class TestBed {
  #group = new ProcessGroup();
  #folder: string | undefined;
  readonly #cleanups: (() => unknown)[] = [];

  /** Where the test's scripts run and keep their files. */
  get folder(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), "minibit-e2e-"));
    return this.#folder;
  }

  /** A path in the folder. */
  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** Starts a script in the folder. */
  start(script: string, ...args: readonly string[]): Script {
    return new Script(this.#group, script, { args, cwd: this.folder });
  }

  /** Starts a script by a command line that holds its own. */
  startWrapped(wrap: Wrap, script: string, ...args: readonly string[]): Script {
    return new Script(this.#group, script, { args, cwd: this.folder, wrap });
  }

  /** Starts a peer that reports to us, on a free port. */
  peer(id: number, options: { readonly tracker: string; readonly flags?: readonly string[] }): Script {
    const { tracker, flags = [] } = options;
    return this.start("peer.ts", String(id), "--events", "--port", "0", "--tracker", tracker, ...flags);
  }

  /** Starts the peer that shares `data.bin`, blocks of 16 KiB that are made anew, and waits until it serves. */
  async seed(options: {
    readonly tracker: string;
    readonly blocks: number;
    readonly flags?: readonly string[];
  }): Promise<Script> {
    const { tracker, blocks, flags = [] } = options;
    writeFileSync(this.path("data.bin"), randomBytes(blocks * 16 * 1024));
    const seed = this.peer(0, {
      tracker,
      flags: ["--source", this.path("data.bin"), "--block-size", "16KiB", ...flags],
    });
    await seed.reported("ready");
    return seed;
  }

  /** Starts a tracker and waits until it listens. */
  async tracker(options: { readonly port?: number; readonly flags?: readonly string[] } = {}): Promise<TrackerScript> {
    const { port = 0, flags = [] } = options;
    const script = this.start("tracker.ts", "--port", String(port), "--http-port", "0", ...flags);
    const [, address = "", boardUrl = ""] = await script.said(/listening on (\S+), board on (\S+)/);
    const swarm = async (): Promise<SwarmStatus | undefined> =>
      ((await (await fetch(new URL("status", boardUrl))).json()) as StatusDocument).swarms[0];
    const untilSwarm = (what: string, isSo: (swarm: SwarmStatus) => boolean): Promise<SwarmStatus> => {
      let last: SwarmStatus | undefined;
      return until(
        what,
        async () => {
          last = await swarm();
          return last !== undefined && isSo(last) ? last : undefined;
        },
        { details: () => JSON.stringify(last) },
      );
    };
    return { script, boardUrl, address, port: Number(address.slice(address.lastIndexOf(":") + 1)), swarm, untilSwarm };
  }

  /** Starts a whole swarm on free ports. */
  runFull(...flags: readonly string[]): Script {
    return this.start("run_full.ts", "--port", "0", "--http-port", "0", "--peer-port", "0", ...flags);
  }

  /** Has something done when the test is over and its processes have ended. */
  defer(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** Ends every process and removes the folder. */
  async clear(): Promise<void> {
    const group = this.#group;
    this.#group = new ProcessGroup();
    const left = group.running;
    for (const child of left) {
      child.kill("SIGKILL");
    }
    await Promise.all(left.map((child) => child.exited));
    for (const cleanup of this.#cleanups.splice(0).reverse()) {
      await cleanup();
    }
    if (this.#folder !== undefined) {
      rmSync(this.#folder, { recursive: true, force: true });
      this.#folder = undefined;
    }
  }
}

/** Makes a test bed for a test file, cleared after each test. */
export function useTestBed(): TestBed {
  const bed = new TestBed();
  afterEach(() => bed.clear());
  return bed;
}
