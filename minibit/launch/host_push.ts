/**
 * One share onto many machines: the tracker and the seed run here, a peer on each machine is started over OpenSSH.
 *
 * A machine that fails is named, with why, and holds up nobody; what is left of its copy is removed there.
 */
import pLimit, { type LimitFunction } from "p-limit";
import { UserError } from "../core/base/errors.ts";
import { STARTED_BY_RUN } from "../io/driver/peer_options.ts";
import { errorCode } from "../io/os/disk_error.ts";
import { PRIVATE } from "../io/os/own_addresses.ts";
import { formatAddress, formatDuration, formatPercent, formatRate } from "../io/os/units.ts";
import { scanShare } from "../io/store/share.ts";
import type { ChildRole } from "./children.ts";
import type { RemoteHost } from "./hosts_file.ts";
import type { PeerRecord } from "./peer_record.ts";
import { type Child, type ChildExit, endedTooSoon } from "./process_group.ts";
import { PushServer, type PushServerOptions } from "./push_server.ts";
import { QuorumGrace } from "./quorum_grace.ts";
import { type RemoteFacts, RemoteFailure, RemotePeer } from "./remote_peer.ts";
import { RemotePrograms } from "./remote_program.ts";
import { type RunRecords, recordPercent } from "./run_records.ts";
import { Supervisor } from "./supervisor.ts";
import { aboutWay, type WayToUs, wayToUs } from "./way_to_us.ts";

/** So many machines are called, and sent the program, at the same time. */
const CALLS_AT_ONCE = 8;
/** A peer that is linked to nobody for so long has no way to the others. */
const NO_ROUTE_MS = 30_000;
/** A peer tells how far it is five times a second; on a disk that hangs it may be quiet, but not for so long. */
const SILENT_MS = 600_000;
/** How often peers are looked after. */
const WATCH_MS = 500;

/** What to copy, where to, and when that counts as done. */
export interface HostPushOptions extends PushServerOptions {
  /** The command line that runs one of the scripts. */
  readonly script: (name: string) => readonly string[];
  readonly hosts: readonly RemoteHost[];
  /** Where the copy goes on each machine. */
  readonly to: string;
  /** The ssh program and the arguments it is always given. */
  readonly ssh: readonly string[];
  /** Where the program is kept on each machine; undefined: in the home. */
  readonly remoteCache: string | undefined;
  /** A machine that has not answered by then does not. */
  readonly loginTimeoutMs: number;
  /** Give up on whoever is not complete by then; undefined: wait. */
  readonly deadlineMs: number | undefined;
  /** The part of the machines that must confirm their copy; when they have, the others have this much more time. */
  readonly quorum: number;
  readonly graceMs: number;
  /** Flags of the peers on the machines, by their names in the environment. */
  readonly remoteFlags: { readonly [name: string]: string };
  /** The peer's script, and the oldest Bun it runs on. */
  readonly program: { readonly entry: string; readonly oldestBun: string };
}

/** What became of one machine. */
export interface HostOutcome {
  readonly host: RemoteHost;
  readonly record: PeerRecord;
  /** Why it has no verified copy; undefined: it has one. */
  readonly why: string | undefined;
}

/** What became of all. */
export interface PushOutcome {
  readonly hosts: readonly HostOutcome[];
  readonly records: readonly PeerRecord[];
  /** From the first call until all had ended, on all machines. */
  readonly seconds: number;
  /** From the first call to the last copy; undefined: there is none. */
  readonly lastCopySeconds: number | undefined;
}

/** Copies a share to many machines; `close` ends everything, on all of them. */
export class HostPush {
  readonly #options: HostPushOptions;
  readonly #programs: RemotePrograms;
  /** Of the tracker, the seed and the connections. */
  readonly #supervisor: Supervisor;
  readonly #records: RunRecords;
  readonly #server: PushServer;
  readonly #why = new Map<number, string>();
  readonly #remotes = new Map<number, RemotePeer>();
  readonly #ways = new Map<number, WayToUs>();
  readonly #settled: PromiseWithResolvers<void>[];
  /** By the place of the copy: whose it is. */
  readonly #places = new Map<string, RemoteHost>();
  /** Ends the run before all are settled; says when that was. */
  readonly #timeIsUp = Promise.withResolvers<string>();
  readonly #grace: QuorumGrace;
  #isOver = false;

