// Room core/link: what is known of one neighbour, and what a peer's core is told and wants done.
// One link only: whatever compares neighbours, or chooses among them, belongs to download, upload or peer.

import type { Bitfield } from "../share/bitfield.ts";
import { IncomingRequests } from "./incoming_requests.ts";
import { OutgoingRequests } from "./outgoing_requests.ts";

/** Whom we called, and at which of its addresses somebody answered. */
export interface Dialed {
  readonly id: number;
  readonly host: string;
}

/** A neighbour that said HELLO: both sides choked, nobody interested, until messages and decisions change that. */
export class LiveLink {
  readonly phase = "live";
  readonly id: number;
  readonly peerId: number;
  readonly dialed: Dialed | undefined;
  /** When it said HELLO. */
  readonly linkedMs: number;
  /** What it asks of us. */
  readonly upload: IncomingRequests;
  /** What we ask of it. */
  readonly download: OutgoingRequests;
  #holds: Bitfield | undefined;
  #follows = false;
  #complained = false;
  #sentMs: number;
  #receivedMs: number;

  constructor(
    id: number,
    options: { readonly peerId: number; readonly dialed: Dialed | undefined; readonly nowMs: number },
  ) {
    const { peerId, dialed, nowMs } = options;
    this.id = id;
    this.peerId = peerId;
    this.dialed = dialed;
    this.linkedMs = nowMs;
    this.upload = new IncomingRequests(nowMs);
    this.download = new OutgoingRequests(nowMs);
    this.#sentMs = nowMs;
    this.#receivedMs = nowMs;
  }

  /** The blocks that it holds; undefined until it told. */
  get holds(): Bitfield | undefined {
    return this.#holds;
  }

  /** It asked GET_BLOCKS: it knows the manifest and wants to be told of new blocks. */
  get follows(): boolean {
    return this.#follows;
  }

  /** It told us of a bad block: once a link. */
  get complained(): boolean {
    return this.#complained;
  }

  /** When it was last sent something. */
  get sentMs(): number {
    return this.#sentMs;
  }

  /** When it last said something. */
  get receivedMs(): number {
    return this.#receivedMs;
  }

  /** Whether one side owes the other an answer: then silence means something. */
  get isBusy(): boolean {
    const { download, upload } = this;
    return download.pending.length > 0 || upload.queue.length > 0 || upload.inFlight !== undefined;
  }

  /**
   * Whether it lacks blocks, seen by a peer that has all.
   *
   * Whoever lacks one is interested in us. What it holds tells nothing then, for it did not tell us of blocks that we held
   * when it got them; but if it was never interested it told us of all.
   */
  get isInNeed(): boolean {
    const { interested, wasInterested } = this.upload;
    return interested || (!wasInterested && this.#holds?.complete === false);
  }

  /** It told for the first time what it holds. */
  tell(holds: Bitfield): void {
    this.#holds = holds;
  }

  /** It asked GET_BLOCKS. */
  follow(): void {
    this.#follows = true;
  }

  /** It told us of a bad block. */
  complain(): void {
    this.#complained = true;
  }

  sent(nowMs: number): void {
    this.#sentMs = nowMs;
  }

  heard(nowMs: number): void {
    this.#receivedMs = nowMs;
  }
}

/** A connection that has not said HELLO yet. */
export interface HandshakingLink {
  readonly phase: "handshaking";
  readonly id: number;
  readonly dialed: Dialed | undefined;
  readonly deadlineMs: number;
}

/** It sent a wrong block and is banned, unless it says in time that its own copy is damaged. Nothing else it says counts. */
export interface AccusedLink {
  readonly phase: "accused";
  readonly id: number;
  readonly dialed: Dialed | undefined;
  readonly peerId: number;
  readonly block: number;
  readonly deadlineMs: number;
}

/** State of one connection; a closed one is forgotten. */
export type Link = HandshakingLink | LiveLink | AccusedLink;
