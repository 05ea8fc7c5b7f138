/** What a peer is told to do: as options, and as the flags that set them. */
import { assert, UserError } from "../../core/base/errors.ts";
import type { SessionOptions } from "../../core/peer/swarm_session.ts";
import { type Argument, oneOf, parseText, type Values } from "../cli/cli.ts";
import { LOG_FLAGS } from "../cli/log_flags.ts";
import { PRIVATE } from "../os/own_addresses.ts";
import { parsePath } from "../os/paths.ts";
import {
  type Address,
  MAX_PORT,
  parseAddress,
  parseDuration,
  parseHost,
  parsePercent,
  parsePort,
  parseRate,
  parseSize,
} from "../os/units.ts";
import { workFolderOf } from "../store/destination.ts";
import type { OpenStoreOptions, StoreKind } from "../store/open_store.ts";
import type { StoredManifest } from "../store/peer_folder.ts";
import type { Reporter } from "./peer_report.ts";

/** Peer `id` listens on this port plus its id, unless told otherwise. */
export const FIRST_PORT = 6000;

/** Set to "1" in the environment of a peer that `run_full.ts` started: its hints name flags of that. */
export const STARTED_BY_RUN = "MINIBIT_STARTED_BY_RUN";

/** What one peer is to do. Sizes in bytes, rates in bytes a second (Infinity: no limit). */
export interface PeerOptions extends SessionOptions {
  readonly id: number;
  readonly tracker: Address;
  /** Where else the tracker may be: tried when it does not answer there. */
  readonly trackerAlternatives?: readonly Address[];
  /** Where to listen: addresses of this machine, or PRIVATE for all of those; port 0 takes a free one. */
  readonly listen: { readonly hosts: readonly string[]; readonly port: number };
  /** Which of several swarms to join: its share's name, or the first 8 digits of its id or more. */
  readonly swarm?: string | undefined;
  /** What the peers call it by: the addresses to announce, when they are not those to listen on. */
  readonly advertise?: readonly string[];
  /** The file or folder to share; left out: this peer fetches. */
  readonly source?: string | undefined;
  /** The folder for `blocos_peer_N` and `reconstruido_peer_N`; with `to`, one that is removed in the end. */
  readonly dir: string;
  /** Where the verified copy goes, when it is not `reconstruido_peer_N`. */
  readonly to?: string | undefined;
  /** Whether something else than an older copy may be replaced where the copy goes. */
  readonly replace?: boolean;
  /** Whether a copy counts as complete before the disk has it for sure, and is tried for which there seems to be no room. */
  readonly skipSync?: boolean;
  readonly ignoreSpace?: boolean;
  /** Whether what was fetched stays when the peer ends before it has all, for the next run to go on with. */
  readonly keepPartial?: boolean;
  /** An older copy of the share: what has not changed in it is not fetched. */
  readonly basis?: string | undefined;
  readonly store: StoreKind;
  /** Left out: by the size of the share. */
  readonly blockSizeBytes?: number | undefined;
  /** How long a complete peer serves on after everybody else was complete. */
  readonly lingerMs: number;
  /** How long to wait for a tracker that was never there. */
  readonly trackerTimeoutMs: number;
  /** For fault injection: the part of the blocks it sends with a wrong byte, and the one at which it dies; 0 to 1. */
  readonly corrupt?: number | undefined;
  readonly killAt?: number | undefined;
  /** Whether `run_full.ts` started it. */
  readonly isStartedByRun?: boolean;
  readonly reporter: Reporter;
}

/** Flags of a peer that `run_full.ts` hands on to all peers. */
export const SHARING_FLAGS = {
  store: {
    value: "kind",
    help: "folder: a file a block; direct: each block at its place in the result; auto: by size",
    parse: oneOf("auto", "folder", "direct"),
    default: "auto",
  },
  blockSize: { value: "size", help: "block size (peer 0)", parse: parseSize, defaultHelp: "by the share's size" },
  uploadLimit: { value: "rate", help: "most each peer sends", parse: parseRate, default: "unlimited" },
  downloadLimit: { value: "rate", help: "most each peer receives", parse: parseRate, default: "unlimited" },
  skipSync: { help: "call a copy complete before the disk has it for sure: quicker, and lost in a power cut" },
  ignoreSpace: { help: "begin though the disk seems to have too little room" },
  unchokeInterval: {
    value: "time",
    help: "length of a choke round",
    parse: parseDuration,
    defaultHelp: "by the time left",
  },
} as const;

/** Flags that make a peer misbehave on purpose, to be looked at. */
const PEER_FAULT_FLAGS = {
  freeRider: { help: "to teach: take and never give" },
  corrupt: { value: "percent", help: "to teach: send a wrong byte in so many of the blocks", parse: parsePercent },
  killAt: { value: "percent", help: "to teach: end as by kill -9 once so many blocks are held", parse: parsePercent },
} as const;

