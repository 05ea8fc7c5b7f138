/**
 * Runs a whole swarm on this machine, as the original did: peer 0 -> dist_block -> tracker -> other peers, each a process of its own.
 *
 *     bun run_full.ts --peers 5 --source arquivos
 */
import { join } from "node:path";
import { exportAtEnd } from "./minibit/board/server/export_page.ts";
import { UserError } from "./minibit/core/base/errors.ts";
import { trackerFlagsOf } from "./minibit/io/cli/board_flags.ts";
import { parseCommandLine } from "./minibit/io/cli/cli.ts";
import { runMain } from "./minibit/io/cli/run_main.ts";
import { closeAfter, tellSecond } from "./minibit/io/driver/close_after.ts";
import { freePort } from "./minibit/io/net/listening.ts";
import { onThisMachine } from "./minibit/io/os/browser.ts";
import { exitCodeOf, onStop, type StopReason } from "./minibit/io/os/lifecycle.ts";
import { formatCount, formatSize, parseRate } from "./minibit/io/os/units.ts";
import { readStoredManifest } from "./minibit/io/store/open_store.ts";
import type { PlaceLock } from "./minibit/io/store/place_lock.ts";
import { scanShare } from "./minibit/io/store/share.ts";
import type { BoundOptions } from "./minibit/launch/bound_report.ts";
import type { ChildRole } from "./minibit/launch/children.ts";
import { FaultInjection } from "./minibit/launch/fault_injection.ts";
import { type Child, type ChildExit, endedTooSoon } from "./minibit/launch/process_group.ts";
import { localOptionsOf, logFlagsOf, peerFlagsOf, RUN_FLAGS, seedFlagsOf } from "./minibit/launch/run_flags.ts";
import { hostOptionsOf, runHosts } from "./minibit/launch/run_hosts.ts";
import type { RunRecords } from "./minibit/launch/run_records.ts";
import { summaryTable } from "./minibit/launch/run_summary.ts";
import { lockRun, startFresh } from "./minibit/launch/start_fresh.ts";
import { Supervisor } from "./minibit/launch/supervisor.ts";
import manifestOfPackage from "./package.json" with { type: "json" };
import { resultPath, verifyResult } from "./utils.ts";

/** The oldest Bun that runs MiniBit; other machines that have an older one are sent their own. */
const OLDEST_BUN = manifestOfPackage.engines.bun.replace(">=", "");

/**
 * Many short-lived processes share a machine's cores here, and JavaScriptCore's compilers cost each of them more than they
 * give back: without the last one 30 peers take two thirds of the time, and a sixth less again when a function has to be
 * called four times as often as by default before the others compile it. 4 peers with 1 GiB take the same.
 */
const LIGHT_COMPILER = {
  BUN_JSC_useFTLJIT: "0",
  BUN_JSC_thresholdForJITAfterWarmUp: "2000",
  BUN_JSC_thresholdForJITSoon: "400",
  BUN_JSC_thresholdForOptimizeAfterWarmUp: "4000",
  BUN_JSC_thresholdForOptimizeAfterLongWarmUp: "4000",
  BUN_JSC_thresholdForOptimizeSoon: "4000",
};

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
  /** Replace copies that no earlier run put there, or that somebody changed since. */
  readonly replace: boolean;
  /** What is known of the uplinks, for the report in the end. */
  readonly bound: BoundOptions;
  /** Which peers misbehave on purpose. */
  readonly faults: FaultInjection;
  /** Open the tracker's page in a browser; keep it when all is done, until Ctrl+C. */
  readonly open: boolean;
  readonly stay: boolean;
  readonly peerFlags: readonly string[];
  readonly trackerFlags: readonly string[];
  readonly logFlags: readonly string[];
  readonly stdout: NodeJS.WriteStream;
}

/**
 * Runs a swarm from start to verdict; `docs/guide.md` has an example under *From a program*.
 *
 * @returns 0 only if the copy of every peer that was to have one is verified; 130 after Ctrl+C
 * @throws {UserError} when a child failed; by then all children are gone and the blocks are kept
 */
