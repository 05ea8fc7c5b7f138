import { assert } from "../base/errors.ts";
import { createRng } from "../base/rng.ts";
import { BlockReassembly } from "../download/block_reassembly.ts";
import { type PretendBytes, pretendHashing } from "../download/pretend_hash.ts";
import type { PeerEvent, PeerInput, PeerOutput } from "../link/peer_io.ts";
import type { Unit } from "../link/unit.ts";
import { PeerCore } from "../peer/peer_core.ts";
import type { SessionOptions } from "../peer/swarm_session.ts";
import { Bitfield } from "../share/bitfield.ts";
import type { Geometry } from "../share/geometry.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";

const MAX_MS = 600_000;

/** How a peer of the test swarm behaves. */
export interface MemoryPeerOptions extends SessionOptions {
  /** Blocks it holds at the start; left out: it knows not even the manifest. */
  readonly have?: Bitfield;
  /** What its uplink carries. */
  readonly uplinkBytesPerSecond?: number;
  /** Its damaged blocks can be mended at once, as those of a seed with an unchanged source; others are lost. */
  readonly mends?: boolean;
  /** Sends wrong bytes for these blocks. */
  readonly lies?: (block: number) => boolean;
}

interface Wire {
  /** The same number for both directions of a connection. */
  readonly connection: number;
  readonly from: MemoryPeer;
  readonly to: MemoryPeer;
  readonly toLink: number;
  open: boolean;
  back: Wire | undefined;
}

/** One peer: the real core, and a driver in memory. */
export class MemoryPeer {
  readonly id: number;
  readonly core: PeerCore;
  readonly options: MemoryPeerOptions;
  readonly wires = new Map<number, Wire>();
  readonly reassembly: BlockReassembly<PretendBytes, string>;
  readonly events: PeerEvent[] = [];
  /** Blocks that are damaged on its disk, unknown to it. */
  readonly rotten = new Set<number>();
  /** Units received by block, to see what came twice. */
  readonly receivedBytes = new Map<number, number>();
  uplinkFreeMs = 0;
  servedBytes = 0;
  tickAtMs = Number.POSITIVE_INFINITY;
  alive = true;
  doneAtMs: number | undefined;

  constructor(id: number, options: MemoryPeerOptions & { readonly seed: number; readonly geometry: Geometry }) {
    this.id = id;
    this.reassembly = new BlockReassembly(pretendHashing(options.geometry));
    this.options = options;
    this.core = new PeerCore(
      { ...options, peerId: id, swarmId: new Uint8Array(32), rng: createRng(options.seed * 7919 + id) },
      0,
    );
  }
}

/**
 * A handful of real cores joined by wires in memory, on a virtual clock: enough to test the rules of `PeerCore`.
 *
 * Each peer sends one thing after the other at its uplink's rate; a message takes `latencyMs` more. Every link is FIFO.
 */
export class MemorySwarm {
  readonly geometry: Geometry;
  readonly peers: MemoryPeer[] = [];
  /** Called after every event: put invariants here. */
  check: (peer: MemoryPeer, outputs: readonly PeerOutput[]) => void = () => undefined;
  /** Called for every message sent, and for every BLOCK that begins to go out. */
  spy: (from: MemoryPeer, to: MemoryPeer, message: PeerMessage, connection: number) => void = () => undefined;
  /** Called when a connection ends. */
  closed: (connection: number) => void = () => undefined;
  nowMs = 0;
  readonly #latencyMs: number;
  readonly #tracked: boolean;
  readonly #queue: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];
  readonly #manifest: Uint8Array = new TextEncoder().encode("the manifest");
  #order = 0;
  #nextLink = 1;

  /** @param options.tracked peers that ask for more peers are told of all */
  constructor(geometry: Geometry, options: { readonly latencyMs?: number; readonly tracked?: boolean } = {}) {
    this.geometry = geometry;
    this.#tracked = options.tracked ?? false;
    this.#latencyMs = options.latencyMs ?? 1;
  }

  /** Adds a peer; a seed when `have` is full. */
  add(options: MemoryPeerOptions & { readonly seed?: number } = {}): MemoryPeer {
    const peer = new MemoryPeer(this.peers.length, { ...options, geometry: this.geometry, seed: options.seed ?? 1 });
    this.peers.push(peer);
    if (options.have !== undefined) {
      this.#input(peer, this.#opened(options.have.clone()));
    }
    return peer;
  }