  constructor(options: HostPushOptions) {
    this.#options = options;
    this.#supervisor = new Supervisor({
      ...{ names: options.hosts.map(({ name }) => ({ row: name, bar: name })), stdout: options.stdout },
      ...{ script: options.script, onEnded: (child, exit) => this.#childEnded(child, exit) },
    });
    this.#records = this.#supervisor.records;
    this.#programs = new RemotePrograms(options.program);
    this.#grace = new QuorumGrace({
      ...options,
      hosts: options.hosts.length,
      tell: (line) => this.#records.log(line, options.stdout),
      onOver: this.#timeIsUp.resolve,
    });
    this.#settled = options.hosts.map(() => Promise.withResolvers<void>());
    this.#server = new PushServer(options, this.#supervisor);
  }

  /**
   * Copies, until every machine is complete or has failed, the deadline has passed, or the quorum is there and its grace
   * has passed.
   *
   * @throws {UserError} the source cannot be shared; the tracker or the seed ended
   */
  async run(): Promise<PushOutcome> {
    const { hosts, source, deadlineMs } = this.#options;
    const startMs = performance.now();
    await scanShare(source); // what cannot be shared is refused before anybody is called
    const inTurn = pLimit(CALLS_AT_ONCE);
    const all = hosts.map((host, index) => this.#push(host, { id: index + 1, inTurn }));
    this.#records.show();
    const watch = setInterval(() => this.#watch(), WATCH_MS);
    const passed = `when ${formatDuration(deadlineMs ?? 0)} had passed`;
    const timer = deadlineMs === undefined ? undefined : setTimeout(() => this.#timeIsUp.resolve(passed), deadlineMs);
    let when: string | undefined;
    try {
      const settled = Promise.all(all).then(() => undefined);
      when = await this.#supervisor.until(Promise.race([settled, this.#timeIsUp.promise]));
    } finally {
      clearInterval(watch);
      clearTimeout(timer);
      this.#grace.stop();
      this.#isOver = true;
      this.#supervisor.quiet();
    }
    this.#failTheRest(when ?? "");
    const copies = this.#records.all.slice(1).flatMap(({ completeMs = [] }) => completeMs);
    const lastCopySeconds = copies.length === 0 ? undefined : (Math.max(...copies) - startMs) / 1000;
    // connections first: a seed that leaves before them would be missed
    await Promise.all([...this.#remotes.values()].map((remote) => remote.stop()));
    await this.#supervisor.close();
    return {
      hosts: hosts.map((host, index) => this.#outcome(host, index + 1)),
      ...{ records: this.#records.all, seconds: (performance.now() - startMs) / 1000, lastCopySeconds },
    };
  }

  /** Ends every process here and on the machines; resolves when they have ended. */
  async close(): Promise<void> {
    this.#isOver = true;
    await Promise.all([this.#supervisor.close(), this.#programs.close()]);
    await this.#server.close();
  }

  /** Takes one machine from the call to its verified copy. */
  async #push(host: RemoteHost, options: { readonly id: number; readonly inTurn: LimitFunction }): Promise<void> {
    const { id, inTurn } = options;
    try {
      const remote = await inTurn(() => this.#begin(host, id));
      const ended = remote.ended.then((failure) => Promise.reject(failure));
      await Promise.race([this.#settled[id - 1]?.promise, ended]);
    } catch (error) {
      if (!isTheWorlds(error)) {
        throw error;
      }
      this.#fail(id, aboutWay(error.message, this.#ways.get(id)));
    }
  }

  /** One machine may be listed under two names: two peers would write the same copy. */
  #claim(host: RemoteHost, place: string): void {
    const first = this.#places.get(place);
    if (first !== undefined) {
      throw new RemoteFailure(`is the same machine as ${first.name}, and the copy there would be the same`);
    }
    if (place !== "") {
      this.#places.set(place, host);
    }
  }

  async #begin(host: RemoteHost, id: number): Promise<RemotePeer> {
    const remote = new RemotePeer(host, {
      ...this.#options,
      cache: this.#options.remoteCache,
      group: this.#supervisor.group,
      hash: await this.#programs.hash(),
      onReport: (line) => this.#report(id, line),
    });
    this.#remotes.set(id, remote);
    const facts = await remote.facts;
    this.#claim(host, facts.place);
    const way = await wayToUs({ host, facts }, this.#options.advertise);
    if (way === undefined) {
      throw new RemoteFailure(
        "cannot tell at which address of ours it reaches this machine (name one with --advertise)",
      );
    }
    this.#ways.set(id, way);
    const serving = this.#server.serve(way.listen, this.#supervisor.fail);
    serving.catch(() => undefined); // awaited below, unless the program cannot be sent
    await remote.install(this.#programs);
    await remote.start(id, this.#flagsFor(host, { facts, way, port: await serving }));
    return remote;
  }

  #flagsFor(
    host: RemoteHost,
    known: { readonly facts: RemoteFacts; readonly way: WayToUs; readonly port: number },
  ): { readonly [name: string]: string } {
    const { to, peerPort, remoteFlags } = this.#options;
    const { facts, way, port } = known;
    return {
      ...remoteFlags,
      MINIBIT_TRACKER: way.call.map((called) => formatAddress({ host: called, port })).join(","),
      // where we called it; and where others may reach it that cannot reach it there, but nobody else can
      MINIBIT_HOST: facts.ownAddress === undefined ? anyAddressLike(host.host) : `${facts.ownAddress},${PRIVATE}`,
      MINIBIT_PORT: String(peerPort),
      MINIBIT_TO: to,
      // it leaves when it is told to: who is late may need it
      MINIBIT_LINGER: "1h",
      MINIBIT_TRACKER_TIMEOUT: "1m",
      [STARTED_BY_RUN]: "1",
    };
  }

  #report(id: number, line: string): void {
    const report = this.#records.report(id, line);
    if (report?.event !== "complete") {
      return;
    }
    const expected = this.#records.all[0]?.share?.swarmId;
    if (report.swarmId === expected) {
      this.#settled[id - 1]?.resolve();
      const confirmed = this.#records.all.slice(1).filter((r) => r.completeMs !== undefined && !this.#why.has(r.id));
      this.#grace.confirmed(confirmed.length);
    } else {
      this.#fail(id, `confirmed another share: ${report.swarmId}`);
    }
  }

  /** Gives up on a machine. */
  #fail(id: number, why: string): void {
    if (!this.#why.has(id) && !this.#isOver) {
      this.#why.set(id, why);
      this.#records.fail(id, why);
      this.#settled[id - 1]?.resolve();
      void this.#remotes.get(id)?.stop();
    }
  }

  #failTheRest(when: string): void {
    for (const record of this.#records.all.slice(1)) {
      if (record.seconds === undefined && !this.#why.has(record.id)) {
        this.#why.set(record.id, `too slow: ${progressOf(record)} ${when}`);
      }
    }
  }

  #watch(): void {
    const nowMs = performance.now();
    for (const record of this.#records.all.slice(1)) {
      const isLonely = record.lonelySinceMs !== undefined && nowMs > record.lonelySinceMs + NO_ROUTE_MS;
      if (isLonely && record.seconds === undefined) {
        this.#fail(record.id, "no route to peers: it reaches none, and none reaches it (a firewall? see --peer-port)");
      }
      const heardMs = this.#remotes.get(record.id)?.heardMs ?? nowMs;
      if (record.beganMs !== undefined && record.seconds === undefined && nowMs > heardMs + SILENT_MS) {
        this.#fail(record.id, `lost: nothing came from it for ${formatDuration(SILENT_MS)}`);
      }
    }
  }

  #childEnded(child: Child<ChildRole>, exit: ChildExit): void {
    if (child.role.kind !== "connection") {
      this.#supervisor.fail(endedTooSoon(child, exit));
    }
  }

  #outcome(host: RemoteHost, id: number): HostOutcome {
    const record = this.#records.all[id];
    if (record === undefined) {
      throw new Error(`no record of host ${id}`);
    }
    return { host, record, why: this.#why.get(id) };
  }
}

/** Whether an error is of the world, and so of one machine alone; any other is our bug, and ends the run. */
function isTheWorlds(error: unknown): error is Error {
  return error instanceof RemoteFailure || error instanceof UserError || /^E[A-Z0-9]+$/.test(errorCode(error) ?? "");
}

/** All addresses of a machine, in the family of one of them. */
function anyAddressLike(address: string): string {
  return address.includes(":") ? "::" : "0.0.0.0";
}

function progressOf(record: PeerRecord): string {
  return record.share === undefined
    ? "it had not begun"
    : `${formatPercent(recordPercent(record) / 100)} at ${formatRate(record.bytesPerSecond)}`;
}
