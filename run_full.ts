/**
 * Runs a whole swarm on this machine, as the original did: peer 0 -> dist_block -> tracker -> other peers, each a process of its own.
 *
 *     bun run_full.ts --peers 5 --source arquivos
 */
import { mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "./minibit/core/errors.ts";
import { quote } from "./minibit/core/quote.ts";
import { oneOf, parseCommandLine, parseText, runMain } from "./minibit/io/cli.ts";
import { exitCodeOf, onStop, type StopReason } from "./minibit/io/lifecycle.ts";
import { LOG_FLAGS } from "./minibit/io/logging.ts";
import { readStoredManifest } from "./minibit/io/open_store.ts";
import { parseReport } from "./minibit/io/peer_report.ts";
import {
  type Child,
  type ChildExit,
  type ChildOptions,
  describeExit,
  ProcessGroup,
} from "./minibit/io/process_group.ts";
import { createProgress, type Progress } from "./minibit/io/progress.ts";
import { type PeerRecord, summaryTable } from "./minibit/io/run_summary.ts";
import { scanShare } from "./minibit/io/share.ts";
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseInteger,
  parsePort,
  parseRate,
  parseSize,
} from "./minibit/io/units.ts";
import { resultPath, verifyResult } from "./utils.ts";

/** More peers than this do not fit a machine people have: each is a process. */
const MAX_PEERS = 500;

/** What to run. Flags in `peerFlags` and `logFlags` are handed to the children as they are. */
export interface RunOptions {
  /** All peers, peer 0 among them. */
  readonly peers: number;
  readonly source: string;
  readonly dir: string;
  /** Ports; 0 takes free ones. Peer N listens on `peerPort` + N. */
  readonly port: number;
  readonly httpPort: number;
  readonly peerPort: number;
  /** Go on with what an earlier run left, instead of starting fresh. */
  readonly resume: boolean;
  readonly peerFlags: readonly string[];
  readonly logFlags: readonly string[];
  readonly stdout: NodeJS.WriteStream;
}

/**
 * Runs a swarm from start to verdict.
 *
 * @returns 0 only if every peer's copy is verified; 130 after Ctrl+C
 * @throws {UserError} when a child failed; by then all children are gone and the blocks are kept
 */
export async function runFull(options: RunOptions, stopped: Promise<StopReason>): Promise<number> {
  const swarm = new LocalSwarm(options);
  try {
    return await Promise.race([swarm.run(), stopped.then(exitCodeOf)]);
  } finally {
    await swarm.close();
  }
}

