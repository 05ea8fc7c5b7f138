import { ProtocolError } from "../base/errors.ts";
import {
  FORGET_SWARM_MS,
  GONE_AFTER_MS,
  HANDSHAKE_TIMEOUT_MS,
  HEARTBEAT_MS,
  ID_YIELDS_AFTER_MS,
  MAX_SWARM_PEERS,
  MAX_SWARMS,
  MAX_TRACKED_BLOCKS,
  MAX_WAITING_PEERS,
} from "../base/limits.ts";
import { quote } from "../base/quote.ts";
import type { Rng } from "../base/rng.ts";
import { Bitfield } from "../share/bitfield.ts";
import type { TrackerErrorCode, TrackerHandlers, TrackerMessage } from "../wire/tracker_wire.ts";
import type { TrackerEvent, TrackerInput, TrackerOutput } from "./tracker_io.ts";
import type { Register, RegisteredLink, TrackerLink, WaitingLink } from "./tracker_link.ts";
import type { SwarmPeer } from "./tracker_peer.ts";
import {
  addressOf,
  checkRegistration,
  describeShare,
  isKnown,
  isMeant,
  namesSwarm,
  notForTrackers,
  reachableHosts,
  sameShare,
  startsAnew,
  swarmDone,
  TrackerRefusal,
} from "./tracker_rules.ts";
import { type SwarmStatus, TrackerSwarm } from "./tracker_swarm.ts";

/** Silent peers, idle links and deserted swarms are looked for this often. */
const SWEEP_MS = HEARTBEAT_MS / 2;

/** All that `/status` tells. */
export interface TrackerStatus {
  readonly swarms: readonly SwarmStatus[];
  /** Peers that wait for their swarm to appear. */
  readonly waiting: number;
}

/**
 * The tracker as a state machine: it introduces peers to each other and knows how far each is; it never sees a block.
 *
 * Drive it like `PeerCore`. A link registers one peer in one swarm. A peer that names no swarm joins the only one that
 * has peers, or waits for it to appear. Each heartbeat is answered, so that both ends notice a line that died. Whoever is
 * silent for three heartbeats is gone, unless it was the tracker itself that was held up. A swarm that everybody left is
 * remembered for FORGET_SWARM_MS.
 */
export class TrackerCore {
  readonly #expected: number;
  readonly #rng: Rng;
  readonly #links = new Map<number, TrackerLink>();
  /** Those of them that wait. */
  readonly #waiting = new Map<number, WaitingLink>();
  readonly #swarms = new Map<string, TrackerSwarm>();
  #outputs: TrackerOutput[] = [];
  #nowMs = 0;
  #sweepMs = Number.POSITIVE_INFINITY;

  /** @param options `expected`: how many peers, the seed among them, make a group complete; 0: any number */
  constructor(options: { readonly expected: number; readonly rng: Rng }) {
    this.#expected = options.expected;
    this.#rng = options.rng;
  }

