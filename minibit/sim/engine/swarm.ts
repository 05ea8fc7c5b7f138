// Room sim/engine: the core that ships on a virtual clock and a simulated network.
// No rule of its own: strategies to compare with are in policies.ts, questions in experiments. No minibit/io, no real time.

import { assert } from "../../core/base/errors.ts";
import { createRng, type Rng } from "../../core/base/rng.ts";
import type { PeerInput, PeerOutput } from "../../core/link/peer_io.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import { Geometry } from "../../core/share/geometry.ts";
import type { PeerMessage } from "../../core/wire/peer_wire.ts";
import type { PeerAddress } from "../../core/wire/tracker_wire.ts";
import { Clock } from "./clock.ts";
import { DEFAULT_LATENCY_MS, Network, type NetworkOptions } from "./network.ts";
import { SimPeer, type SimPeerOptions } from "./sim_peer.ts";
import { SimTracker } from "./sim_tracker.ts";
import type { SimWire } from "./sim_wire.ts";

/** The share and the network of a swarm. */
export interface SwarmOptions extends NetworkOptions {
  readonly blockCount: number;
  readonly blockSizeBytes: number;
  /** By how much the last block is shorter. */
  readonly lastBlockLacksBytes?: number;
  readonly seed: number;
  /** How long checking and writing a block takes. */
  readonly storeMs?: number;
  /** Peers find each other through a tracker; else by `introduce` only. */
  readonly tracker?: boolean;
}

/** Observes a swarm; every method is optional. */
export interface SwarmObserver {
  /** A peer's core was given an input, and this is what it wanted done. */
  handled?(peer: SimPeer, outputs: readonly PeerOutput[]): void;
  /** A message was handed to the network; a BLOCK when its unit was. */
  sent?(wire: SimWire<SimPeer>, message: PeerMessage): void;
  /** A message arrived, right before the core hears of it. */
  received?(wire: SimWire<SimPeer>, message: PeerMessage): void;
}

const MANIFEST: Uint8Array = new TextEncoder().encode("what is shared");
const SWARM_ID: Uint8Array = new Uint8Array(32).fill(7);
const TICK: PeerInput = { type: "tick" };
/** Steps of the clock between two checks of the condition that ends a run. */
const LOOK_EVERY_STEPS = 16;

/**
 * A swarm on a virtual clock: the core that ships, driven by a simulated network.
 *
 * Nothing here decides anything about sharing. The same options and seed make the same run, event for event.
 */
export class Swarm {
  readonly geometry: Geometry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly peers: SimPeer[] = [];
  observer: SwarmObserver = {};
  /** Blocks that a peer which did not start with them has verified. */
  readonly #spreadBlocks: Bitfield;
  /** When every block existed outside of the seeds, and what the seeds had served by then. */
  coverage: { readonly atMs: number; readonly servedBytes: number } | undefined;
  readonly #options: SwarmOptions;
  readonly #network: Network<SimPeer>;
  readonly #tracker: SimTracker | undefined;
  #unfinished = 0;

