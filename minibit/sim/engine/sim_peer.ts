import { CoreDriver, type Surroundings } from "../../core/base/core_driver.ts";
import { assert } from "../../core/base/errors.ts";
import { createRng } from "../../core/base/rng.ts";
import { BlockReassembly } from "../../core/download/block_reassembly.ts";
import { type PretendBytes, pretendHashing } from "../../core/download/pretend_hash.ts";
import type { PeerInput, PeerOutput } from "../../core/link/peer_io.ts";
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

/** One simulated machine: the core that ships, and in place of sockets and disk a few numbers. */
export class SimPeer extends Host {
  readonly options: SimPeerOptions;
  readonly core: PeerCore;
  readonly loop: CoreDriver<PeerInput, PeerOutput>;
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
  /** Whom it banned. */
  readonly banned: number[] = [];
  /** Wrong blocks of several peers of which it found the one to blame. */
  foundByEvidence = 0;
  /** Messages to and from the tracker. */
  trackerMessages = 0;
  readonly #reassembly: BlockReassembly<PretendBytes, string>;

  constructor(
    id: number,
    options: SimPeerOptions & {
      readonly seed: number;
      readonly swarmId: Uint8Array;
      readonly geometry: Geometry;
      readonly nowMs: number;
      readonly around: Surroundings<PeerOutput>;
    },
  ) {
    const { upBytesPerSecond = Number.POSITIVE_INFINITY, downBytesPerSecond = Number.POSITIVE_INFINITY } = options;
    super(id, { upBytesPerSecond, downBytesPerSecond });
    this.options = options;
    this.#reassembly = new BlockReassembly(pretendHashing(options.geometry));
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
    this.loop = new CoreDriver(this.core, options.around);
  }

  /** Whether it holds everything. */
  get isComplete(): boolean {
    return this.core.session?.have.complete === true;
  }

  /** Takes in the payload of a BLOCK of `bytes` so far; returns how much of its block is there now. */
  keep(link: number, unit: PeerMessage<"BLOCK">, bytes: number = unit.length): number {
    const { block, offset } = unit;
    const sender = this.wires.get(link)?.to;
    if (sender !== undefined && this.core.judge(link, unit) === "wanted") {
      const part = { length: bytes, isWrong: sender.options.lies?.(block) === true };
      this.#reassembly.append(block, { at: offset, part, peerId: sender.id });
    }
    return this.#reassembly.receivedBytes(block);
  }

  /** Forgets the bytes of a block on its way. */
  discard(block: number): void {
    this.#reassembly.discard(block);
  }

  /** Checks a whole block; returns what the driver would say. */
  store(block: number, geometry: Geometry): PeerInput & { readonly type: "block_stored" | "block_corrupt" } {
    const isWhole = this.#reassembly.receivedBytes(block) === geometry.lengthOf(block);
    assert(isWhole, () => `block ${block} is whole when it is stored`);
    const { ok, culprit, byEvidence } = this.#reassembly.finish(block);
    this.foundByEvidence += Number(byEvidence);
    return { type: ok ? "block_stored" : "block_corrupt", block, ...(culprit === undefined ? {} : { culprit }) };
  }
}
