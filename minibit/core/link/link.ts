import { RateMeter } from "../base/rate_meter.ts";
import type { Bitfield } from "../share/bitfield.ts";
import type { RejectReason } from "../wire/peer_wire.ts";
import type { Slot } from "./slot.ts";

/** A slice of a block: what one REQUEST asks and one BLOCK brings; offset and length in bytes. */
export interface Unit {
  readonly block: number;
  readonly offset: number;
  readonly length: number;
}

/** Whether two units are the same bytes of the same block. */
export function sameUnit(a: Unit, b: Unit): boolean {
  return a.block === b.block && a.offset === b.offset && a.length === b.length;
}

/** Up to where a block was asked for and refused. */
export interface RefusedUnit {
  readonly block: number;
  readonly end: number;
  readonly reason: RejectReason;
}

/** What we give to a neighbour. */
export interface Upload {
  /** The only truth about choking: whoever is "choked" here is served nothing but its allowed blocks. */
  slot: Slot;
  /** The neighbour wants blocks we hold. */
  interested: boolean;
  /** ... or did so at some time. */
  wasInterested: boolean;
  /** It takes and gives nothing, as far as we have seen. */
  takesOnly: boolean;
  /** Requests not yet served, in the order they came. */
  readonly queue: Unit[];
  /** The unit the driver is putting on the wire. */
  inFlight: Unit | undefined;
  /** The block of which it was served some units, but not yet the last. */
  unfinished: number | undefined;
  /** What it was refused last: what goes on there is refused as well, for it would leave a gap. */
  refused: RefusedUnit | undefined;
  /** Blocks it may ask for while choked, and how many bytes in all. */
  readonly allowed: Set<number>;
  allowanceBytes: number;
  /** Suggested blocks it has not asked for yet. */
  readonly suggested: Set<number>;
  /** Since when it waits for a slot, or holds one. */
  waitingSinceMs: number;
  /** Bytes it may still be served before others have their turn (deficit round robin). */
  deficit: number;
  /** When it was last given a unit; an old time with a unit in flight is a full socket. */
  servedMs: number;
  readonly rate: RateMeter;
}

/** A REQUEST sent and not answered. */
export interface PendingUnit extends Unit {
  readonly askedMs: number;
  /** We took it back; it is still answered, by BLOCK or by REJECT. */
  cancelled: boolean;
}

/** What we take from a neighbour. */
export interface Download {
  /** The neighbour chokes us: it will serve nothing but what it allowed. */
  choked: boolean;
  /** We told it that we are interested. */
  interested: boolean;
  /** How many times we became interested, and whether it ever unchoked us. */
  wishes: number;
  everUnchoked: boolean;
  /** How many blocks it holds that we lack. */
  useful: number;
  /** How many of those wait to be picked: at 0 no search is needed. */
  waiting: number;
  /** REQUESTs in the order they were sent; answers to served ones come in that order. */
  readonly pending: PendingUnit[];
  /** How many of them were cancelled. */
  cancelled: number;
  /** The block it has not been asked for to the end yet. */
  asking: number | undefined;
  /** Blocks it suggested, first one first. */
  suggested: number[];
  /** It plans what it gives (a smart seed): its suggestions come first, ours only when the pipe runs dry. */
  suggests: boolean;
  readonly allowed: Set<number>;
  /** Blocks it refused, until when we do not ask for them again. */
  readonly refusedUntilMs: Map<number, number>;
  /** When it last sent a unit, or was first asked after a pause. */
  lastUnitMs: number;
  /** How long it may owe us a unit, by the rate it had when it last sent one. */
  patienceMs: number | undefined;
  /** Owes us units for too long: one request at a time until it delivers. */
  snubbed: boolean;
  /** Shortest time from REQUEST to BLOCK. */
  rttMs: number;
  readonly rate: RateMeter;
  /** Bytes received since the last choke round, and their mean over rounds in bytes a second. */
  roundBytes: number;
  roundRate: number;
}

/** Whom we called, and at which of its addresses somebody answered. */
export interface Dialed {
  readonly id: number;
  readonly host: string;
}

/** A neighbour that said HELLO. */
export interface LiveLink {
  readonly phase: "live";
  readonly id: number;
  readonly peerId: number;
  readonly dialed: Dialed | undefined;
  /** The blocks it holds; undefined until it told. */
  holds: Bitfield | undefined;
  /** It asked GET_BLOCKS: it knows the manifest and wants to be told of new blocks. */
  follows: boolean;
  /** When it said HELLO. */
  readonly linkedMs: number;
  /** It told us of a bad block: once a link. */
  complained: boolean;
  sentMs: number;
  receivedMs: number;
  readonly upload: Upload;
  readonly download: Download;
}

/** Whether one side owes the other an answer: then silence means something. */
export function isBusy({ download, upload }: LiveLink): boolean {
  return download.pending.length > 0 || upload.queue.length > 0 || upload.inFlight !== undefined;
}

/**
 * Whether a neighbour lacks blocks, seen by a peer that has all.
 *
 * Whoever lacks one is interested in us. What it holds tells nothing then, for it did not tell us of blocks that we held when it
 * got them; but if it was never interested it told us of all.
 */
export function isInNeed({ upload, holds }: Pick<LiveLink, "upload" | "holds">): boolean {
  return upload.interested || (!upload.wasInterested && holds?.complete === false);
}

/** State of one connection; a closed one is forgotten. */
export type Link =
  | {
      readonly phase: "handshaking";
      readonly id: number;
      readonly dialed: Dialed | undefined;
      readonly deadlineMs: number;
    }
  | LiveLink
  /** It sent a wrong block and is banned, unless it says in time that its own copy is damaged. Nothing else it says counts. */
  | {
      readonly phase: "accused";
      readonly id: number;
      readonly dialed: Dialed | undefined;
      readonly peerId: number;
      readonly block: number;
      readonly deadlineMs: number;
    };

/** The state of a connection right after HELLO: both sides choked, nobody interested. */
export function liveLink(
  id: number,
  options: { readonly peerId: number; readonly dialed: Dialed | undefined; readonly nowMs: number },
): LiveLink {
  const { peerId, dialed, nowMs } = options;
  return {
    phase: "live",
    id,
    peerId,
    dialed,
    holds: undefined,
    follows: false,
    linkedMs: nowMs,
    complained: false,
    sentMs: nowMs,
    receivedMs: nowMs,
    upload: {
      slot: "choked",
      interested: false,
      wasInterested: false,
      takesOnly: false,
      queue: [],
      inFlight: undefined,
      unfinished: undefined,
      refused: undefined,
      allowed: new Set(),
      allowanceBytes: 0,
      suggested: new Set(),
      waitingSinceMs: nowMs,
      deficit: 0,
      servedMs: nowMs,
      rate: new RateMeter(nowMs),
    },
    download: {
      choked: true,
      interested: false,
      wishes: 0,
      everUnchoked: false,
      useful: 0,
      waiting: 0,
      pending: [],
      cancelled: 0,
      asking: undefined,
      suggested: [],
      suggests: false,
      allowed: new Set(),
      refusedUntilMs: new Map(),
      lastUnitMs: nowMs,
      patienceMs: undefined,
      snubbed: false,
      rttMs: Number.POSITIVE_INFINITY,
      rate: new RateMeter(nowMs),
      roundBytes: 0,
      roundRate: 0,
    },
  };
}
