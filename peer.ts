import { createRng } from "./minibit/core/base/rng.ts";
import { needsOf } from "./minibit/core/peer/linger.ts";
import { peerWire } from "./minibit/core/wire/peer_wire.ts";
import { NO_SWARM, type TrackerMessage } from "./minibit/core/wire/tracker_wire.ts";
import { parseCommandLine } from "./minibit/io/cli/cli.ts";
import { runMain } from "./minibit/io/cli/run_main.ts";
import { closeAfter, tellSecond } from "./minibit/io/driver/close_after.ts";
import { LingerDriver } from "./minibit/io/driver/linger_driver.ts";
import { logEvent } from "./minibit/io/driver/log_events.ts";
import { PeerDriver } from "./minibit/io/driver/peer_driver.ts";
import { PEER_FLAGS, type PeerOptions, peerOptionsOf } from "./minibit/io/driver/peer_options.ts";
import { progressOf, registrationOf, shareReportOf, summaryOf, TrackerStats } from "./minibit/io/driver/peer_stats.ts";
import { reporterFor } from "./minibit/io/driver/report_to_people.ts";
import { ShareOpener } from "./minibit/io/driver/share_opener.ts";
import { TrackerClient } from "./minibit/io/driver/tracker_client.ts";
import { TrackerWait } from "./minibit/io/driver/tracker_wait.ts";
import { UplinkMeter } from "./minibit/io/driver/uplink_meter.ts";
import { createTraffic, framed } from "./minibit/io/net/framed_socket.ts";
import { PeerListeners } from "./minibit/io/net/peer_listeners.ts";
import { descriptorBudget, warnOfFewDescriptors } from "./minibit/io/os/descriptors.ts";
import { exitCodeOf, onStop, type StopReason } from "./minibit/io/os/lifecycle.ts";
import { configureLogging, getLogger } from "./minibit/io/os/logging.ts";
import { resolveHost } from "./minibit/io/os/own_addresses.ts";
import { parsePeerId } from "./minibit/io/os/units.ts";
import { sameDigest } from "./minibit/io/store/block_hasher.ts";
import { swarmIdOf } from "./minibit/io/store/share.ts";

/** How often progress is reported. */
const PROGRESS_MS = 200;
/** When no tracker has told of a swarm after this long, a peer looks whether it needs one. */
const ALONE_AFTER_MS = 2000;

const log = getLogger();

/**
 * Runs a peer until its work is done or `stopped` settles.
 *
 * @example
 * ```ts
 * import { runPeer } from "./peer.ts";
 * import { startTracker } from "./tracker.ts";
 *
 * await Bun.write("letter.txt", "Dear peers");
 * const tracker = startTracker({ hosts: ["127.0.0.1"], port: 0, httpPort: 0, expected: 2 });
 * const options = {
 *   tracker: tracker.address,
 *   listen: { hosts: ["127.0.0.1"], port: 0 },
 *   dir: ".",
 *   store: "auto",
 *   lingerMs: 0,
 *   trackerTimeoutMs: 10_000,
 *   reporter: { report: () => undefined, close: () => undefined },
 * } as const;
 * const never = new Promise<never>(() => undefined);
 * const seed = runPeer({ ...options, id: 0, source: "letter.txt" }, never);
 * const leecher = runPeer({ ...options, id: 1 }, never);
 * console.log(await seed, await leecher); // 0 0
 * console.log(await Bun.file("reconstruido_peer_1.txt").text()); // Dear peers
 * await tracker.stop();
 * ```
 * @returns the exit code: 0 done, also when SIGTERM ends a peer that is complete; 130 Ctrl+C
 * @throws {UserError} port in use, tracker unreachable or refusing, source missing, disk full
 */
export async function runPeer(options: PeerOptions, stopped: Promise<StopReason>): Promise<number> {
  const peer = new Peer(options);
  const ended = (): Promise<number> =>
    Promise.race([peer.run().then(() => 0), stopped.then((reason) => peer.exitCodeOf(reason))]);
  return await closeAfter(ended, { close: () => peer.close(), onSecond: tellSecond });
}