class LocalSwarm {
  readonly #options: RunOptions;
  readonly #group: ProcessGroup;
  readonly #failed = Promise.withResolvers<never>();
  readonly #peersLeft = Promise.withResolvers<void>();
  readonly #records: PeerRecord[];
  readonly #lastErrors = new Map<string, string>();
  #progress: Progress | undefined;
  #peersRunning = 0;
  /** Children are being ended: what they say of each other's end is of no interest. */
  #closing = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#failed.promise.catch(() => undefined);
    this.#group = new ProcessGroup({ onExit: (child, exit) => this.#childEnded(child.name, exit) });
    this.#records = Array.from({ length: options.peers }, (_, id) => ({
      id,
      blocks: 0,
      share: undefined,
      seconds: undefined,
      summary: undefined,
    }));
  }

  async run(): Promise<number> {
    const { peers, dir, resume, stdout } = this.#options;
    const startMs = performance.now();
    // what cannot be shared is refused before anything is removed or started
    const { source } = await scanShare(this.#options.source, { dir });
    if (!resume) {
      await this.#startFresh(source);
    }
    const port = this.#options.port || freePort();
    const tracker = `127.0.0.1:${port}`;

    await this.#until(this.#startPeer(0, tracker));
    await this.#until(this.#deal());
    await this.#until(this.#startTracker(port));
    const labels = this.#records.slice(1).map(({ id }) => `peer ${id}`);
    this.#progress = createProgress({ labels, stream: stdout });
    for (let id = 1; id < peers; id++) {
      this.#startPeer(id, tracker).catch(this.#failed.reject);
    }
    await this.#until(this.#peersLeft.promise);
    this.#progress.stop();
    this.#progress = undefined;
    const seconds = (performance.now() - startMs) / 1000;

    const stored = await readStoredManifest(dir, 0);
    if (stored === undefined) {
      throw new UserError(`Cannot verify the results: 'blocos_peer_0' in '${dir}' has no manifest.json`);
    }
    const verdicts = new Map<number, string>();
    for (const { id } of this.#records.slice(1)) {
      const result = await verifyResult(resultPath(dir, { peerId: id, manifest: stored.manifest }), stored.manifest);
      verdicts.set(id, result.ok ? "verified" : `WRONG: ${result.firstDifference}`);
    }
    stdout.write(summaryTable(this.#records, { verdicts, sizeBytes: stored.manifest.sizeBytes, seconds }));
    return [...verdicts.values()].every((verdict) => verdict === "verified") ? 0 : 1;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#progress?.stop();
    await this.#group.stopAll();
  }

  #until<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed.promise]);
  }

  /** Removes what an earlier run left of the peers that will run now. */
  async #startFresh(source: string): Promise<void> {
    const { dir } = this.#options;
    mkdirSync(dir, { recursive: true });
    const isLeft = (name: string): boolean =>
      Number(/^(?:blocos|reconstruido)_peer_(\d+)(?:\.|$)/.exec(name)?.[1]) < this.#options.peers;
    const left = readdirSync(dir)
      .filter(isLeft)
      .map((name) => resolve(dir, name));
    if (left.some((path) => `${source}/`.startsWith(`${path}/`))) {
      throw new UserError(`Cannot share ${quote(source)}: an earlier run left it, and it would be removed (move it)`);
    }
    await Promise.all(left.map((path) => rm(path, { recursive: true, force: true })));
  }

  async #startPeer(id: number, tracker: string): Promise<void> {
    const { dir, source, peerPort, peerFlags, logFlags, peers } = this.#options;
    const name = `peer ${id}`;
    this.#peersRunning++;
    const port = peerPort === 0 ? 0 : peerPort + id;
    const child = this.#start(name, {
      script: "peer.ts",
      flags: [
        ...[String(id), "--events", "--tracker", tracker, "--port", String(port), "--dir", dir],
        ...(id === 0 ? ["--source", source] : []),
        ...peerFlags,
        ...logFlags,
      ],
      onLine: (line) => this.#report(id, line),
      isReady: (line) => parseReport(line)?.event === "ready",
    });
    await child.ready;
    if (id === 0) {
      const { share } = this.#records[0] ?? {};
      if (share !== undefined) {
        this.#options.stdout.write(
          `Sharing "${share.name}" (${formatSize(share.sizeBytes)} in ${share.blockCount} blocks) with ${peers - 1} peers\n`,
        );
      }
    }
  }

  async #deal(): Promise<void> {
    const { peers, dir, source, resume } = this.#options;
    if (resume || peers < 2) {
      return;
    }
    const dealt = Promise.withResolvers<void>();
    this.#dealt = dealt.resolve;
    this.#start("dist_block", {
      script: "dist_block.ts",
      flags: ["--peers", String(peers), "--dir", dir, "--source", source],
    });
    await dealt.promise;
  }

  #dealt: () => void = () => undefined;

  async #startTracker(port: number): Promise<void> {
    const { peers, httpPort, logFlags, stdout } = this.#options;
    const child = this.#start("tracker", {
      script: "tracker.ts",
      flags: ["--port", String(port), "--http-port", String(httpPort), "--expect", String(peers), ...logFlags],
      isReady: (line) => line.includes("listening"),
    });
    stdout.write(`${await child.ready}\n`);
  }

  /** Starts a script that stands beside this one. */
  #start(
    name: string,
    options: { readonly script: string; readonly flags: readonly string[] } & Pick<ChildOptions, "onLine" | "isReady">,
  ): Child {
    const { script, flags, ...heard } = options;
    return this.#group.start({
      name,
      command: [process.execPath, join(import.meta.dir, script), ...flags],
      env: childEnvironment(),
      onErrorLine: (line) => this.#errorLine(name, line),
      ...heard,
    });
  }

  #report(id: number, line: string): void {
    const report = parseReport(line);
    const record = this.#records[id];
    if (report === undefined || record === undefined) {
      return;
    }
    switch (report.event) {
      case "ready":
        break;
      case "share":
        record.share = report;
        break;
      case "progress":
        this.#showProgress(id, { blocks: report.blocks, rate: report.bytesPerSecond, sources: report.sources });
        break;
      case "complete":
        record.seconds = report.seconds;
        this.#showProgress(id, { blocks: record.share?.blockCount ?? 0, rate: 0, sources: 0 });
        break;
      case "summary":
        record.summary = report;
        break;
    }
  }

  #showProgress(id: number, now: { readonly blocks: number; readonly rate: number; readonly sources: number }): void {
    const { share, seconds } = this.#records[id] ?? {};
    if (id === 0 || share === undefined) {
      return;
    }
    const done = seconds !== undefined;
    this.#progress?.update(id - 1, {
      percent: done ? 100 : Math.min(99, (100 * now.blocks) / Math.max(1, share.blockCount)),
      rateBytesPerSecond: now.rate,
      text: done ? `complete after ${formatDuration(Math.round(seconds * 1000))}` : `from ${now.sources} peers`,
    });
  }

  #errorLine(name: string, line: string): void {
    if (line.startsWith("Cannot ")) {
      this.#lastErrors.set(name, line); // told once, when the child has ended
    } else if (this.#closing) {
      return;
    } else if (this.#progress === undefined || !this.#options.stdout.isTTY) {
      process.stderr.write(`${line}\n`);
    } else {
      this.#progress.log(line);
    }
  }

  #childEnded(name: string, exit: ChildExit): void {
    if (exit.exitCode !== 0) {
      const lastError = this.#lastErrors.get(name);
      const why = lastError === undefined ? "" : `: ${lastError}`;
      this.#failed.reject(new UserError(`Cannot complete the run: ${name} ${describeExit(exit)}${why}`));
    } else if (name === "dist_block") {
      this.#dealt();
    } else if (name === "tracker") {
      this.#failed.reject(new UserError("Cannot complete the run: the tracker ended too soon"));
    } else if (--this.#peersRunning === 0) {
      this.#peersLeft.resolve();
    }
  }
}

