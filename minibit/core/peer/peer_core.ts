import { ProtocolError } from "../base/errors.ts";
import { FIND_PEERS_MS, HANDSHAKE_TIMEOUT_MS, MAX_LINKS } from "../base/limits.ts";
import type { Rng } from "../base/rng.ts";
import { ManifestFetch, manifestSlice } from "../download/manifest_fetch.ts";
import { type Dialed, type Link, LiveLink } from "../link/link.ts";
import { dueOn } from "../link/link_care.ts";
import type { DropReason, PeerEvent, PeerInput, PeerOutput } from "../link/peer_io.ts";
import type { Unit } from "../link/unit.ts";
import type { PeerHandlers, PeerMessage } from "../wire/peer_wire.ts";
import { Accusations } from "./accusations.ts";
import { answerBeforeManifest } from "./before_manifest.ts";
import { helloOf, loserOf, refusalOf, type Self } from "./handshake.ts";
import { KnownPeers } from "./known_peers.ts";
import { type SessionOptions, SwarmSession } from "./swarm_session.ts";

/** With fewer neighbours than this a peer asks for more now and then. */
const ENOUGH_LINKS = 4;
/** Dials, time-outs and keep-alives are looked after this often. */
const HOUSEKEEPING_MS = 500;
const NOTHING: readonly PeerOutput[] = [];

type LinkHandlers = Pick<
  PeerHandlers<void, [link: LiveLink, nowMs: number]>,
  "HELLO" | "GET_MANIFEST" | "MANIFEST" | "KEEP_ALIVE"
>;

/** Who this peer is, and how it shares. */
export interface PeerCoreOptions extends SessionOptions {
  readonly peerId: number;
  /** 32 bytes: SHA-256 of the manifest. */
  readonly swarmId: Uint8Array;
  readonly rng: Rng;
  /** Neighbours at a time; left out: MAX_LINKS. */
  readonly maxLinks?: number;
}

/**
 * One peer as a state machine, without sockets, files or clocks: input and time in, decisions out.
 *
 * The very same code runs on Bun and in the simulator. Drive it like etcd's raft: hand every event to `handle`, do
 * what it returns in that order, and call `handle({ type: "tick" })` at `nextDeadlineMs()`.
 *
 * This file owns links, from the dial to the drop, and the manifest; what happens on a live link once the manifest is known is `SwarmSession`'s.
 */
export class PeerCore {
  readonly #options: PeerCoreOptions;
  readonly #self: Self;
  readonly #neighbours: KnownPeers;
  readonly #links = new Map<number, Link>();
  readonly #fetch: ManifestFetch;
  readonly #accusations: Accusations;
  #manifest: Uint8Array | undefined;
  #session: SwarmSession | undefined;
  #outputs: PeerOutput[] = [];
  #housekeepingMs: number;
  #findPeersMs: number;
  #hashFailures = 0;
  #nowMs: number;

