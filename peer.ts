/**
 * One peer: listens with Bun.listen to serve its blocks, calls others with Bun.connect to fetch those it lacks.
 *
 *     bun peer.ts 0                 the peer that has the source
 *     bun peer.ts 1                 a peer that wants it
 */
import { Bitfield } from "./minibit/core/bitfield.ts";
import { UserError } from "./minibit/core/errors.ts";
import { type Leave, leaveOf } from "./minibit/core/leaving.ts";
import { FIND_PEERS_MS, MAX_LINKS, PROTOCOL_VERSION } from "./minibit/core/limits.ts";
import type { Manifest } from "./minibit/core/manifest.ts";
import { peerWire } from "./minibit/core/peer_wire.ts";
import { createRng } from "./minibit/core/rng.ts";
import { NO_SWARM, type TrackerMessage } from "./minibit/core/tracker_wire.ts";
import { sameDigest } from "./minibit/io/block_hasher.ts";
import { parseCommandLine, runMain } from "./minibit/io/cli.ts";
import { closeAfter, tellSecond } from "./minibit/io/close_after.ts";
import { descriptorBudget } from "./minibit/io/descriptors.ts";
import { Destination } from "./minibit/io/destination.ts";
import { createTraffic, framed } from "./minibit/io/framed_socket.ts";
import { needsOf, untilNotNeeded } from "./minibit/io/leaving.ts";
import { exitCodeOf, onStop, type StopReason } from "./minibit/io/lifecycle.ts";
import { configureLogging, getLogger } from "./minibit/io/logging.ts";
import { openKept, openKeptWhole, openSeed, openStore } from "./minibit/io/open_store.ts";
import { listenPatiently, type PatientListener } from "./minibit/io/patient_listener.ts";
import { type OpenShare, PeerDriver } from "./minibit/io/peer_driver.ts";
import { PEER_FLAGS, type PeerOptions, peerOptionsOf, placeOf } from "./minibit/io/peer_options.ts";
import { logEvent, reportAsEvents, reportToPeople } from "./minibit/io/peer_report.ts";
import { summaryOf, TrackerStats } from "./minibit/io/peer_stats.ts";
import { lockPeerFolder, type PlaceLock } from "./minibit/io/place_lock.ts";
import { swarmIdOf } from "./minibit/io/share.ts";
import { spoilt } from "./minibit/io/spoilt_store.ts";
import { TrackerClient } from "./minibit/io/tracker_client.ts";
import { formatAddress, formatDuration, parsePeerId } from "./minibit/io/units.ts";
import { UplinkMeter } from "./minibit/io/uplink_meter.ts";

/** How often progress is reported. */
const PROGRESS_MS = 200;
/** When no tracker has told of a swarm after this long, a peer looks whether it needs one. */
const ALONE_AFTER_MS = 2000;

const log = getLogger();