  /** Tells `peer` of `others`, as the tracker would. */
  introduce(peer: MemoryPeer, others: readonly MemoryPeer[]): void {
    const peers = others.filter((p) => p !== peer).map((p) => ({ id: p.id, hosts: ["memory"], port: p.id + 1 }));
    this.#input(peer, { type: "peers_found", peers, suggested: [] });
  }

  /** Joins everybody with everybody; each pair is dialled by the later one. */
  introduceAll(): void {
    for (const peer of this.peers) {
      this.introduce(peer, this.peers.slice(0, peer.id));
    }
  }

  /** Ends a peer as kill -9 would. */
  kill(peer: MemoryPeer): void {
    peer.alive = false;
    for (const wire of peer.wires.values()) {
      this.#cut(wire);
    }
  }

  /** Runs until `until` holds; @throws {Error} when ten minutes are over before, or nothing is left to happen. */
  run(until: () => boolean): void {
    while (!until()) {
      this.#step(MAX_MS);
      assert(this.nowMs < MAX_MS, () => `the swarm is stuck at ${this.nowMs} ms`);
    }
  }

  /** Lets time pass. */
  runFor(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.nowMs < untilMs) {
      this.#step(untilMs);
    }
  }

  /** Does what happens next, unless that is after `limitMs`. */
  #step(limitMs: number): void {
    const [next] = this.#queue;
    if (next === undefined || next.atMs > limitMs) {
      this.nowMs = limitMs;
      return;
    }
    this.#queue.shift();
    this.nowMs = next.atMs;
    next.run();
  }

  /** Whether every living peer holds everything. */
  allDone(): boolean {
    return this.peers.every((peer) => !peer.alive || peer.core.session?.have.complete === true);
  }

  at(atMs: number, run: () => void): void {
    const event = { atMs, order: this.#order++, run };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#queue[middle]?.atMs ?? 0) <= atMs) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    this.#queue.splice(low, 0, event);
  }

  #opened(have: Bitfield): PeerInput {
    return { type: "manifest_opened", geometry: this.geometry, have, manifest: this.#manifest };
  }

  #input(peer: MemoryPeer, input: PeerInput): void {
    if (!peer.alive) {
      return;
    }
    const outputs = peer.core.handle(input, this.nowMs);
    for (const output of outputs) {
      this.#do(peer, output);
    }
    this.check(peer, outputs);
    const deadlineMs = peer.core.nextDeadlineMs();
    if (deadlineMs < peer.tickAtMs) {
      const atMs = Math.max(deadlineMs, this.nowMs);
      peer.tickAtMs = atMs;
      this.at(atMs, () => {
        if (peer.tickAtMs === atMs) {
          peer.tickAtMs = Number.POSITIVE_INFINITY;
          this.#input(peer, { type: "tick" });
        }
      });
    }
  }

  #do(peer: MemoryPeer, output: PeerOutput): void {
    switch (output.type) {
      case "send":
        this.#send(peer, { link: output.link, message: output.message });
        break;
      case "serve_unit":
        this.#serve(peer, output.link, output.unit);
        break;
      case "dial": {
        const other = this.peers[output.address.id];
        if (other?.alive === true) {
          this.#connect(peer, other);
        } else {
          this.at(this.nowMs, () => this.#input(peer, { type: "dial_failed", address: output.address }));
        }
        break;
      }
      case "drop": {
        const wire = peer.wires.get(output.link);
        if (wire !== undefined) {
          this.#cut(wire);
        }
        break;
      }
      case "store_block":
        this.#store(peer, output.block);
        break;
      case "check_block": {
        const { block, link } = output;
        const health = peer.rotten.delete(block) ? (peer.options.mends === true ? "mended" : "lost") : "intact";
        this.at(this.nowMs, () => this.#input(peer, { type: "block_checked", block, health, link }));
        break;
      }
      case "discard_block":
        peer.reassembly.discard(output.block);
        break;
      case "open_manifest":
        this.at(this.nowMs, () => this.#input(peer, this.#opened(new Bitfield(this.geometry.blockCount))));
        break;
      case "event":
        peer.events.push(output.event);
        break;
      case "done":
        peer.doneAtMs ??= this.nowMs;
        break;
      case "find_peers":
        if (this.#tracked) {
          this.at(this.nowMs + this.#latencyMs, () =>
            this.introduce(
              peer,
              this.peers.filter(({ alive }) => alive),
            ),
          );
        }
        break;
      case "announce":
        break;
    }
  }

  #connect(from: MemoryPeer, to: MemoryPeer): void {
    const [fromLink, toLink] = [this.#nextLink++, this.#nextLink++];
    const connection = fromLink;
    const out: Wire = { connection, from, to, toLink, open: true, back: undefined };
    const back: Wire = { connection, from: to, to: from, toLink: fromLink, open: true, back: out };
    out.back = back;
    from.wires.set(fromLink, out);
    to.wires.set(toLink, back);
    const dialed = { id: to.id, host: "memory" };
    this.at(this.nowMs + this.#latencyMs, () => {
      this.#input(to, { type: "link_opened", link: toLink });
      this.#input(from, { type: "link_opened", link: fromLink, dialed });
    });
  }

  #cut(wire: Wire): void {
    if (wire.open) {
      this.closed(wire.connection);
    }
    for (const end of [wire, wire.back]) {
      if (end?.open === true) {
        end.open = false;
        const link = end.toLink;
        this.at(this.nowMs + this.#latencyMs, () => this.#input(end.to, { type: "link_closed", link }));
      }
    }
  }

  /** Puts bytes on the uplink; returns when the last one is out. */
  #occupy(peer: MemoryPeer, bytes: number): number {
    const rate = peer.options.uplinkBytesPerSecond ?? Number.POSITIVE_INFINITY;
    peer.uplinkFreeMs = Math.max(peer.uplinkFreeMs, this.nowMs) + (bytes / rate) * 1000;
    return peer.uplinkFreeMs;
  }

  #send(peer: MemoryPeer, sent: { readonly link: number; readonly message: PeerMessage }): void {
    const wire = peer.wires.get(sent.link);
    if (wire?.open !== true) {
      return;
    }
    const { message } = sent;
    this.spy(peer, wire.to, message, wire.connection);
    this.at(this.#occupy(peer, 0) + this.#latencyMs, () => {
      if (wire.open) {
        this.#input(wire.to, { type: "received", link: wire.toLink, message });
      }
    });
  }

  #serve(peer: MemoryPeer, link: number, unit: Unit): void {
    const wire = peer.wires.get(link);
    if (wire?.open !== true) {
      return;
    }
    const message = { type: "BLOCK", ...unit } as const;
    this.spy(peer, wire.to, message, wire.connection);
    const sentMs = this.#occupy(peer, unit.length);
    peer.servedBytes += unit.length;
    this.at(sentMs, () => this.#input(peer, { type: "unit_served", link }));
    this.at(sentMs + this.#latencyMs, () => {
      if (wire.open) {
        this.#arrive(wire, message);
      }
    });
  }

  #arrive(wire: Wire, message: PeerMessage<"BLOCK">): void {
    const { to, toLink, from } = wire;
    const { block, offset, length } = message;
    let receivedBytes = 0;
    if (to.core.judge(toLink, message) === "wanted") {
      const isWrong = from.options.lies?.(block) === true || from.rotten.has(block);
      to.reassembly.append(block, { at: offset, part: { length, isWrong }, peerId: from.id });
      receivedBytes = to.reassembly.receivedBytes(block);
    }
    to.receivedBytes.set(block, (to.receivedBytes.get(block) ?? 0) + length);
    this.#input(to, { type: "received", link: toLink, message, receivedBytes });
  }

  #store(peer: MemoryPeer, block: number): void {
    const isWhole = peer.reassembly.receivedBytes(block) === this.geometry.lengthOf(block);
    assert(isWhole, () => `block ${block} is stored whole`);
    const { ok, culprit } = peer.reassembly.finish(block);
    const type = ok ? "block_stored" : "block_corrupt";
    const input: PeerInput = { type, block, ...(culprit === undefined ? {} : { culprit }) };
    this.at(this.nowMs, () => this.#input(peer, input));
  }
}
