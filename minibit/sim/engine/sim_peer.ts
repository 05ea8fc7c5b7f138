import { assert } from "../../core/base/errors.ts";
import { createRng } from "../../core/base/rng.ts";
import type { PeerInput } from "../../core/link/peer_io.ts";
import { PeerCore } from "../../core/peer/peer_core.ts";
import type { SessionOptions } from "../../core/peer/swarm_session.ts";
import type { Geometry } from "../../core/share/geometry.ts";
import type { PeerMessage } from "../../core/wire/peer_wire.ts";
import { Host, type SimWire } from "./sim_wire.ts";

/** What a peer is like. */
export interface SimPeerOptions extends SessionOptions {
  /** Blocks it holds at the start; "all": it is a seed; left out: it knows not even the manifest. */
  readonly have?: "all" | readonly number[];
  /** What its links carry, in bytes a second; left out: no limit. */
  readonly upBytesPerSecond?: number;
  readonly downBytesPerSecond?: number;
  /** When it starts, in milliseconds. */
  readonly joinMs?: number;
  /** It sends wrong bytes for these blocks. */
  readonly lies?: (block: number) => boolean;
}

/** A block on its way in: how much of it is there, from whom, and whether a byte of it is wrong. */
interface Assembly {
  receivedBytes: number;
  /** Mostly one: a list is lighter than a set. */
  readonly contributors: number[];
  spoilt: boolean;
}

/** One simulated machine: the core that ships, and in place of sockets and disk a few numbers. */
export class SimPeer extends Host {
  readonly options: SimPeerOptions;
  readonly core: PeerCore;
  /** The way out of each connection, by what we call it. */
  readonly wires = new Map<number, SimWire<SimPeer>>();
  /** It has not been killed; it can be called once it has started. */
  isAlive = true;
  hasStarted = false;
  /** When the next tick is due. */
  tickAtMs = Number.POSITIVE_INFINITY;
  /** When it held everything. */
  doneMs: number | undefined;
  /** When each block was verified, in that order. */
  readonly storedAtMs: number[] = [];
  /** Payload bytes that were put on the wire. */
  servedBytes = 0;
  /** Messages to and from the tracker. */
  trackerMessages = 0;
  readonly #assemblies = new Map<number, Assembly>();

  constructor(
    id: number,
    options: SimPeerOptions & { readonly seed: number; readonly swarmId: Uint8Array; readonly nowMs: number },
  ) {
    const { upBytesPerSecond = Number.POSITIVE_INFINITY, downBytesPerSecond = Number.POSITIVE_INFINITY } = options;
    super(id, { upBytesPerSecond, downBytesPerSecond });
    this.options = options;
    const { uploadBytesPerSecond, downloadBytesPerSecond, slots, unchokeIntervalMs, policies } = options;
    this.core = new PeerCore(
      {
        peerId: id,
        swarmId: options.swarmId,
        rng: createRng(Math.imul(options.seed, 0x9e3779b1) ^ Math.imul(id + 1, 0x85ebca6b)),
        ...(uploadBytesPerSecond === undefined ? {} : { uploadBytesPerSecond }),
        ...(downloadBytesPerSecond === undefined ? {} : { downloadBytesPerSecond }),
        ...(slots === undefined ? {} : { slots }),
        ...(unchokeIntervalMs === undefined ? {} : { unchokeIntervalMs }),
        ...(policies === undefined ? {} : { policies }),
      },
      options.nowMs,
    );
  }

  /** Whether it holds everything. */
  get isComplete(): boolean {
    return this.core.sharing?.have.complete === true;
  }

  /** Takes in the payload of a BLOCK of `bytes` so far; returns how much of its block is there now. */
  keep(link: number, unit: PeerMessage<"BLOCK">, bytes: number = unit.length): number {
    const { block, offset } = unit;
    const sender = this.wires.get(link)?.to;
    if (sender !== undefined && this.core.judge(link, unit) === "wanted") {
      const assembly = this.#assemblies.get(block) ?? { receivedBytes: 0, contributors: [], spoilt: false };
      this.#assemblies.set(block, assembly);
      if (offset <= assembly.receivedBytes && offset + bytes > assembly.receivedBytes) {
        assembly.receivedBytes = offset + bytes;
        if (!assembly.contributors.includes(sender.id)) {
          assembly.contributors.push(sender.id);
        }
        assembly.spoilt ||= sender.options.lies?.(block) === true;
      }
    }
    return this.receivedOf(block);
  }

  /** How many bytes of a block on its way are there. */
  receivedOf(block: number): number {
    return this.#assemblies.get(block)?.receivedBytes ?? 0;
  }

  /** Forgets the bytes of a block on its way. */
  discard(block: number): void {
    this.#assemblies.delete(block);
  }

  /** Checks a whole block; returns what the driver would say. */
  store(block: number, geometry: Geometry): PeerInput {
    const assembly = this.#assemblies.get(block);
    assert(assembly?.receivedBytes === geometry.lengthOf(block), () => `block ${block} is whole when it is stored`);
    this.#assemblies.delete(block);
    if (!assembly.spoilt) {
      return { type: "block_stored", block };
    }
    const [only] = assembly.contributors;
    const isSingle = assembly.contributors.length === 1 && only !== undefined;
    return { type: "block_corrupt", block, ...(isSingle ? { culprit: only } : {}) };
  }
}