class Peer {
  readonly #options: PeerOptions;
  readonly #startMs = performance.now();
  readonly #traffic = createTraffic(peerWire);
  readonly #stats = new TrackerStats(this.#traffic);
  readonly #fatal = Promise.withResolvers<never>();
  readonly #complete = Promise.withResolvers<void>();
  readonly #shares: ShareOpener;
  #listeners: PeerListeners | undefined;
  #client: TrackerClient | undefined;
  #driver: PeerDriver | undefined;
  #joined: Promise<void> | undefined;
  readonly #instance = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  #progressTimer: Timer | undefined;
  #aloneTimer: Timer | undefined;
  #trackerWait: TrackerWait | undefined;
  readonly #linger: LingerDriver;
  #isComplete = false;
  #peakUpBytesPerSecond = 0;
  #uplinkMeter: UplinkMeter | undefined;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#shares = new ShareOpener(options);
    const { source, lingerMs, trackerTimeoutMs } = options;
    this.#linger = new LingerDriver({
      ...{ hasSource: source !== undefined, lingerMs, trackerTimeoutMs },
      needs: (nowMs) => needsOf(this.#driver?.core, nowMs),
      onFindPeers: () => this.#client?.getPeers(),
    });
    this.#fatal.promise.catch(() => undefined);
  }

  async run(): Promise<void> {
    const { source } = this.#options;
    const fatal = this.#fatal.promise;
    if (source === undefined) {
      await this.#shares.claim();
    }
    warnOfFewDescriptors();
    this.#listeners = this.#listen();
    const seed = source === undefined ? undefined : await this.#shares.openSource(source);
    if (seed !== undefined) {
      const driver = this.#drive(swarmIdOf(seed.manifestBytes));
      driver.open(seed);
      this.#uplinkMeter = new UplinkMeter(driver);
      this.#reportReady();
    }
    // whoever has everything does not wait for a tracker; the seed does nothing else
    await Promise.race([fatal, this.#register(), ...(seed === undefined ? [this.#complete.promise] : [])]);
    await Promise.race([fatal, this.#complete.promise]);
    this.#linger.input({ type: "complete" });
    await Promise.race([fatal, this.#linger.mayLeave]);
    this.#client?.report();
  }

  exitCodeOf(reason: StopReason): number {
    return exitCodeOf(reason, { isDone: this.#isComplete });
  }

  async close(): Promise<void> {
    clearInterval(this.#progressTimer);
    this.#linger.stop();
    clearTimeout(this.#aloneTimer);
    this.#trackerWait?.stop();
    await this.#listeners?.stop();
    this.#client?.close();
    const { reporter } = this.#options;
    if (this.#driver !== undefined) {
      const uplinkUse = this.#uplinkMeter?.stop();
      const options = { traffic: this.#traffic, peakUpBytesPerSecond: this.#peakUpBytesPerSecond, uplinkUse };
      reporter.report(summaryOf(this.#driver, options));
      await this.#driver.close();
    }
    reporter.close();
    await this.#shares.release({ isComplete: this.#isComplete });
  }

  #accept(socket: Parameters<PeerDriver["accept"]>[0]): ReturnType<PeerDriver["accept"]> {
    if (this.#driver === undefined) {
      socket.close("not in a swarm yet");
      return { onMessage: () => undefined };
    }
    return this.#driver.accept(socket);
  }

  /** Registers; resolves when the tracker knows us and, for a fetching peer, told which swarm it is. */
  async #register(): Promise<void> {
    const { tracker, trackerAlternatives: alternatives = [] } = this.#options;
    const known = Promise.withResolvers<void>();
    this.#trackerWait = new TrackerWait(this.#options, {
      onFailed: this.#fatal.reject,
      onLost: () => this.#linger.input({ type: "tracker_lost" }),
    });
    if (this.#options.source === undefined) {
      this.#aloneTimer = setTimeout(() => this.#finishAlone().catch(this.#fatal.reject), ALONE_AFTER_MS);
    }
    this.#client = new TrackerClient({
      ...this.#trackerWait.handlers,
      ...{ tracker, alternatives },
      register: () => this.#registration(),
      stats: () => this.#stats.next(this.#driver, this.#isComplete),
      onRegistered: (answer) => {
        if (this.#driver !== undefined && !sameDigest(this.#driver.swarmId, answer.swarmId)) {
          this.#client?.renew(); // it made its copy alone while this answer, to its question for any swarm, was on its way
          return;
        }
        clearTimeout(this.#aloneTimer);
        this.#linger.input({ type: "registered", expected: answer.expected });
        // a tracker that was gone may be back before the share is open: it is opened once
        this.#joined ??= this.#join(answer.swarmId);
        this.#joined.then(() => this.#client?.getPeers()).then(known.resolve, this.#fatal.reject);
      },
      onPeers: ({ peers, suggested, incomplete }) => {
        this.#linger.input({ type: "incomplete_heard", incomplete });
        this.#driver?.peersFound(peers, suggested);
      },
      onAlive: (incomplete) => this.#linger.input({ type: "incomplete_heard", incomplete }),
      onSwarmDone: (incomplete) => this.#linger.input({ type: "group_done", incomplete }),
    });
    this.#progressTimer = setInterval(() => this.#reportProgress(), PROGRESS_MS);
    await known.promise;
    if (this.#options.source === undefined) {
      this.#reportReady();
    }
  }

  /** No tracker tells which swarm it is: whoever kept all blocks of a share needs none, and makes its copy. */
  async #finishAlone(): Promise<void> {
    const found = await this.#shares.findWhole();
    if (found !== undefined && this.#joined === undefined) {
      const share = await this.#shares.prepared(found);
      this.#drive(swarmIdOf(found.manifestBytes)).open(share);
    }
  }

  /** Listens where it was told to, and where it is told to later. @throws {UserError} it cannot */
  #listen(): PeerListeners {
    const { listen, advertise = [], isStartedByRun } = this.#options;
    const socket = framed(peerWire, { traffic: this.#traffic, accept: (socket) => this.#accept(socket) });
    return new PeerListeners({
      listen,
      advertise,
      flag: isStartedByRun === true ? "--peer-port" : "--port",
      start: (hostname, port) => Bun.listen({ hostname, port, socket }),
      onMoved: () => this.#client?.moved(),
    });
  }

  #reportReady({ first: host = "", port = 0 }: Partial<PeerListeners> = this.#listeners ?? {}): void {
    this.#options.reporter.report({ event: "ready", host, port });
  }

  #registration(): Omit<TrackerMessage<"REGISTER">, "type"> {
    const { id: peerId, swarm } = this.#options;
    const { hosts = [], port = 0 } = this.#listeners ?? {};
    const done = this.#isComplete;
    return registrationOf(this.#driver, { peerId, swarm, hosts, port, instance: this.#instance, done });
  }

  /** The tracker told which swarm: a peer that fetches opens what it kept of it, or asks its neighbours what it is. */
  async #join(swarmId: Uint8Array): Promise<void> {
    if (this.#driver === undefined) {
      const kept = await this.#shares.openKept(swarmId);
      // not before: without the share the driver would fetch the manifest and open the share a second time
      const driver = this.#drive(swarmId);
      if (kept !== undefined) {
        driver.open(kept);
      }
    }
  }

  #drive(swarmId: Uint8Array): PeerDriver {
    const { id, reporter } = this.#options;
    this.#driver = new PeerDriver({
      ...this.#options,
      peerId: id,
      swarmId,
      maxLinks: descriptorBudget().links,
      rng: createRng(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0),
      traffic: this.#traffic,
      openStore: (manifest, manifestBytes) => this.#shares.openFetched(manifest, manifestBytes),
      onAnnounce: (blocks) => this.#client?.announce(blocks),
      onFindPeers: () => this.#client?.getPeers(),
      onEvent: (event) => logEvent(log, event),
      onOpened: (share) => {
        reporter.report(shareReportOf(share, swarmId));
        // a fetching peer registered before it knew the share, and so what it keeps of it
        this.#client?.announce([...share.store.found]);
      },
      onDone: () => this.#finish().catch(this.#fatal.reject),
      onFatal: this.#fatal.reject,
    });
    return this.#driver;
  }

  async #finish(): Promise<void> {
    const { source, reporter } = this.#options;
    this.#reportProgress();
    const path = source === undefined ? await this.#shares.finish(this.#driver?.share?.store) : undefined;
    const seconds = (performance.now() - this.#startMs) / 1000;
    this.#isComplete = true;
    reporter.report({
      event: "complete",
      swarmId: (this.#driver?.swarmId ?? NO_SWARM).toHex(),
      seconds,
      path,
      syncMs: this.#shares.syncMs,
    });
    if (this.#client?.registered === true) {
      this.#client.report(); // not at the next heartbeat: others may wait for us alone
    } else {
      this.#client?.renew(); // it may be waiting for a swarm: we have one to name
      this.#trackerWait?.stop();
    }
    this.#complete.resolve();
  }

  #reportProgress(): void {
    const driver = this.#driver;
    const upBytesPerSecond = driver?.core.session?.stats(performance.now()).upBytesPerSecond ?? 0;
    this.#peakUpBytesPerSecond = Math.max(this.#peakUpBytesPerSecond, upBytesPerSecond);
    if (driver !== undefined && !this.#isComplete) {
      this.#options.reporter.report(progressOf(driver));
    }
  }
}

/** `bun peer.ts <id> [flags]` */
async function main(): Promise<number> {
  const values = parseCommandLine({
    name: "peer.ts",
    summary: "Runs one peer: peer 0 shares a file or folder, the others fetch it and share what they have.",
    args: { id: { help: "number of this peer; 0 is the one with the source", parse: parsePeerId } },
    flags: PEER_FLAGS,
    examples: [
      "bun peer.ts 0 --source ./dataset",
      "bun peer.ts 1 --tracker 10.0.0.1:5000 --host 10.0.0.7",
      "bun peer.ts 2 --tracker 10.0.0.1:5000 --host 10.0.0.8 --to /data/dataset --basis /data/older",
    ],
  });
  const { id, logLevel: level, logFile: file, json } = values;
  configureLogging({ level, file, json, who: `peer ${id}` });
  await Promise.all(values.advertise.map((host) => resolveHost(host, { flag: "--advertise" })));
  const reporter = reporterFor(`peer ${id}`, values);
  return await runPeer({ ...peerOptionsOf(values), reporter }, new Promise(onStop));
}

if (import.meta.main) {
  await runMain(main);
}