/** All flags of `peer.ts`. */
export const PEER_FLAGS = {
  tracker: {
    value: "host:port",
    help: "the tracker; where it has several addresses, all that may be of use here",
    parse: parseAddress,
    default: "127.0.0.1:5000",
    repeats: true,
  },
  swarm: {
    value: "name",
    help: "which share to fetch, where the tracker has several: its name or id",
    parse: parseText,
    defaultHelp: "the only one",
  },
  host: {
    value: "host",
    help: `address to listen on and to announce; ${PRIVATE}: all private ones of this machine`,
    parse: parseHost,
    default: "127.0.0.1",
    repeats: true,
  },
  port: { value: "port", help: "port to listen on, 0 for a free one", parse: parsePort, defaultHelp: "6000 + id" },
  advertise: { value: "host", help: "address to announce, when it is not --host", parse: parseHost, repeats: true },
  source: {
    value: "path",
    help: "file or folder to share",
    parse: parsePath,
    defaultHelp: "arquivos for peer 0, none for others",
  },
  dir: { value: "path", help: "where blocos_peer_N and reconstruido_peer_N go", parse: parsePath, defaultHelp: "." },
  to: { value: "path", help: "where the verified copy goes instead; an older one there is replaced", parse: parsePath },
  replace: { help: "let the copy replace what no earlier run put there, or somebody changed since" },
  keepPartial: { help: "with --to: keep what was fetched when stopped half-way; the next run goes on with it" },
  basis: { value: "path", help: "an older copy: what has not changed in it is not fetched", parse: parsePath },
  ...SHARING_FLAGS,
  linger: { value: "time", help: "serve on so long after all are complete", parse: parseDuration, default: "5s" },
  trackerTimeout: { value: "time", help: "wait so long for the tracker", parse: parseDuration, default: "5m" },
  ...PEER_FAULT_FLAGS,
  events: { help: "report as JSON lines on standard output, for programs" },
  ...LOG_FLAGS,
} as const;

/**
 * What the flags say, with the defaults that depend on others.
 *
 * @throws {UserError} two flags that exclude each other
 */
export function peerOptionsOf(
  values: Values<typeof PEER_FLAGS, { readonly id: Argument<number> }>,
): Omit<PeerOptions, "reporter"> {
  const { id, host: hosts, port, source, dir, to, unchokeInterval } = values;
  const [tracker, ...trackerAlternatives] = values.tracker;
  assert(tracker !== undefined, "the flag has a default");
  refuse(
    to !== undefined && dir !== undefined,
    "Cannot use --dir with --to: the copy is made beside the place it goes to",
  );
  refuse(to === undefined && values.keepPartial, "Cannot use --keep-partial without --to: all else is kept anyway");
  const isSeed = source !== undefined || id === 0;
  refuse(isSeed && to !== undefined, "Cannot use --to for a peer that has the source: it makes no copy");
  refuse(
    isSeed && values.swarm !== undefined,
    "Cannot use --swarm with a source: what this peer shares names its swarm",
  );
  const listenPort = port ?? FIRST_PORT + id;
  refuse(
    listenPort > MAX_PORT,
    `Cannot use port ${listenPort} for peer ${id}: the last one is ${MAX_PORT} (name one with --port)`,
  );
  return {
    id,
    tracker,
    trackerAlternatives,
    swarm: values.swarm,
    listen: { hosts, port: listenPort },
    advertise: values.advertise,
    source: source ?? (id === 0 ? "arquivos" : undefined),
    dir: to === undefined ? (dir ?? ".") : workFolderOf(to),
    to,
    replace: values.replace,
    skipSync: values.skipSync,
    ignoreSpace: values.ignoreSpace,
    keepPartial: values.keepPartial,
    basis: values.basis,
    store: values.store,
    blockSizeBytes: values.blockSize,
    uploadBytesPerSecond: values.uploadLimit,
    downloadBytesPerSecond: values.downloadLimit,
    ...(unchokeInterval === undefined ? {} : { unchokeIntervalMs: unchokeInterval }),
    ...(values.freeRider ? { slots: 0 } : {}),
    corrupt: values.corrupt,
    killAt: values.killAt,
    lingerMs: values.linger,
    trackerTimeoutMs: values.trackerTimeout,
    isStartedByRun: process.env[STARTED_BY_RUN] === "1",
  };
}

/** @throws {UserError} with `text`, if something is wrong with the flags */
function refuse(isWrong: boolean, text: string): void {
  if (isWrong) {
    throw new UserError(text, { exitCode: 2 });
  }
}

/**
 * Where a fetching peer keeps its blocks and puts its copy.
 *
 * The folder beside `to` has one user, whatever its number in this run: a later run with other numbers goes on there.
 */
export function placeOf(options: PeerOptions): Omit<OpenStoreOptions, keyof StoredManifest> {
  const { id, dir, store, to, replace, skipSync, ignoreSpace, basis, keepPartial } = options;
  return {
    ...{ dir, peerId: to === undefined ? id : 0, store, to, replace, skipSync, ignoreSpace },
    bases: basis === undefined ? [] : [basis],
    isTransient: to !== undefined && keepPartial !== true,
  };
}

/** What to do when no tracker answers. */
export function trackerHintOf({ isStartedByRun }: Pick<PeerOptions, "isStartedByRun">): string {
  return isStartedByRun === true
    ? "is this an address at which the others reach the machine that runs run_full.ts, and its port open? see --advertise and --port"
    : "start it with: bun tracker.ts, or name it with --tracker";
}