  constructor(options: SwarmOptions) {
    const { blockCount, blockSizeBytes, lastBlockLacksBytes = 0, seed } = options;
    this.#options = options;
    this.clock = new Clock(lookaheadMsOf(options));
    this.geometry = new Geometry(blockCount * blockSizeBytes - lastBlockLacksBytes, blockSizeBytes);
    this.rng = createRng(seed);
    this.#spreadBlocks = new Bitfield(blockCount);
    this.#network = new Network({
      ...options,
      clock: this.clock,
      rng: this.rng,
      handlers: { arrived: (wire, message) => this.#arrived(wire, message), served: (wire) => this.#served(wire) },
    });
    if (options.tracker === true) {
      this.#tracker = new SimTracker({
        clock: this.clock,
        rng: this.rng,
        geometry: this.geometry,
        swarmId: SWARM_ID,
        latencyMs: this.#network.latencyMs,
        found: (peer, input) => this.#input(peer, input),
      });
    }
  }

  /** Living peers that do not hold everything. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /** Adds a peer; it starts at `joinMs`. `id`: of a peer that comes back. */
  add(options: SimPeerOptions = {}, id: number = this.peers.length): SimPeer {
    const nowMs = Math.max(this.clock.nowMs, options.joinMs ?? 0);
    const takesTurns = this.clock.lookaheadMs > 0;
    assert(!takesTurns || options.downBytesPerSecond === undefined, "a downlink is shared within a latency");
    const peer: SimPeer = new SimPeer(id, {
      ...options,
      seed: this.#options.seed,
      swarmId: SWARM_ID,
      geometry: this.geometry,
      nowMs,
      around: {
        nowMs: () => this.clock.nowMs,
        act: (output) => this.#act(peer, output),
        handled: (outputs) => this.observer.handled?.(peer, outputs),
        arm: (deadlineMs) => this.#arm(peer, deadlineMs),
      },
    });
    this.peers[id] = peer;
    this.#unfinished++;
    this.clock.at(nowMs, id, () => this.#start(peer));
    return peer;
  }

  /** Tells `peer` of `others`, as a tracker would. */
  introduce(peer: SimPeer, others: readonly SimPeer[]): void {
    this.#input(peer, { type: "peers_found", peers: others.map(addressOf), suggested: [] });
  }

  /** Ends a peer as a crash would; `silent`: as a power cut would, so that its neighbours are told nothing. */
  kill(peer: SimPeer, options: { readonly silent?: boolean } = {}): void {
    if (!peer.isAlive) {
      return;
    }
    peer.isAlive = false;
    this.#unfinished -= peer.isComplete ? 0 : 1;
    this.#tracker?.lost(peer, options);
    for (const [link, wire] of peer.wires) {
      if (options.silent === true) {
        this.#network.cut(wire);
      } else {
        this.#cut(peer, link);
      }
    }
  }

  /** Lets time pass until `until` holds; @throws {Error} when it has not by `limitMs`. */
  run(until: () => boolean = () => this.#unfinished === 0, limitMs: number = 24 * 3_600_000): void {
    for (let steps = 0; !until(); steps = 0) {
      while (steps < LOOK_EVERY_STEPS && this.clock.step()) {
        steps++;
      }
      assert(steps > 0 && this.clock.nowMs <= limitMs, () => `the swarm is stuck at ${this.clock.nowMs} ms`);
    }
  }

  #start(peer: SimPeer): void {
    if (!peer.isAlive) {
      return;
    }
    peer.hasStarted = true;
    const { have } = peer.options;
    if (have !== undefined) {
      const { blockCount } = this.geometry;
      const held = have === "all" ? Bitfield.full(blockCount) : new Bitfield(blockCount);
      for (const block of have === "all" ? [] : have) {
        held.add(block);
      }
      this.#input(peer, this.#opened(held));
    }
    this.#tracker?.joined(peer);
    this.#input(peer, TICK);
  }

  #opened(have: Bitfield): PeerInput {
    return { type: "manifest_opened", geometry: this.geometry, have, manifest: MANIFEST };
  }

  #input(peer: SimPeer, input: PeerInput): void {
    if (peer.isAlive) {
      peer.loop.input(input);
    }
  }

  #arm(peer: SimPeer, deadlineMs: number): void {
    const dueMs = Math.max(this.clock.nowMs, deadlineMs);
    if (dueMs >= peer.tickAtMs) {
      return;
    }
    peer.tickAtMs = dueMs;
    this.clock.at(dueMs, peer.id, () => {
      if (peer.tickAtMs !== dueMs) {
        return; // an earlier one was due since
      }
      peer.tickAtMs = Number.POSITIVE_INFINITY;
      const nextMs = peer.core.nextDeadlineMs();
      if (nextMs <= dueMs) {
        this.#input(peer, TICK);
      } else if (peer.isAlive) {
        this.#arm(peer, nextMs);
      }
    });
  }

  #act(peer: SimPeer, output: PeerOutput): void {
    switch (output.type) {
      case "send":
        this.#send(peer, output.link, output.message);
        break;
      case "serve_unit": {
        const wire = peer.wires.get(output.link);
        if (wire?.isOpen === true) {
          peer.servedBytes += output.unit.length;
          this.observer.sent?.(wire, { type: "BLOCK", ...output.unit });
          this.#network.sendUnit(wire, output.unit);
        }
        break;
      }
      case "dial":
        this.#dial(peer, output.address);
        break;
      case "drop":
        this.#cut(peer, output.link);
        break;
      case "store_block":
        this.#after(this.#options.storeMs ?? 0, peer, () => this.#stored(peer, output.block));
        break;
      case "discard_block":
        peer.discard(output.block);
        break;
      case "open_manifest":
        this.#after(0, peer, () => this.#input(peer, this.#opened(new Bitfield(this.geometry.blockCount))));
        break;
      case "announce":
        this.#tracker?.announce(peer, output.blocks);
        break;
      case "find_peers":
        this.#tracker?.getPeers(peer);
        break;
      case "done":
        peer.doneMs ??= this.clock.nowMs;
        this.#unfinished--;
        break;
      case "event":
        if (output.event.kind === "banned") {
          peer.banned.push(output.event.peerId);
        }
        break;
    }
  }

  #after(delayMs: number, peer: SimPeer, run: () => void): void {
    this.clock.at(this.clock.nowMs + delayMs, peer.id, run);
  }

  /** Tells another peer than the one whose event this is: at once, or if they take turns one latency later. */
  #notify(peer: SimPeer, input: PeerInput): void {
    if (this.clock.lookaheadMs === 0) {
      this.#input(peer, input);
    } else {
      this.#after(this.clock.lookaheadMs, peer, () => this.#input(peer, input));
    }
  }

  #send(peer: SimPeer, link: number, message: PeerMessage): void {
    const wire = peer.wires.get(link);
    if (wire?.isOpen === true) {
      this.observer.sent?.(wire, message);
      this.#network.send(wire, message);
    }
  }

  #stored(peer: SimPeer, block: number): void {
    const input = peer.store(block, this.geometry);
    if (input.type === "block_stored") {
      peer.storedAtMs.push(this.clock.nowMs);
      this.#spreadBlocks.add(block);
      if (this.coverage === undefined && this.#spreadBlocks.complete) {
        const seeds = this.peers.filter((p) => p.options.have === "all");
        this.coverage = { atMs: this.clock.nowMs, servedBytes: seeds.reduce((sum, s) => sum + s.servedBytes, 0) };
      }
    }
    this.#input(peer, input);
  }

  #dial(from: SimPeer, address: PeerAddress): void {
    const roundTripMs = 2 * this.#network.latencyMs;
    this.#after(roundTripMs, from, () => {
      const to = this.peers[address.id];
      if (to?.isAlive !== true || !to.hasStarted || !from.isAlive) {
        this.#input(from, { type: "dial_failed", address });
        return;
      }
      const out = this.#network.connect(from, to);
      const { back, toLink } = out;
      assert(back !== undefined, "a connection goes both ways");
      from.wires.set(back.toLink, out);
      to.wires.set(toLink, back);
      this.#notify(to, { type: "link_opened", link: toLink });
      this.#input(from, { type: "link_opened", link: back.toLink, dialed: { id: address.id, host: "simulated" } });
    });
  }

  /** Ends a connection. Both ends are told, the other one after the latency. */
  #cut(peer: SimPeer, link: number): void {
    const wire = peer.wires.get(link);
    const back = wire?.back;
    if (wire === undefined || back === undefined) {
      return;
    }
    const [came, sent] = [this.#partOn(back), this.#partOn(wire)];
    this.#network.cut(wire);
    this.#after(0, peer, () => this.#closed(peer, link, came));
    this.#after(this.#network.latencyMs, wire.to, () => this.#closed(wire.to, wire.toLink, sent));
  }

  /** What its receiver has of a unit that is cut off on its way. */
  #partOn(wire: SimWire<SimPeer>): LinkClosed["part"] {
    const bytes = this.#network.passedBytes(wire);
    const { unit, to, toLink } = wire;
    return unit === undefined || bytes === 0
      ? undefined
      : { block: unit.block, receivedBytes: to.keep(toLink, { type: "BLOCK", ...unit }, bytes) };
  }

  #closed(peer: SimPeer, link: number, part: LinkClosed["part"]): void {
    peer.wires.delete(link);
    this.#input(peer, { type: "link_closed", link, ...(part === undefined ? {} : { part }) });
  }

  #arrived(wire: SimWire<SimPeer>, message: PeerMessage): void {
    const { to, toLink: link } = wire;
    this.observer.received?.(wire, message);
    if (message.type === "BLOCK") {
      this.#input(to, { type: "received", link, message, receivedBytes: to.keep(link, message) });
    } else {
      this.#input(to, { type: "received", link, message });
    }
  }

  #served(wire: SimWire<SimPeer>): void {
    const { back } = wire;
    if (back !== undefined) {
      this.#input(wire.from, { type: "unit_served", link: back.toLink });
    }
  }
}

type LinkClosed = Extract<PeerInput, { type: "link_closed" }>;

/** How far peers may be ahead of each other. */
function lookaheadMsOf({ lookahead, links, tracker, latencyMs = DEFAULT_LATENCY_MS }: SwarmOptions): number {
  if (lookahead !== true) {
    return 0;
  }
  assert(links === "queued" && tracker !== true, "peers take turns only where nothing happens within a latency");
  return latencyMs;
}

function addressOf({ id }: SimPeer): PeerAddress {
  return { id, hosts: ["simulated"], port: 1 };
}