export async function runFull(options: RunOptions, stopped: Promise<StopReason>): Promise<number> {
  const swarm = new LocalSwarm(options);
  const run = async (): Promise<number> => {
    const outcome = await Promise.race([swarm.run(), stopped]);
    if (typeof outcome === "string") {
      return exitCodeOf(outcome);
    }
    if (options.stay) {
      await swarm.stay(stopped);
    }
    return outcome;
  };
  return await closeAfter(run, { close: () => swarm.close(), onSecond: tellSecond });
}

class LocalSwarm {
  readonly #options: RunOptions;
  readonly #supervisor: Supervisor;
  readonly #peersLeft = Promise.withResolvers<void>();
  readonly #records: RunRecords;
  readonly #peers = new Map<number, Child<ChildRole>>();
  #lock: PlaceLock | undefined;
  #boardUrl = "";
  /** Peers are being ended, for the swarm is as done as it will be. */
  #isEnding = false;

  constructor(options: RunOptions) {
    this.#options = options;
    const ids = Array.from({ length: options.peers - 1 }, (_, index) => String(index + 1));
    this.#supervisor = new Supervisor({
      ...{ names: ids.map((id) => ({ row: id, bar: `peer ${id}` })), stdout: options.stdout, env: LIGHT_COMPILER },
      script: (name) => [process.execPath, join(import.meta.dir, name)],
      onEnded: (child, exit) => this.#childEnded(child, exit),
    });
    this.#records = this.#supervisor.records;
  }

  async run(): Promise<number> {
    const { peers, dir, resume, replace, faults, stdout } = this.#options;
    const startMs = performance.now();
    // what cannot be shared is refused before anything is removed or started
    const { source } = await scanShare(this.#options.source, { dir });
    this.#lock = lockRun(dir);
    if (!resume) {
      await startFresh(dir, { peers, source, replace });
    }
    const port = this.#options.port || freePort("127.0.0.1");
    const tracker = `127.0.0.1:${port}`;

    await this.#supervisor.until(this.#startPeer(0, tracker));
    await this.#supervisor.until(this.#deal());
    await this.#supervisor.until(this.#startTracker(port));
    this.#records.show();
    for (let id = 1; id < peers; id++) {
      // a victim may die before it is ready; if it fails on its own we hear of that when it has ended
      this.#startPeer(id, tracker).catch((error) => faults.isVictim(id) || this.#supervisor.fail(error));
    }
    await this.#supervisor.until(this.#peersLeft.promise);
    this.#records.hide();

    const stored = await readStoredManifest(dir, 0);
    if (stored === undefined) {
      throw new UserError(`Cannot verify the results: 'blocos_peer_0' in '${dir}' has no manifest.json`);
    }
    const { manifest } = stored;
    const verdicts = new Map<number, string>();
    let allRight = true;
    for (const record of this.#records.all.slice(1)) {
      const { id } = record;
      const failure = faults.expectedFailure(record, manifest.blockCount);
      if (failure !== undefined) {
        verdicts.set(id, failure);
        continue;
      }
      const result = await verifyResult(resultPath(dir, { peerId: id, manifest }), manifest);
      verdicts.set(id, `${result.ok ? "verified" : `WRONG: ${result.firstDifference}`}${faults.noteOf(id)}`);
      allRight &&= result.ok;
    }
    const seconds = (performance.now() - startMs) / 1000;
    const bound = { ...this.#options.bound, uploadLimits: faults.uploadLimits };
    stdout.write(summaryTable(this.#records.all, { verdicts, sizeBytes: manifest.sizeBytes, seconds, bound }));
    return allRight ? 0 : 1;
  }

  /** Keeps the tracker, and so its page, until somebody stops us. */
  async stay(stopped: Promise<StopReason>): Promise<void> {
    this.#options.stdout.write(`The swarm is done; its page stays at ${this.#boardUrl} (Ctrl+C ends it)\n`);
    await this.#supervisor.until(stopped);
  }

  async close(): Promise<void> {
    await this.#supervisor.close();
    this.#lock?.release();
  }

  async #startPeer(id: number, tracker: string): Promise<void> {
    const { dir, source, peerPort, peerFlags, logFlags, peers, faults } = this.#options;
    const port = peerPort === 0 ? 0 : peerPort + id;
    const child = this.#supervisor.startPeer(id, {
      flags: [
        ...["--tracker", tracker, "--port", String(port), "--dir", dir],
        ...(id === 0 ? ["--source", source] : []),
        ...[...peerFlags, ...faults.flagsOf(id), ...logFlags],
      ],
      onTold: () => this.#endIfAllAreBanned(),
    });
    this.#peers.set(id, child);
    await child.ready;
    if (id === 0) {
      const { share } = this.#records.all[0] ?? {};
      if (share !== undefined) {
        this.#options.stdout.write(
          `Sharing "${share.name}" (${formatSize(share.sizeBytes)} in ${formatCount(share.blockCount, "block")}) with ${formatCount(peers - 1, "peer")}\n`,
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
    const flags = ["--peers", String(peers), "--dir", dir, "--source", source];
    this.#supervisor.start({ kind: "dealer" }, { script: "dist_block.ts", flags });
    await dealt.promise;
  }

  #dealt: () => void = () => undefined;

  async #startTracker(port: number): Promise<void> {
    const { peers, httpPort, trackerFlags, logFlags, faults, open } = this.#options;
    const expected = peers - faults.victims;
    const { listening } = await this.#supervisor.startTracker({
      flags: [
        ...["--port", String(port), "--http-port", String(httpPort), "--expect", String(expected)],
        ...[...trackerFlags, ...logFlags],
      ],
      open,
    });
    this.#boardUrl = onThisMachine(listening.boardUrl);
  }

  /** Ends the swarm when only those lack blocks whom nobody talks to any more: they would wait for ever. */
  #endIfAllAreBanned(): void {
    const { faults } = this.#options;
    if (!this.#isEnding && faults.bannedPeers(this.#records.all, performance.now()).length > 0) {
      this.#isEnding = true;
      for (const child of this.#peers.values()) {
        child.stop();
      }
    }
  }

  #childEnded(child: Child<ChildRole>, exit: ChildExit): void {
    const { role } = child;
    if (exit.exitCode !== 0 && !(role.kind === "peer" && this.#isOnPurpose(role.id, exit))) {
      this.#supervisor.fail(endedTooSoon(child, exit));
    } else if (role.kind === "dealer") {
      this.#dealt();
    } else if (role.kind === "tracker") {
      this.#supervisor.fail(new UserError("Cannot complete the run: the tracker ended too soon"));
    } else if (role.kind === "peer") {
      this.#peers.delete(role.id);
      this.#endVictims();
    }
  }

  #isOnPurpose(id: number, exit: ChildExit): boolean {
    return this.#isEnding || (exit.signal === "SIGKILL" && this.#options.faults.isVictim(id));
  }

  /** When nobody is left but peers that are to be killed, it is time for it: from whom should they get blocks? */
  #endVictims(): void {
    const left = [...this.#peers];
    if (left.length === 0) {
      this.#peersLeft.resolve();
    } else if (left.every(([id]) => this.#options.faults.isVictim(id))) {
      for (const [, child] of left) {
        child.kill("SIGKILL");
      }
    }
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
  const { uploadLimit, downloadLimit, hosts } = values;
  const stopped = new Promise<StopReason>(onStop);
  const logFlags = logFlagsOf(values);
  const bound = {
    uplink: values.uplink,
    uploadLimit: parseRate(uploadLimit),
    downloadLimit: parseRate(downloadLimit),
  };
  const { stdout } = process;
  const finish = await exportAtEnd(values);
  const recorded = { record: values.record, uplink: bound.uplink ?? bound.uploadLimit };
  if (hosts === undefined) {
    const local = localOptionsOf(values);
    const faults = new FaultInjection(values, local.peers);
    const peerFlags = peerFlagsOf({ ...values, store: local.store });
    const trackerFlags = trackerFlagsOf({ ...recorded, peerUplinks: faults.uploadLimits });
    return await runFull(
      { ...values, ...local, peerFlags, trackerFlags, logFlags, bound, faults, stdout },
      stopped,
    ).finally(finish);
  }
  return await runHosts(
    {
      ...hostOptionsOf({ ...values, hosts }),
      ...{ seedFlags: seedFlagsOf(values), trackerFlags: trackerFlagsOf(recorded), logFlags, bound, stdout },
      script: (name) => [process.execPath, join(import.meta.dir, name)],
      program: { entry: join(import.meta.dir, "peer.ts"), oldestBun: OLDEST_BUN },
    },
    stopped,
  ).finally(finish);
}

if (import.meta.main) {
  await runMain(main);
}
