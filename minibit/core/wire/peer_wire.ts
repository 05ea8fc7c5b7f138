import {
  MANIFEST_SLICE_BYTES,
  MAX_BLOCK_FRAME_BYTES,
  MAX_CONTROL_FRAME_BYTES,
  MAX_HINT_BLOCKS,
} from "../base/limits.ts";
import { bitfield, blob, bool, enumOf, fixedBytes, list, runs, u8, u32 } from "./codec.ts";
import { type Handlers, type MessageOf, Wire } from "./message_table.ts";

/** Why a REQUEST is not served. */
export const REJECT_REASONS = ["choked", "not held", "out of range", "queue full", "sent before", "cancelled"] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

const block = u32;
const blocks = list(u32, MAX_HINT_BLOCKS);
/** Bytes of type-specific control bodies that are only a few numbers long. */
const SMALL = 1024;

/** What peers say to each other, in the order of a link's life. */
export const PEER_MESSAGES = {
  HELLO: {
    code: 1,
    fields: { version: u8, swarmId: fixedBytes(32), peerId: u32 },
    maxBytes: SMALL,
    doc: "opens a link, both ways: who I am and which swarm I mean",
  },
  GET_MANIFEST: {
    code: 2,
    fields: { offset: u32 },
    maxBytes: SMALL,
    doc: "asks for the slice of the manifest that starts at offset",
  },
  MANIFEST: {
    code: 3,
    fields: { offset: u32, totalBytes: u32, data: blob(MANIFEST_SLICE_BYTES) },
    maxBytes: MAX_CONTROL_FRAME_BYTES,
    doc: "a slice of the manifest; totalBytes 0: not held yet, ask another",
  },
  GET_BLOCKS: { code: 4, fields: {}, maxBytes: SMALL, doc: "asks which blocks the peer holds, now and from now on" },
  BLOCKS: {
    code: 5,
    fields: { blocks: bitfield },
    maxBytes: MAX_CONTROL_FRAME_BYTES,
    doc: "the blocks held; of size 0 while the manifest is not known",
  },
  HAVE: { code: 6, fields: { block }, maxBytes: SMALL, doc: "asks: do you hold this block?" },
  HAS: { code: 7, fields: { block, held: bool }, maxBytes: SMALL, doc: "answers HAVE" },
  UPDATE_BLOCKS: {
    code: 8,
    fields: { blocks: runs },
    maxBytes: MAX_CONTROL_FRAME_BYTES,
    doc: "announces blocks just verified",
  },
  INTERESTED: { code: 9, fields: {}, maxBytes: SMALL, doc: "you hold a block that I lack" },
  NOT_INTERESTED: { code: 10, fields: {}, maxBytes: SMALL, doc: "you hold no block that I lack" },
  CHOKE: { code: 11, fields: {}, maxBytes: SMALL, doc: "I will serve you nothing until UNCHOKE" },
  UNCHOKE: { code: 12, fields: {}, maxBytes: SMALL, doc: "you may send REQUESTs" },
  SUGGEST: { code: 13, fields: { blocks }, maxBytes: SMALL, doc: "best ask me for these blocks (BEP 6)" },
  ALLOW: { code: 14, fields: { blocks }, maxBytes: SMALL, doc: "you may ask for these blocks while choked (BEP 6)" },
  REQUEST: {
    code: 15,
    fields: { block, offset: u32, length: u32 },
    maxBytes: SMALL,
    doc: "asks for a unit; answered by exactly one BLOCK or REJECT",
  },
  BLOCK: {
    code: 16,
    fields: { block, offset: u32, length: u32 },
    maxBytes: MAX_BLOCK_FRAME_BYTES,
    payload: "length",
    doc: "a unit: length bytes follow the fields",
  },
  REJECT: {
    code: 17,
    fields: { block, offset: u32, length: u32, reason: enumOf(REJECT_REASONS) },
    maxBytes: SMALL,
    doc: "a REQUEST that will not be served",
  },
  CANCEL: {
    code: 18,
    fields: { block, offset: u32, length: u32 },
    maxBytes: SMALL,
    doc: "takes a REQUEST back; it is still answered, by REJECT if it was not sent yet",
  },
  KEEP_ALIVE: { code: 19, fields: {}, maxBytes: SMALL, doc: "I am here" },
  BAD_BLOCK: {
    code: 20,
    fields: { block },
    maxBytes: SMALL,
    doc: "your block has a wrong hash: look at your own copy; at most one a link, which is ended unless LOST_BLOCKS says so too",
  },
  LOST_BLOCKS: {
    code: 21,
    fields: { blocks: runs },
    maxBytes: MAX_CONTROL_FRAME_BYTES,
    doc: "takes announcements back: these blocks were damaged after they were verified",
  },
} as const;

export type PeerMessages = typeof PEER_MESSAGES;
export type PeerMessageName = keyof PeerMessages;
export type PeerMessage<Name extends PeerMessageName = PeerMessageName> = MessageOf<PeerMessages, Name>;
export type PeerHandlers<Result = void, Context extends readonly unknown[] = []> = Handlers<
  PeerMessages,
  Result,
  Context
>;

export const peerWire: Wire<PeerMessages> = new Wire(PEER_MESSAGES);