  /** Takes in what happened at `nowMs` (never going back) and returns what is to be done, in that order. */
  handle(input: TrackerInput, nowMs: number): TrackerOutput[] {
    this.#nowMs = nowMs;
    switch (input.type) {
      case "link_opened":
        this.#links.set(input.link, { phase: "new", host: input.host, deadlineMs: nowMs + HANDSHAKE_TIMEOUT_MS });
        this.#sweepMs = Math.min(this.#sweepMs, nowMs + SWEEP_MS);
        break;
      case "received":
        this.#guard(input.link, (link) => {
          const handle = this.#handlers[input.message.type] as (m: TrackerMessage, l: TrackerLink, id: number) => void;
          handle(input.message, link, input.link);
        });
        break;
      case "link_closed":
        this.#forget(input.link, "left");
        break;
      case "tick":
        break;
    }
    if (nowMs >= this.#sweepMs) {
      this.#sweep();
    }
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** When to call `handle` with a tick, if nothing happens before; Infinity: not at all. */
  nextDeadlineMs(): number {
    return this.#sweepMs;
  }

  /** Whether a group is complete. */
  get isGroupDone(): boolean {
    return [...this.#swarms.values()].some(({ done }) => done);
  }

  /** All that is known now, as plain data. */
  snapshot(): TrackerStatus {
    return { swarms: [...this.#swarms.values()].map((swarm) => swarm.status()), waiting: this.#waiting.size };
  }

  readonly #handlers: TrackerHandlers<void, [link: TrackerLink, id: number]> = {
    REGISTER: (register, link, id) => {
      if (link.phase !== "new") {
        throw new ProtocolError("Cannot register twice on one link");
      }
      checkRegistration(register);
      const hosts = reachableHosts(register.hosts, link.host);
      const address = { id: register.peerId, hosts, port: register.port };
      this.#register(id, { phase: "waiting", host: link.host, address, register, heardMs: this.#nowMs });
    },
    GET_PEERS: (_message, link, id) => {
      const { swarm, peer } = this.#registered(link);
      this.#send(id, swarm.answer(peer));
    },
    UPDATE_BLOCKS: (message, link) => {
      const { swarm, peer } = this.#registered(link);
      const blocks = swarm.update(peer, message.blocks);
      if (blocks.length > 0) {
        this.#event({ kind: "verified", swarm: swarm.label, peer: peer.id, blocks });
      }
      this.#noteProgress(swarm, peer);
    },
    STATS: (message, link, linkId) => {
      if (link.phase === "waiting") {
        link.heardMs = this.#nowMs;
        this.#send(linkId, { type: "ALIVE", incomplete: 0 });
        return;
      }
      const { swarm, peer } = this.#registered(link);
      swarm.report(peer, message, this.#nowMs);
      const { id, stats, messages } = peer;
      this.#event({ kind: "reported", swarm: swarm.label, peer: id, stats, messages });
      this.#noteProgress(swarm, peer);
      this.#send(linkId, { type: "ALIVE", incomplete: swarm.incomplete });
    },
    UPDATE_HOSTS: (message, link) => {
      const { peer, host } = this.#registered(link);
      peer.hosts = reachableHosts(message.hosts, host);
    },
    REGISTERED: notForTrackers,
    PEERS: notForTrackers,
    SWARM_DONE: notForTrackers,
    ERROR: notForTrackers,
    ALIVE: notForTrackers,
  };

  /** Does something for a link; what cannot be done is told to its peer, and the link ends. */
  #guard(id: number, work: (link: TrackerLink) => void): void {
    const link = this.#links.get(id);
    if (link === undefined) {
      return; // dropped while this was on its way up
    }
    try {
      work(link);
    } catch (error) {
      if (error instanceof TrackerRefusal) {
        this.#refuse(id, error.code, error.message);
      } else if (error instanceof ProtocolError) {
        this.#refuse(id, "protocol", error.message);
      } else {
        throw error;
      }
    }
  }

  /** The registration behind a link; any message on it is a sign of life. */
  #registered(link: TrackerLink): RegisteredLink {
    if (link.phase !== "registered") {
      throw new TrackerRefusal(
        "not registered",
        "Cannot answer: this link has not registered a peer (send REGISTER first)",
      );
    }
    link.peer.heardMs = this.#nowMs;
    return link;
  }

  /** Registers a peer, or lets it wait for its swarm. */
  #register(id: number, link: WaitingLink): void {
    const swarm = this.#swarmFor(link);
    if (swarm !== undefined) {
      this.#join(id, link, swarm);
      return;
    }
    if (this.#waiting.size >= MAX_WAITING_PEERS) {
      throw new TrackerRefusal(
        "too many",
        "Cannot wait for the swarm: too many peers do (start the peer with the source)",
      );
    }
    this.#links.set(id, link);
    this.#waiting.set(id, link);
    this.#event({ kind: "waiting", peer: link.address });
    this.#send(id, { type: "ALIVE", incomplete: 0 });
  }

  #join(id: number, link: WaitingLink, swarm: TrackerSwarm): void {
    const { address, register } = link;
    const knowsShare = isKnown(register.share);
    if (knowsShare && !sameShare(register.share, swarm.share)) {
      const difference = `it is ${describeShare(swarm.share)}, not ${describeShare(register.share)}`;
      throw new TrackerRefusal("share differs", `Cannot register in swarm ${swarm.id}: ${difference}`);
    }
    this.#freeId(swarm, register);
    if (swarm.peers.size >= MAX_SWARM_PEERS) {
      throw new TrackerRefusal(
        "too many",
        `Cannot register in swarm ${swarm.id}: it has ${swarm.peers.size} peers already`,
      );
    }
    const isFirst = swarm.peers.size === 0;
    const peer = swarm.join({
      ...address,
      name: register.name,
      link: id,
      blocks: knowsShare ? register.blocks.clone() : new Bitfield(swarm.share.blockCount),
      instance: register.instance,
      done: knowsShare && register.done,
      joinedMs: this.#nowMs,
      heardMs: this.#nowMs,
    });
    this.#links.set(id, { phase: "registered", host: link.host, swarm, peer });
    this.#waiting.delete(id);
    const { name, seed, blocks } = peer;
    this.#event({ kind: "registered", swarm: swarm.label, peer: address, name, seed, blocks });
    this.#send(id, { type: "REGISTERED", swarmId: swarm.swarmId, share: swarm.share, expected: this.#expected });
    if (swarm.done) {
      this.#send(id, swarmDone(swarm.incomplete));
    }
    this.#noteProgress(swarm, peer);
    if (isFirst) {
      for (const [waitingId, waiting] of [...this.#waiting]) {
        this.#guard(waitingId, () => {
          const found = this.#swarmFor(waiting);
          if (found !== undefined) {
            this.#join(waitingId, waiting, found);
          }
        });
      }
    }
  }

  /** The swarm a registration means; a new one if it tells what is shared; undefined if there is none yet. */
  #swarmFor({ register }: WaitingLink): TrackerSwarm | undefined {
    if (isKnown(register.share)) {
      const found = this.#swarms.get(register.swarmId.toHex());
      return found === undefined || startsAnew(found, register) ? this.#addSwarm(register) : found;
    }
    if (namesSwarm(register)) {
      return this.#swarms.get(register.swarmId.toHex());
    }
    const word = register.share.name;
    const meant = [...this.#swarms.values()].filter((swarm) => swarm.peers.size > 0 && isMeant(word, swarm));
    if (meant.length > 1) {
      const names = meant.map(({ id, share }) => `${quote(share.name, 40)} ${id.slice(0, 12)}`).join(", ");
      const how = word === "" ? "name or id" : "id";
      throw new TrackerRefusal(
        "which swarm",
        `Cannot choose one of ${meant.length} swarms (name one with --swarm, by its ${how}): ${names}`,
      );
    }
    return meant[0];
  }

  /** A new swarm; makes room by forgetting the one that was deserted first. */
  #addSwarm({ swarmId, share }: Register): TrackerSwarm {
    const swarm = new TrackerSwarm({ swarmId, share, expected: this.#expected, rng: this.#rng });
    this.#swarms.delete(swarm.id);
    const deserted = [...this.#swarms.values()]
      .filter(({ peers }) => peers.size === 0)
      .sort((a, b) => a.desertedMs - b.desertedMs);
    while (!this.#hasRoomFor(share.blockCount)) {
      const oldest = deserted.shift();
      if (oldest === undefined) {
        throw new TrackerRefusal(
          "too many",
          `Cannot start a swarm: this tracker has ${this.#swarms.size} (use another)`,
        );
      }
      this.#swarms.delete(oldest.id);
      this.#event({ kind: "forgotten", swarm: oldest.label });
    }
    this.#swarms.set(swarm.id, swarm);
    this.#event({ kind: "new swarm", swarm: swarm.label, share, expected: this.#expected });
    return swarm;
  }

  #hasRoomFor(blockCount: number): boolean {
    let blocks = blockCount;
    for (const { share } of this.#swarms.values()) {
      blocks += share.blockCount;
    }
    return this.#swarms.size < MAX_SWARMS && blocks <= MAX_TRACKED_BLOCKS;
  }

  /** Makes sure nobody holds the id of a peer that registers; what the same process holds on an older line is its own. */
  #freeId(swarm: TrackerSwarm, { peerId: id, instance }: Register): void {
    const holder = swarm.peers.get(id);
    if (holder === undefined) {
      return;
    }
    if (holder.instance !== instance && this.#nowMs - holder.heardMs < ID_YIELDS_AFTER_MS) {
      const owner = `the peer at ${holder.hosts[0]} port ${holder.port}`;
      throw new TrackerRefusal(
        "peer id taken",
        `Cannot register as peer ${id}: the id belongs to ${owner} (choose another)`,
      );
    }
    this.#drop(holder.link, `peer ${id} registered anew`);
  }

  #noteProgress(swarm: TrackerSwarm, peer: SwarmPeer): void {
    const wasDone = swarm.done;
    if (!swarm.noteIfFinished(peer)) {
      return;
    }
    this.#event({ kind: "complete", swarm: swarm.label, peer: addressOf(peer) });
    if (swarm.done && !wasDone) {
      this.#event({ kind: "swarm done", swarm: swarm.label, complete: swarm.finished });
      for (const { link } of swarm.peers.values()) {
        this.#send(link, swarmDone(swarm.incomplete));
      }
    }
  }

  /** Drops who is silent, forgets what is over. */
  #sweep(): void {
    const nowMs = this.#nowMs;
    const lateMs = nowMs - this.#sweepMs;
    // after a pause of our own, peers' messages may still wait to be read: silence during it proves nothing
    const graceMs = lateMs > HEARTBEAT_MS ? lateMs : 0;
    for (const [id, link] of this.#links) {
      if (link.phase === "new" && nowMs > link.deadlineMs + graceMs) {
        this.#drop(id, "did not register in time");
      } else if (link.phase !== "new") {
        const heard = link.phase === "registered" ? link.peer : link;
        heard.heardMs = Math.min(nowMs, heard.heardMs + graceMs);
        if (nowMs - heard.heardMs >= GONE_AFTER_MS) {
          this.#drop(id, `silent for ${GONE_AFTER_MS} ms`);
        }
      }
    }
    for (const swarm of this.#swarms.values()) {
      if (swarm.peers.size === 0 && nowMs - swarm.desertedMs >= FORGET_SWARM_MS) {
        this.#swarms.delete(swarm.id);
        this.#event({ kind: "forgotten", swarm: swarm.label });
      }
    }
    this.#sweepMs = this.#links.size + this.#swarms.size > 0 ? nowMs + SWEEP_MS : Number.POSITIVE_INFINITY;
  }

  #refuse(id: number, code: TrackerErrorCode, text: string): void {
    this.#event({ kind: "refused", link: id, code, text });
    this.#send(id, { type: "ERROR", code, text });
    this.#drop(id, text);
  }

  /** Ends a link ourselves. */
  #drop(id: number, reason: string): void {
    this.#forget(id, "gone");
    this.#outputs.push({ type: "drop", link: id, reason });
  }

  #forget(id: number, state: "left" | "gone"): void {
    const link = this.#links.get(id);
    this.#links.delete(id);
    this.#waiting.delete(id);
    if (link?.phase === "registered") {
      const { swarm, peer } = link;
      swarm.leave(peer, { state, nowMs: this.#nowMs });
      this.#event({ kind: state, swarm: swarm.label, peer: addressOf(peer) });
    }
  }

  #send(link: number, message: TrackerMessage): void {
    this.#outputs.push({ type: "send", link, message });
  }

  #event(event: TrackerEvent): void {
    this.#outputs.push({ type: "event", event });
  }
}