/**
 * Runs a peer until its work is done or `stopped` settles.
 *
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
  readonly #swarmDone = Promise.withResolvers<void>();
  readonly #complete = Promise.withResolvers<void>();
  #listener: PatientListener | undefined;
  #client: TrackerClient | undefined;
  #driver: PeerDriver | undefined;
  #joined: Promise<void> | undefined;
  /** All of a share, kept by an earlier run: looked for while no tracker tells which share it is to be. */
  #keptWhole: Promise<OpenShare | undefined> | undefined;
  readonly #instance = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  #progressTimer: Timer | undefined;
  #aloneTimer: Timer | undefined;
  #unreachableTimer: Timer | undefined;
  #findPeersTimer: Timer | undefined;
  #expected = 0;
  /** How many of the registered peers are not complete, as the tracker said last on this line. */
  #incomplete: number | undefined;
  #isGroupDone = false;
  #isComplete = false;
  #peakUpBytesPerSecond = 0;
  #syncMs = 0;
  /** What this peer alone writes to: the place the user named, or its own folder. */
  #destination: Destination | undefined;
  #claimed: Promise<void> | undefined;
  #lock: PlaceLock | undefined;
  /** All blocks are here, but the copy could not be put in its place: it stays for the next run. */
  #isStranded = false;
  #uplinkMeter: UplinkMeter | undefined;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#fatal.promise.catch(() => undefined);
  }

  async run(): Promise<void> {
    const { listen, source, reporter, isStartedByRun } = this.#options;
    if (source === undefined) {
      this.#claimed = this.#claimPlace();
      await this.#claimed;
    }
    const { limit, links } = descriptorBudget();
    if (links < MAX_LINKS) {
      const text =
        "only {limit} files and connections may be open at a time: at most {links} neighbours (raise 'ulimit -n')";
      log.warn(text, { limit, links });
    }
    this.#listener = listenPatiently(
      (port) =>
        Bun.listen({
          hostname: listen.host,
          port,
          socket: framed(peerWire, { traffic: this.#traffic, accept: (socket) => this.#accept(socket) }),
        }),
      { ...listen, flag: isStartedByRun === true ? "--peer-port" : "--port" },
    );
    const seed = source === undefined ? undefined : await this.#openSeed(source);
    if (seed !== undefined) {
      const driver = this.#drive(swarmIdOf(seed.manifestBytes));
      driver.open(seed);
      this.#uplinkMeter = new UplinkMeter(driver);
      reporter.report({ event: "ready", host: listen.host, port: this.#listener.port });
    }
    // whoever has everything does not wait for a tracker; the seed does nothing else
    await this.#until(Promise.race([this.#register(), ...(seed === undefined ? [this.#complete.promise] : [])]));
    await this.#until(this.#complete.promise);
    await this.#until(this.#mayLeave());
    this.#client?.report();
  }

  exitCodeOf(reason: StopReason): number {
    return exitCodeOf(reason, { isDone: this.#isComplete });
  }

  async close(): Promise<void> {
    clearInterval(this.#progressTimer);
    clearInterval(this.#findPeersTimer);
    clearTimeout(this.#aloneTimer);
    clearTimeout(this.#unreachableTimer);
    await this.#listener?.stop();
    this.#client?.close();
    const { keepPartial, reporter } = this.#options;
    if (this.#driver !== undefined) {
      const uplinkUse = this.#uplinkMeter?.stop();
      const options = { traffic: this.#traffic, peakUpBytesPerSecond: this.#peakUpBytesPerSecond, uplinkUse };
      reporter.report(summaryOf(this.#driver, options));
      await this.#driver.close();
    }
    reporter.close();
    await this.#claimed?.catch(() => undefined); // what is half claimed is released too
    this.#lock?.release();
    await this.#destination?.release({ keepParts: this.#isStranded || (!this.#isComplete && keepPartial === true) });
  }

  async #claimPlace(): Promise<void> {
    const { dir, id, to } = this.#options;
    if (to === undefined) {
      this.#lock = lockPeerFolder(dir, id);
    } else {
      this.#destination = await Destination.claim(to);
    }
  }

  #until<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#fatal.promise]);
  }

  #accept(socket: Parameters<PeerDriver["accept"]>[0]): ReturnType<PeerDriver["accept"]> {
    if (this.#driver === undefined) {
      socket.close("not in a swarm yet");
      return { onMessage: () => undefined };
    }
    return this.#driver.accept(socket);
  }

  async #openSeed(source: string): Promise<OpenShare> {
    const { dir, id, store, blockSizeBytes } = this.#options;
    const onScanned = (): void => {
      this.#lock = lockPeerFolder(dir, id);
    };
    return await this.#prepared(await openSeed(source, { dir, peerId: id, store, blockSizeBytes, onScanned }));
  }

  /** The share as this peer serves it: as it is, but for lessons. */
  async #prepared(share: OpenShare): Promise<OpenShare> {
    const { corrupt, killAt } = this.#options;
    return { ...share, store: await spoilt(share.store, { corrupt, killAt, die: (blocks) => this.#die(blocks) }) };
  }

  /** Ends as by `kill -9`: not even the tracker hears a word. Only who watches this process is told before. */
  #die(blocks: number): void {
    this.#options.reporter.report({ event: "killed", blocks });
    process.stdout.write("", () => process.kill(process.pid, "SIGKILL"));
  }

  /** Registers; resolves when the tracker knows us and, for a fetching peer, told which swarm it is. */
  async #register(): Promise<void> {
    const { tracker, trackerTimeoutMs, reporter } = this.#options;
    const known = Promise.withResolvers<void>();
    log.info("calling the tracker at {tracker}", { tracker: formatAddress(tracker) });
    let putOff: string | undefined;
    this.#unreachableTimer = setTimeout(() => {
      const text = `no answer for ${formatDuration(trackerTimeoutMs)} (${this.#trackerHint})`;
      this.#fatal.reject(new UserError(putOff ?? `Cannot reach the tracker at ${formatAddress(tracker)}: ${text}`));
    }, trackerTimeoutMs);
    if (this.#options.source === undefined) {
      this.#aloneTimer = setTimeout(() => this.#finishAlone().catch(this.#fatal.reject), ALONE_AFTER_MS);
    }
    this.#client = new TrackerClient({
      tracker,
      register: () => this.#registration(),
      stats: () => this.#stats.next(this.#driver, this.#isComplete),
      onRegistered: (answer) => {
        if (this.#driver !== undefined && !sameDigest(this.#driver.swarmId, answer.swarmId)) {
          this.#client?.renew(); // it made its copy alone while this answer, to its question for any swarm, was on its way
          return;
        }
        clearTimeout(this.#aloneTimer);
        this.#expected = answer.expected;
        this.#incomplete = undefined;
        // a tracker that was gone may be back before the share is open: it is opened once
        this.#joined ??= this.#join(answer.swarmId);
        this.#joined.then(() => this.#client?.getPeers()).then(known.resolve, this.#fatal.reject);
      },
      onPeers: ({ peers, suggested, incomplete }) => {
        this.#incomplete = incomplete;
        this.#driver?.peersFound(peers, suggested);
      },
      onAlive: (incomplete) => {
        this.#incomplete = incomplete;
      },
      onSwarmDone: (incomplete) => {
        this.#incomplete = incomplete;
        this.#isGroupDone = true;
        this.#swarmDone.resolve();
      },
      onRefused: ({ text }) => this.#fatal.reject(new UserError(text)),
      onPutOff: (text) => {
        putOff = text;
        log.warn("put off by the tracker, calling it again: {text}", { text });
      },
      onConnection: (connected) => {
        clearTimeout(this.#unreachableTimer);
        if (connected) {
          log.info("connected to the tracker at {tracker}", { tracker: formatAddress(tracker) });
        } else {
          log.warn("lost the tracker at {tracker}: going on without, calling it again", {
            tracker: formatAddress(tracker),
          });
        }
      },
    });
    this.#progressTimer = setInterval(() => this.#reportProgress(), PROGRESS_MS);
    await known.promise;
    if (this.#options.source === undefined) {
      const { host } = this.#options.listen;
      reporter.report({ event: "ready", host, port: this.#port });
    }
  }

  /** No tracker tells which swarm it is: whoever kept all blocks of a share needs none, and makes its copy. */
  async #finishAlone(): Promise<void> {
    // what cannot be used is told when the tracker has named the swarm: it may be another
    this.#keptWhole = openKeptWhole(this.#place).catch(() => undefined);
    const found = await this.#keptWhole;
    if (found !== undefined && this.#joined === undefined) {
      const share = await this.#prepared(found);
      this.#drive(swarmIdOf(found.manifestBytes)).open(share);
    }
  }

  get #trackerHint(): string {
    return this.#options.isStartedByRun === true
      ? "is this an address at which the others reach the machine that runs run_full.ts, and its port open? see --advertise and --port"
      : "start it with: bun tracker.ts, or name it with --tracker";
  }

  get #port(): number {
    return this.#listener?.port ?? 0;
  }

  #registration(): Omit<TrackerMessage<"REGISTER">, "type"> {
    const { id, listen, advertise, swarm } = this.#options;
    const share = this.#driver?.share;
    const manifest = share?.manifest;
    return {
      version: PROTOCOL_VERSION,
      swarmId: this.#driver?.swarmId ?? NO_SWARM,
      share: {
        name: manifest?.name ?? swarm ?? "",
        sizeBytes: manifest?.sizeBytes ?? 0,
        blockSizeBytes: manifest?.blockSizeBytes ?? 0,
        blockCount: manifest?.blockCount ?? 0,
      },
      peerId: id,
      name: `peer ${id}`,
      host: advertise ?? listen.host,
      port: this.#port,
      blocks: this.#driver?.core.sharing?.have ?? new Bitfield(0),
      instance: this.#instance,
      done: this.#isComplete,
    };
  }

  /** The tracker told which swarm: a peer that fetches opens what it kept of it, or asks its neighbours what it is. */
  async #join(swarmId: Uint8Array): Promise<void> {
    if (this.#driver === undefined) {
      const whole = await this.#keptWhole;
      const isIt = whole !== undefined && sameDigest(swarmIdOf(whole.manifestBytes), swarmId);
      if (!isIt) {
        await whole?.store.close();
      }
      const found = isIt ? whole : await openKept(swarmId, this.#place);
      const kept = found === undefined ? undefined : await this.#prepared(found);
      // not before: without the share the driver would fetch the manifest and open the share a second time
      const driver = this.#drive(swarmId);
      if (kept !== undefined) {
        driver.open(kept);
      }
    }
  }

  get #place(): ReturnType<typeof placeOf> {
    return {
      ...placeOf(this.#options),
      onNote: (text) => log.warn("{text}", { text }),
      onSynced: (ms) => {
        this.#syncMs = ms;
      },
    };
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
      openStore: async (manifest: Manifest, manifestBytes) => {
        const store = await openStore({ manifest, manifestBytes, ...this.#place });
        return (await this.#prepared({ manifest, manifestBytes, store })).store;
      },
      onAnnounce: (blocks) => this.#client?.announce(blocks),
      onFindPeers: () => this.#client?.getPeers(),
      onEvent: (event) => logEvent(log, event),
      onOpened: ({ manifest, store: opened }) => {
        const { name, sizeBytes, blockSizeBytes, blockCount } = manifest;
        const blocks = opened.found.count;
        reporter.report({
          event: "share",
          swarmId: swarmId.toHex(),
          name,
          sizeBytes,
          blockSizeBytes,
          blockCount,
          blocks,
        });
        // a fetching peer registered before it knew the share, and so what it keeps of it
        this.#client?.announce([...opened.found]);
      },
      onDone: () => this.#finish().catch(this.#fatal.reject),
      onFatal: this.#fatal.reject,
    });
    return this.#driver;
  }

  async #finish(): Promise<void> {
    const { source, reporter } = this.#options;
    this.#reportProgress();
    const path = source === undefined ? await this.#putInPlace() : undefined;
    const seconds = (performance.now() - this.#startMs) / 1000;
    this.#isComplete = true;
    reporter.report({
      event: "complete",
      swarmId: (this.#driver?.swarmId ?? NO_SWARM).toHex(),
      seconds,
      path,
      syncMs: this.#syncMs,
    });
    if (this.#client?.registered === true) {
      this.#client.report(); // not at the next heartbeat: others may wait for us alone
    } else {
      this.#client?.renew(); // it may be waiting for a swarm: we have one to name
      clearTimeout(this.#unreachableTimer);
    }
    this.#complete.resolve();
  }

  async #putInPlace(): Promise<string | undefined> {
    try {
      return await this.#driver?.share?.store.finish();
    } catch (error) {
      this.#isStranded = true;
      log.warn("all blocks are here and stay in {dir}: started again, this peer fetches none of them", {
        dir: this.#options.dir,
      });
      throw error;
    }
  }

  /** Resolves when nobody needs us any more: see `leaveOf`. */
  #mayLeave(): Promise<void> {
    this.#findPeersTimer = setInterval(() => {
      if (this.#incomplete !== 0) {
        this.#client?.getPeers(); // who cannot call us may be one that we can call
      }
    }, FIND_PEERS_MS);
    return untilNotNeeded({
      leave: () => this.#leave(),
      progress: () => `${this.#incomplete} ${needsOf(this.#driver?.core).progress}`,
      news: this.#swarmDone.promise,
    });
  }

  #leave(): Leave {
    const { source, lingerMs, trackerTimeoutMs } = this.#options;
    return leaveOf({
      hasSource: source !== undefined,
      expected: this.#expected,
      isGroupDone: this.#isGroupDone,
      isTracked: this.#client?.registered === true,
      incomplete: this.#incomplete,
      hasNeighbourInNeed: needsOf(this.#driver?.core).isAnyInNeed,
      lingerMs,
      trackerTimeoutMs,
    });
  }

  #reportProgress(): void {
    const core = this.#driver?.core;
    const stats = core?.sharing?.stats(performance.now());
    this.#peakUpBytesPerSecond = Math.max(this.#peakUpBytesPerSecond, stats?.upBytesPerSecond ?? 0);
    if (core !== undefined && !this.#isComplete) {
      this.#options.reporter.report({
        event: "progress",
        blocks: core.sharing?.have.count ?? 0,
        bytesPerSecond: stats?.downBytesPerSecond ?? 0,
        sources: this.#driver?.sources.size ?? 0,
        neighbours: [...core.liveLinks()].length,
      });
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
  const reporter = values.events
    ? reportAsEvents((line) => process.stdout.write(line))
    : reportToPeople(`peer ${id}`, process.stdout);
  return await runPeer({ ...peerOptionsOf(values), reporter }, new Promise(onStop));
}

if (import.meta.main) {
  await runMain(main);
}
