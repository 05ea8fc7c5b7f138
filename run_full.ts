/**
 * Runs a whole swarm on this machine, as the original did: peer 0 -> dist_block -> tracker -> other peers, each a process of its own.
 *
 *     bun run_full.ts --peers 5 --source arquivos
 */
import { mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { exportAtEnd } from "./minibit/board/export_page.ts";
import { UserError } from "./minibit/core/errors.ts";
import { quote } from "./minibit/core/quote.ts";
import { trackerFlagsOf } from "./minibit/io/board_flags.ts";
import type { BoundOptions } from "./minibit/io/bound_report.ts";
import { parseCommandLine, runMain, withoutFlags } from "./minibit/io/cli.ts";
import { HostPush, type HostPushOptions } from "./minibit/io/host_push.ts";
import { readHosts } from "./minibit/io/hosts_file.ts";
import { checkQuorum, hostsTable } from "./minibit/io/hosts_summary.ts";
import { exitCodeOf, onStop, type StopReason } from "./minibit/io/lifecycle.ts";
import { readStoredManifest } from "./minibit/io/open_store.ts";
import { FIRST_PORT } from "./minibit/io/peer_options.ts";
import { parseReport } from "./minibit/io/peer_report.ts";
import {
  type Child,
  type ChildExit,
  type ChildOptions,
  describeExit,
  ProcessGroup,
} from "./minibit/io/process_group.ts";
import { RUN_FLAGS } from "./minibit/io/run_flags.ts";
import { RunRecords } from "./minibit/io/run_records.ts";
import { summaryTable } from "./minibit/io/run_summary.ts";
import { scanShare } from "./minibit/io/share.ts";
import { formatSize, parseRate } from "./minibit/io/units.ts";
import manifestOfPackage from "./package.json" with { type: "json" };
import { resultPath, verifyResult } from "./utils.ts";

/** The oldest Bun that runs MiniBit; other machines that have an older one are sent their own. */
const OLDEST_BUN = manifestOfPackage.engines.bun.replace(">=", "");

/**
 * Many short-lived processes share a machine's cores here, and JavaScriptCore's last compiler costs each of them more than
 * it gives back: without it 30 peers take two thirds of the time, and 4 peers with 1 GiB the same.
 */
const LIGHT_COMPILER = { BUN_JSC_useFTLJIT: "0" };

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
  /** What is known of the uplinks, for the report in the end. */
  readonly bound: BoundOptions;
  readonly peerFlags: readonly string[];
  readonly trackerFlags: readonly string[];
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
  readonly #records: RunRecords;
  readonly #lastErrors = new Map<string, string>();
  #peersRunning = 0;
  /** Children are being ended: what they say of each other's end is of no interest. */
  #closing = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#failed.promise.catch(() => undefined);
    this.#group = new ProcessGroup({ onExit: (child, exit) => this.#childEnded(child.name, exit) });
    const ids = Array.from({ length: options.peers - 1 }, (_, index) => String(index + 1));
    const names = ids.map((id) => ({ row: id, bar: `peer ${id}` }));
    this.#records = new RunRecords(names, options.stdout);
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
    this.#records.show();
    for (let id = 1; id < peers; id++) {
      this.#startPeer(id, tracker).catch(this.#failed.reject);
    }
    await this.#until(this.#peersLeft.promise);
    this.#records.hide();
    const seconds = (performance.now() - startMs) / 1000;

    const stored = await readStoredManifest(dir, 0);
    if (stored === undefined) {
      throw new UserError(`Cannot verify the results: 'blocos_peer_0' in '${dir}' has no manifest.json`);
    }
    const verdicts = new Map<number, string>();
    for (const { id } of this.#records.all.slice(1)) {
      const result = await verifyResult(resultPath(dir, { peerId: id, manifest: stored.manifest }), stored.manifest);
      verdicts.set(id, result.ok ? "verified" : `WRONG: ${result.firstDifference}`);
    }
    stdout.write(
      summaryTable(this.#records.all, {
        ...{ verdicts, sizeBytes: stored.manifest.sizeBytes, seconds },
        bound: this.#options.bound,
      }),
    );
    return [...verdicts.values()].every((verdict) => verdict === "verified") ? 0 : 1;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#records.hide();
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
      onLine: (line) => this.#records.report(id, line),
      isReady: (line) => parseReport(line)?.event === "ready",
    });
    await child.ready;
    if (id === 0) {
      const { share } = this.#records.all[0] ?? {};
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
    const { peers, httpPort, trackerFlags, logFlags, stdout } = this.#options;
    const child = this.#start("tracker", {
      script: "tracker.ts",
      flags: [
        ...["--port", String(port), "--http-port", String(httpPort), "--expect", String(peers)],
        ...trackerFlags,
        ...logFlags,
      ],
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
      env: { ...withoutFlags(), ...LIGHT_COMPILER },
      onErrorLine: (line) => this.#errorLine(name, line),
      ...heard,
    });
  }

  #errorLine(name: string, line: string): void {
    if (line.startsWith("Cannot ")) {
      this.#lastErrors.set(name, line); // told once, when the child has ended
    } else if (!this.#closing) {
      this.#records.log(line, process.stderr);
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

/** A port that is free now; it is taken a moment later by a child that must know it beforehand. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  probe.stop(true);
  return probe.port;
}

/**
 * Copies a share to other machines.
 *
 * @returns 0 only if enough of them confirmed their copy; 130 after Ctrl+C
 * @throws {UserError} naming each machine that did not, and why, when they are too many
 */
export async function runHosts(
  options: HostPushOptions & { readonly quorum: number; readonly bound: BoundOptions },
  stopped: Promise<StopReason>,
): Promise<number> {
  const push = new HostPush(options);
  try {
    const outcome = await Promise.race([push.run(), stopped]);
    if (typeof outcome === "string") {
      return exitCodeOf(outcome);
    }
    options.stdout.write(hostsTable(outcome, options.bound));
    return checkQuorum(outcome, options.quorum);
  } finally {
    await push.close();
  }
}

/** `bun run_full.ts [flags]` */
async function main(): Promise<number> {
  const values = parseCommandLine({
    name: "run_full.ts",
    summary: "Runs a whole swarm, here or on other machines: peer 0 shares, all others fetch, every copy is verified.",
    flags: RUN_FLAGS,
    examples: [
      "bun run_full.ts --peers 10 --source ./dataset",
      "bun run_full.ts --upload-limit 1MiB/s",
      "bun run_full.ts --hosts hosts.txt --source ./dataset --to /data/dataset",
    ],
  });
  const { store, blockSize, uploadLimit, downloadLimit, unchokeInterval, logLevel, logFile, hosts, to, ssh } = values;
  const stopped = new Promise<StopReason>(onStop);
  const limits = [
    ...["--upload-limit", uploadLimit, "--download-limit", downloadLimit],
    ...(unchokeInterval === undefined ? [] : ["--unchoke-interval", unchokeInterval]),
  ];
  const sizes = blockSize === undefined ? [] : ["--block-size", blockSize];
  const logFlags = [
    ...["--log-level", logLevel],
    ...(logFile === undefined ? [] : ["--log-file", logFile]),
    ...(values.json ? ["--json"] : []),
  ];
  const bound = {
    uplink: values.uplink,
    uploadLimit: parseRate(uploadLimit),
    downloadLimit: parseRate(downloadLimit),
  };
  const { stdout } = process;
  const finish = await exportAtEnd(values);
  const trackerFlags = trackerFlagsOf({ record: values.record, uplink: bound.uplink ?? bound.uploadLimit });
  if (hosts === undefined) {
    const peerFlags = ["--store", store, ...limits, ...sizes];
    return await runFull(
      { ...values, peerPort: values.peerPort ?? FIRST_PORT, peerFlags, trackerFlags, logFlags, bound, stdout },
      stopped,
    ).finally(finish);
  }
  if (to === undefined) {
    throw new UserError("Cannot use --hosts: where should the copies go? (add --to /path/of/the/copy)", {
      exitCode: 2,
    });
  }
  return await runHosts(
    {
      ...values,
      hosts: readHosts(hosts),
      to,
      ssh: ssh.split(/\s+/),
      peerPort: values.peerPort ?? 0,
      deadlineMs: values.deadline,
      seedFlags: [...limits, ...sizes],
      remoteFlags: {
        MINIBIT_UPLOAD_LIMIT: uploadLimit,
        MINIBIT_DOWNLOAD_LIMIT: downloadLimit,
        MINIBIT_LOG_LEVEL: logLevel,
        ...(unchokeInterval === undefined ? {} : { MINIBIT_UNCHOKE_INTERVAL: unchokeInterval }),
        ...(values.basis === undefined ? {} : { MINIBIT_BASIS: values.basis }),
        ...(values.replace ? { MINIBIT_REPLACE: "1" } : {}),
        ...(values.keepPartial ? { MINIBIT_KEEP_PARTIAL: "1" } : {}),
      },
      trackerFlags,
      logFlags,
      bound,
      stdout,
      script: (name) => [process.execPath, join(import.meta.dir, name)],
      program: { entry: join(import.meta.dir, "peer.ts"), oldestBun: OLDEST_BUN },
    },
    stopped,
  ).finally(finish);
}

if (import.meta.main) {
  await runMain(main);
}