  constructor(options: PeerCoreOptions, nowMs: number) {
    this.#options = options;
    this.#neighbours = new KnownPeers(options);
    const { peerId, swarmId } = options;
    this.#self = { peerId, swarmId, isBanned: (id) => this.#neighbours.isBanned(id) };
    this.#housekeepingMs = nowMs + HOUSEKEEPING_MS;
    this.#findPeersMs = nowMs + FIND_PEERS_MS;
    this.#nowMs = nowMs;
    this.#accusations = new Accusations({
      links: this.#links,
      neighbours: this.#neighbours,
      send: (link, message) => this.#send(link, message),
      unlink: (link) => this.#unlink(link),
      drop: (id, reason) => this.#drop(id, reason),
      event: (event) => this.#event(event),
    });
    this.#fetch = new ManifestFetch({
      ask: (link, offset) => this.#sendTo(link, { type: "GET_MANIFEST", offset }),
      whole: (link, bytes) => this.#outputs.push({ type: "open_manifest", link, bytes }),
    });
  }

  /** The trading half, once the manifest is known. */
  get session(): SwarmSession | undefined {
    return this.#session;
  }

  /** Blocks whose hash was wrong, ever. */
  get hashFailures(): number {
    return this.#hashFailures;
  }

  /** The neighbours that said HELLO. */
  *liveLinks(): Generator<LiveLink> {
    for (const link of this.#links.values()) {
      if (link.phase === "live") {
        yield link;
      }
    }
  }

  /** Takes in what happened at `nowMs` (never going back) and returns what is to be done, in that order. */
  handle(input: PeerInput, nowMs: number): readonly PeerOutput[] {
    this.#nowMs = nowMs;
    this.#take(input);
    if (nowMs >= this.#housekeepingMs) {
      this.#housekeepingMs = nowMs + HOUSEKEEPING_MS;
      this.#keepHouse();
    }
    this.#session?.settle(nowMs);
    const outputs = this.#outputs;
    if (outputs.length === 0) {
      return NOTHING; // half of all inputs ask for nothing
    }
    this.#outputs = [];
    return outputs;
  }

  /** When to call `handle` with a tick, if nothing happens before. */
  nextDeadlineMs(): number {
    return Math.min(this.#housekeepingMs, this.#session?.nextDeadlineMs(this.#nowMs) ?? Number.POSITIVE_INFINITY);
  }

  /** What the payload of a BLOCK that begins to arrive is worth; for anything but "wanted" it is thrown away. */
  judge(linkId: number, unit: Unit): "wanted" | "unwanted" | "unsolicited" {
    const link = this.#links.get(linkId);
    if (link?.phase === "accused") {
      return "unwanted"; // it was asked for before
    }
    return link?.phase === "live" && this.#session !== undefined
      ? this.#session.scheduler.judge(link, unit)
      : "unsolicited";
  }

  #take(input: PeerInput): void {
    const nowMs = this.#nowMs;
    switch (input.type) {
      case "link_opened":
        this.#opened(input.link, input.dialed);
        break;
      case "dial_failed":
        this.#neighbours.ended(input.address.id, { nowMs });
        break;
      case "received":
        this.#received(input);
        break;
      case "link_closed": {
        const { part } = input;
        if (part !== undefined) {
          this.#session?.partArrived(part.block, part.receivedBytes);
        }
        this.#forget(input.link);
        break;
      }
      case "unit_served":
        this.#withLive(input.link, (link) => this.#session?.unitServed(link, nowMs));
        break;
      case "unit_lost":
        this.#withLive(input.link, (link) => this.#session?.unitLost(link));
        break;
      case "block_checked":
        this.#session?.blockChecked(input.block, { health: input.health, doubter: this.#live(input.link) });
        break;
      case "manifest_opened":
        this.#manifest = input.manifest;
        this.#share(input);
        break;
      case "manifest_refused": {
        const why = "its manifest is not that of the swarm";
        this.#withLive(input.link, ({ peerId }) => this.#accusations.ban(peerId, why));
        this.#fetch.refused(input.link, nowMs);
        break;
      }
      case "block_stored":
        this.#session?.blockStored(input.block, nowMs);
        this.#accusations.accuse(input.culprit, input.block, nowMs);
        break;
      case "block_corrupt": {
        this.#hashFailures++;
        this.#event({ kind: "hash failure", block: input.block, culprit: input.culprit });
        this.#accusations.accuse(input.culprit, input.block, nowMs);
        this.#session?.blockCorrupt(input.block, { solo: input.culprit === undefined });
        break;
      }
      case "peers_found":
        this.#neighbours.found(input.peers);
        this.#session?.suggestedByTracker(input.suggested);
        this.#dial();
        break;
      case "tick":
        break;
    }
  }

  #opened(id: number, dialed: Dialed | undefined): void {
    if (dialed === undefined && this.#links.size >= (this.#options.maxLinks ?? MAX_LINKS)) {
      this.#drop(id, "no room");
      return;
    }
    this.#links.set(id, { phase: "handshaking", id, dialed, deadlineMs: this.#nowMs + HANDSHAKE_TIMEOUT_MS });
    this.#outputs.push({ type: "send", link: id, message: helloOf(this.#self) });
  }

  #received(input: { readonly link: number; readonly message: PeerMessage; readonly receivedBytes?: number }): void {
    const { message, receivedBytes = 0 } = input;
    const link = this.#links.get(input.link);
    if (link === undefined) {
      return; // dropped while this message was on its way up
    }
    if (link.phase === "handshaking") {
      if (message.type === "HELLO") {
        this.#greeted(link, message);
      } else {
        this.#drop(link.id, "protocol error");
      }
      return;
    }
    if (link.phase === "accused") {
      this.#accusations.hear(link, message);
      return;
    }
    link.heard(this.#nowMs);
    try {
      if (message.type === "BLOCK") {
        if (this.#session === undefined) {
          throw new ProtocolError("Cannot use a BLOCK: none was asked for");
        }
        this.#session.unitArrived(link, { unit: message, receivedBytes, nowMs: this.#nowMs });
      } else if (message.type in this.#handlers) {
        const handle = this.#handlers[message.type as keyof LinkHandlers] as (m: PeerMessage, l: LiveLink) => void;
        handle(message, link);
      } else if (this.#session !== undefined) {
        this.#session.received(link, message, this.#nowMs);
      } else {
        this.#beforeManifest(link, message);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.#drop(link.id, "protocol error", error.message);
    }
  }

  readonly #handlers: LinkHandlers = {
    HELLO: () => {
      throw new ProtocolError("Cannot greet twice");
    },
    GET_MANIFEST: ({ offset }, link) => this.#send(link, manifestSlice(this.#manifest, offset)),
    MANIFEST: (message, link) => {
      if (this.#manifest === undefined) {
        this.#fetch.received(link.id, { message, nowMs: this.#nowMs });
      }
    },
    KEEP_ALIVE: () => undefined,
  };

  /** We follow nobody yet. */
  #beforeManifest(link: LiveLink, message: PeerMessage): void {
    if (message.type === "GET_BLOCKS") {
      link.follow();
      this.#fetch.add(link.id, this.#nowMs);
      return;
    }
    const answer = answerBeforeManifest(message);
    if (answer !== undefined) {
      this.#send(link, answer);
    }
  }

  #greeted(link: Link, hello: PeerMessage<"HELLO">): void {
    const { peerId } = hello;
    const refusal = refusalOf(hello, { self: this.#self, dialed: link.dialed });
    if (refusal !== undefined) {
      this.#drop(link.id, refusal);
      return;
    }
    const twin = [...this.liveLinks()].find((other) => other.peerId === peerId);
    if (twin !== undefined) {
      const loser = loserOf<Link>({ older: twin, newer: link }, { own: this.#self.peerId, nowMs: this.#nowMs });
      this.#drop(loser.id, "duplicate link");
      if (loser === link) {
        return;
      }
    }
    const live = new LiveLink(link.id, { peerId, dialed: link.dialed, nowMs: this.#nowMs });
    this.#links.set(link.id, live);
    this.#event({ kind: "linked", peerId });
    if (this.#session !== undefined) {
      this.#session.join(live);
    } else {
      this.#fetch.add(live.id, this.#nowMs);
    }
  }

  #share(opened: Extract<PeerInput, { type: "manifest_opened" }>): void {
    const { geometry, have } = opened;
    this.#session = new SwarmSession(
      {
        ...this.#options,
        geometry,
        have,
        emit: (output) => this.#outputs.push(output),
        send: (link, message) => this.#send(link, message),
      },
      this.#nowMs,
    );
    for (const link of this.liveLinks()) {
      this.#session.join(link);
      if (link.follows) {
        this.#session.tellBlocks(link);
      }
    }
    if (have.complete) {
      this.#outputs.push({ type: "done" });
    }
  }

  #keepHouse(): void {
    const nowMs = this.#nowMs;
    for (const link of [...this.#links.values()]) {
      const due = dueOn(link, nowMs);
      if (due === "keep alive") {
        this.#sendTo(link.id, { type: "KEEP_ALIVE" });
      } else if (due !== undefined) {
        this.#drop(link.id, due);
      }
    }
    if (this.#manifest === undefined) {
      this.#fetch.expire(nowMs);
    }
    if (nowMs >= this.#findPeersMs) {
      this.#findPeersMs = nowMs + FIND_PEERS_MS;
      const needsMore = this.#links.size < ENOUGH_LINKS || this.#session?.scheduler.rarity.length !== 0;
      if (needsMore && this.#session?.have.complete !== true) {
        this.#outputs.push({ type: "find_peers" });
      }
    }
    this.#dial();
    this.#accusations.tellMissing(this.#session, nowMs);
  }

  #dial(): void {
    const linked = new Set([...this.liveLinks()].map((link) => link.peerId));
    for (const address of this.#neighbours.toDial(linked, this.#nowMs)) {
      this.#outputs.push({ type: "dial", address });
    }
  }

  #drop(id: number, reason: DropReason, why?: string): void {
    this.#event({ kind: "refused", link: id, reason, ...(why === undefined ? {} : { why }) });
    this.#forget(id, reason);
    this.#outputs.push({ type: "drop", link: id, reason });
  }

  #forget(id: number, reason?: DropReason): void {
    const link = this.#links.get(id);
    if (link === undefined) {
      return;
    }
    this.#links.delete(id);
    if (link.dialed !== undefined) {
      const wasThere = link.phase === "live" || reason === "duplicate link" || reason === "banned";
      this.#neighbours.ended(link.dialed.id, { nowMs: this.#nowMs, ...(wasThere ? {} : { astray: link.dialed.host }) });
    }
    if (link.phase === "live") {
      this.#unlink(link);
    }
  }

  #unlink(link: LiveLink): void {
    this.#event({ kind: "unlinked", peerId: link.peerId });
    this.#fetch.remove(link.id, this.#nowMs);
    this.#session?.leave(link);
  }

  #send(link: LiveLink, message: PeerMessage): void {
    link.sent(this.#nowMs);
    this.#outputs.push({ type: "send", link: link.id, message });
  }

  #sendTo(id: number, message: PeerMessage): void {
    this.#withLive(id, (link) => this.#send(link, message));
  }

  #withLive(id: number, use: (link: LiveLink) => void): void {
    const link = this.#live(id);
    if (link !== undefined) {
      use(link);
    }
  }

  #live(id: number | undefined): LiveLink | undefined {
    const link = id === undefined ? undefined : this.#links.get(id);
    return link?.phase === "live" ? link : undefined;
  }

  #event(event: PeerEvent): void {
    this.#outputs.push({ type: "event", event });
  }
}