/** Flags in the environment are this script's own (MINIBIT_SOURCE!); the children's are all on their command lines. */
function childEnvironment(): { readonly [name: string]: string } {
  const names = Object.keys(process.env).filter((name) => name.startsWith("MINIBIT_"));
  return Object.fromEntries(names.map((name) => [name, ""]));
}

/** A port that is free now; it is taken a moment later by a child that must know it beforehand. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  probe.stop(true);
  return probe.port;
}

/** A parser for a flag that is handed to the children as it is: a wrong one is refused before any of them starts. */
function handedOn(parse: (text: string) => unknown): (text: string) => string {
  return (text) => {
    parse(text);
    return text;
  };
}

/** `bun run_full.ts [flags]` */
async function main(): Promise<number> {
  const values = parseCommandLine({
    name: "run_full.ts",
    summary: "Runs a whole swarm on this machine: peer 0 shares, all others fetch, every copy is verified.",
    flags: {
      peers: {
        value: "n",
        help: "peers in all, peer 0 among them",
        parse: (text) => parseInteger(text, { what: "number of peers", min: 1, max: MAX_PEERS }),
        default: "5",
      },
      source: { value: "path", help: "file or folder to share", parse: parseText, default: "arquivos" },
      dir: { value: "path", help: "where blocos_peer_N and reconstruido_peer_N go", parse: parseText, default: "." },
      port: { value: "port", help: "the tracker's port, 0 for a free one", parse: parsePort, default: "5000" },
      httpPort: { value: "port", help: "port of the status page, 0 for a free one", parse: parsePort, default: "8080" },
      peerPort: {
        value: "port",
        help: "peer N listens on this + N; 0 for free ones",
        parse: parsePort,
        default: "6000",
      },
      resume: { help: "go on with what an earlier run left" },
      store: {
        value: "kind",
        help: "folder: a file a block; direct: each block at its place in the result; auto: by size",
        parse: oneOf("auto", "folder", "direct"),
        default: "auto",
      },
      blockSize: { value: "size", help: "block size", parse: handedOn(parseSize), defaultHelp: "by the share's size" },
      uploadLimit: { value: "rate", help: "most each peer sends", parse: handedOn(parseRate), default: "unlimited" },
      downloadLimit: {
        value: "rate",
        help: "most each peer receives",
        parse: handedOn(parseRate),
        default: "unlimited",
      },
      unchokeInterval: {
        value: "time",
        help: "length of a choke round",
        parse: handedOn(parseDuration),
        defaultHelp: "by the time left",
      },
      ...LOG_FLAGS,
      logLevel: { ...LOG_FLAGS.logLevel, default: "warning" },
    },
    examples: ["bun run_full.ts --peers 10 --source ./dataset", "bun run_full.ts --upload-limit 1MiB/s"],
  });
  const { store, blockSize, uploadLimit, downloadLimit, unchokeInterval } = values;
  return await runFull(
    {
      ...values,
      peerFlags: [
        ...["--store", store, "--upload-limit", uploadLimit, "--download-limit", downloadLimit],
        ...(blockSize === undefined ? [] : ["--block-size", blockSize]),
        ...(unchokeInterval === undefined ? [] : ["--unchoke-interval", unchokeInterval]),
      ],
      logFlags: [
        ...["--log-level", values.logLevel],
        ...(values.logFile === undefined ? [] : ["--log-file", values.logFile]),
        ...(values.json ? ["--json"] : []),
      ],
      stdout: process.stdout,
    },
    new Promise(onStop),
  );
}

if (import.meta.main) {
  await runMain(main);
}
