import { CoreDriver } from "../../core/base/core_driver.ts";
import { HEARTBEAT_MS, PROTOCOL_VERSION } from "../../core/base/limits.ts";
import type { Rng } from "../../core/base/rng.ts";
import type { PeerInput } from "../../core/link/peer_io.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import type { Geometry } from "../../core/share/geometry.ts";
import { TrackerCore } from "../../core/tracker/tracker_core.ts";
import type { TrackerInput, TrackerOutput } from "../../core/tracker/tracker_io.ts";
import { NO_STATS } from "../../core/tracker/tracker_peer.ts";
import { NO_SWARM, type TrackerMessage } from "../../core/wire/tracker_wire.ts";
import type { Clock } from "./clock.ts";
import type { SimPeer } from "./sim_peer.ts";

/** Tells the tracker's events from those of peers and wires in the log's hash. */
const TRACKER_SUBJECT = -1;

/** The tracker that ships, on the virtual clock, and what each peer's line to it does. */
export class SimTracker {
  readonly core: TrackerCore;
  readonly #loop: CoreDriver<TrackerInput, TrackerOutput>;
  readonly #clock: Clock;
  readonly #geometry: Geometry;
  readonly #swarmId: Uint8Array;
  readonly #latencyMs: number;
  readonly #found: (peer: SimPeer, input: PeerInput) => void;
  readonly #links = new Map<SimPeer, number>();
  readonly #peers = new Map<number, SimPeer>();
  /** Peers that the tracker answered: until then they have nothing to say to it. */
  readonly #registered = new Set<SimPeer>();
  #nextLink = 1;
  #tickAtMs = Number.POSITIVE_INFINITY;

  constructor(options: {
    readonly clock: Clock;
    readonly rng: Rng;
    readonly geometry: Geometry;
    readonly swarmId: Uint8Array;
    readonly latencyMs: number;
    /** The tracker named peers to a peer. */
    readonly found: (peer: SimPeer, input: PeerInput) => void;
  }) {
    this.core = new TrackerCore({ expected: 0, rng: options.rng });
    this.#clock = options.clock;
    this.#geometry = options.geometry;
    this.#swarmId = options.swarmId;
    this.#latencyMs = options.latencyMs;
    this.#found = options.found;
    this.#loop = new CoreDriver(this.core, {
      nowMs: () => this.#clock.nowMs,
      act: (output) => this.#act(output),
      arm: (deadlineMs) => this.#arm(deadlineMs),
    });
  }

  /** A peer registers. */
  joined(peer: SimPeer): void {
    const link = this.#nextLink++;
    this.#links.set(peer, link);
    this.#peers.set(link, peer);
    const { session } = peer.core;
    const { sizeBytes, blockSizeBytes, blockCount } = this.#geometry;
    const isKnown = session !== undefined;
    this.#later(() => {
      this.#loop.input({ type: "link_opened", link, host: "simulated" });
      this.#loop.input({
        type: "received",
        link,
        message: {
          type: "REGISTER",
          version: PROTOCOL_VERSION,
          swarmId: isKnown ? this.#swarmId : NO_SWARM,
          share: isKnown
            ? { name: "share", sizeBytes, blockSizeBytes, blockCount }
            : { name: "", sizeBytes: 0, blockSizeBytes: 0, blockCount: 0 },
          peerId: peer.id,
          name: `peer ${peer.id}`,
          hosts: ["simulated"],
          port: 1,
          blocks: session?.have ?? new Bitfield(0),
          instance: link,
          done: peer.isComplete,
        },
      });
      peer.trackerMessages++;
    });
  }

  /** A peer is gone; when it was `silent` about it, the tracker has to find out. */
  lost(peer: SimPeer, options: { readonly silent?: boolean }): void {
    const link = this.#links.get(peer);
    this.#registered.delete(peer);
    this.#links.delete(peer);
    if (link !== undefined && options.silent !== true) {
      this.#later(() => this.#loop.input({ type: "link_closed", link }));
    }
  }

  /** A peer asks for more peers. */
  getPeers(peer: SimPeer): void {
    this.#send(peer, { type: "GET_PEERS" });
  }

  /** A peer tells of verified blocks. */
  announce(peer: SimPeer, blocks: readonly number[]): void {
    this.#send(peer, { type: "UPDATE_BLOCKS", blocks });
  }

  #beat(peer: SimPeer): void {
    if (!this.#registered.has(peer)) {
      return;
    }
    this.#send(peer, {
      type: "STATS",
      ...NO_STATS,
      ...peer.core.session?.stats(this.#clock.nowMs),
      hashFailures: peer.core.hashFailures,
      neighbours: peer.wires.size,
      done: peer.isComplete,
    });
    this.#clock.at(this.#clock.nowMs + HEARTBEAT_MS, peer.id, () => this.#beat(peer));
  }

  #send(peer: SimPeer, message: TrackerMessage): void {
    const link = this.#links.get(peer);
    if (link !== undefined && this.#registered.has(peer)) {
      peer.trackerMessages++;
      this.#later(() => this.#loop.input({ type: "received", link, message }));
    }
  }

  #later(run: () => void): void {
    this.#clock.at(this.#clock.nowMs + this.#latencyMs, TRACKER_SUBJECT, run);
  }

  #arm(deadlineMs: number): void {
    if (deadlineMs < this.#tickAtMs) {
      this.#tickAtMs = deadlineMs;
      this.#clock.at(deadlineMs, TRACKER_SUBJECT, () => {
        this.#tickAtMs = Number.POSITIVE_INFINITY;
        this.#loop.input({ type: "tick" });
      });
    }
  }

  #act(output: TrackerOutput): void {
    const peer = output.type === "event" ? undefined : this.#peers.get(output.link);
    if (peer === undefined || output.type !== "send") {
      return;
    }
    const { message } = output;
    peer.trackerMessages++;
    this.#later(() => {
      if (!peer.isAlive) {
        return;
      }
      if (message.type === "REGISTERED") {
        this.#registered.add(peer);
        this.getPeers(peer);
        this.#beat(peer);
      } else if (message.type === "PEERS") {
        const { peers, suggested } = message;
        this.#found(peer, { type: "peers_found", peers, suggested });
      }
    });
  }
}
