import {
  MAX_CONTROL_FRAME_BYTES,
  MAX_ERROR_BYTES,
  MAX_FETCHES_TOLD,
  MAX_LINKS,
  MAX_NAME_BYTES,
  MAX_PEER_HOSTS,
  MAX_PEERS_ANSWERED,
  MAX_SUGGESTED_BLOCKS,
} from "../base/limits.ts";
import { ACTIVITIES, type BlockInFlight, type Flow } from "./activity.ts";
import { bitfield, bool, enumOf, fixedBytes, list, runs, size64, struct, text, u8, u16, u32 } from "./codec.ts";
import { type Handlers, type MessageOf, Wire } from "./message_table.ts";
import { STAT_FIELDS } from "./peer_stats_table.ts";
import { PEER_MESSAGES } from "./peer_wire.ts";

/** Why a tracker refuses: the code is for programs, the text for people. */
export const TRACKER_ERRORS = [
  "version",
  "peer id taken",
  "which swarm",
  "share differs",
  "too many",
  "not registered",
  "protocol",
] as const;
export type TrackerErrorCode = (typeof TRACKER_ERRORS)[number];

/** Where a peer listens. */
export interface PeerAddress {
  readonly id: number;
  /** Its addresses or names, to be tried in this order; all with the same port. */
  readonly hosts: readonly string[];
  readonly port: number;
}

/** What the tracker knows of a share; sizes in bytes. */
export interface ShareSummary {
  readonly name: string;
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  readonly blockCount: number;
}

const host = text(MAX_NAME_BYTES);
/** What a peer tells of itself: the tracker adds one. */
const ownHosts = list(host, MAX_PEER_HOSTS - 1);
const peerAddress = struct<PeerAddress>({ id: u32, hosts: list(host, MAX_PEER_HOSTS), port: u16 });
const shareSummary = struct<ShareSummary>({
  name: text(MAX_NAME_BYTES),
  sizeBytes: size64,
  blockSizeBytes: u32,
  blockCount: u32,
});
const messageCount = struct<{ readonly type: number; readonly count: number }>({ type: u8, count: u32 });
const flow = struct<Flow>({ peer: u32, bytesPerSecond: size64 });
const blockInFlight = struct<BlockInFlight>({ block: u32, peer: u32 });

/** All zeros: a peer that names no swarm. */
export const NO_SWARM: Uint8Array = new Uint8Array(32);

const SMALL = 4096;

/** What peers and the tracker say to each other. */
export const TRACKER_MESSAGES = {
  REGISTER: {
    code: 1,
    fields: {
      version: u8,
      swarmId: fixedBytes(32),
      share: shareSummary,
      peerId: u32,
      name: text(MAX_NAME_BYTES),
      hosts: ownHosts,
      port: u16,
      blocks: bitfield,
      instance: u32,
      done: bool,
    },
    maxBytes: MAX_CONTROL_FRAME_BYTES,
    doc: "a peer joins: swarm id (zeros: the only one, or that of the name or id in share) and, if known, the share; where it can be called; what it holds; a random number of its process; done: its copy stands",
  },
  REGISTERED: {
    code: 2,
    fields: { swarmId: fixedBytes(32), share: shareSummary, expected: u32 },
    maxBytes: SMALL,
    doc: "answers REGISTER once the swarm is known; expected 0: any number of peers",
  },
  GET_PEERS: { code: 3, fields: {}, maxBytes: SMALL, doc: "asks for peers to talk to" },
  PEERS: {
    code: 4,
    fields: {
      peers: list(peerAddress, MAX_PEERS_ANSWERED),
      suggested: list(u32, MAX_SUGGESTED_BLOCKS),
      registered: u32,
      incomplete: u32,
    },
    maxBytes: MAX_CONTROL_FRAME_BYTES,
    doc: "answers GET_PEERS: some peers, the rarest blocks the caller lacks, how many peers there are and lack blocks",
  },
  UPDATE_BLOCKS: {
    code: 5,
    fields: { blocks: runs },
    maxBytes: MAX_CONTROL_FRAME_BYTES,
    doc: "blocks the peer verified since it last said",
  },
  STATS: {
    code: 6,
    fields: {
      ...STAT_FIELDS,
      unchoked: list(u32, MAX_LINKS),
      optimistic: list(u32, 1),
      chokedBy: u16,
      neighbours: u16,
      activity: enumOf(ACTIVITIES),
      flows: list(flow, MAX_LINKS),
      fetching: list(blockInFlight, MAX_FETCHES_TOLD),
      messages: list(messageCount, Object.keys(PEER_MESSAGES).length),
      done: bool,
    },
    maxBytes: SMALL,
    doc: "once a second, also the heartbeat: rates, totals, who has a slot, what it is doing, who sends to it and which blocks, messages sent by type since the last; done: its copy stands",
  },
  SWARM_DONE: {
    code: 7,
    fields: { incomplete: u32 },
    maxBytes: SMALL,
    doc: "pushed when as many peers as expected are complete; how many others are here and lack blocks",
  },
  ERROR: {
    code: 8,
    fields: { code: enumOf(TRACKER_ERRORS), text: text(MAX_ERROR_BYTES) },
    maxBytes: SMALL,
    doc: "the last message: the request cannot be served, and the link closes",
  },
  ALIVE: {
    code: 9,
    fields: { incomplete: u32 },
    maxBytes: SMALL,
    doc: "answers STATS, and REGISTER while its swarm is not known: the line works; how many peers lack blocks",
  },
  UPDATE_HOSTS: {
    code: 10,
    fields: { hosts: ownHosts },
    maxBytes: SMALL,
    doc: "where a registered peer can be called from now on",
  },
} as const;

export type TrackerMessages = typeof TRACKER_MESSAGES;
export type TrackerMessageName = keyof TrackerMessages;
export type TrackerMessage<Name extends TrackerMessageName = TrackerMessageName> = MessageOf<TrackerMessages, Name>;
export type TrackerHandlers<Result = void, Context extends readonly unknown[] = []> = Handlers<
  TrackerMessages,
  Result,
  Context
>;

export const trackerWire: Wire<TrackerMessages> = new Wire(TRACKER_MESSAGES);
