import { assert } from "../../core/base/errors.ts";
import {
  DEFAULT_SLOTS,
  MAX_HINT_BLOCKS,
  MAX_OWNERS,
  MAX_PIPELINE_UNITS,
  MAX_QUEUED_REQUESTS,
  OPTIMISTIC_SLOTS,
  REGULAR_SLOTS,
} from "../../core/base/limits.ts";
import type { PeerOutput } from "../../core/link/peer_io.ts";
import { sameUnit, type Unit } from "../../core/link/unit.ts";
import type { PeerMessage } from "../../core/wire/peer_wire.ts";
import type { SimPeer } from "./sim_peer.ts";
import type { SimWire } from "./sim_wire.ts";
import type { SwarmObserver } from "./swarm.ts";

/**
 * Watches a swarm and throws at the first step that breaks a rule which must hold whatever the network does.
 *
 * It does not know how the core decides, only what the core may never do.
 */
export class Watchdog implements SwarmObserver {
  /** REQUESTs without an answer yet, by the wire they were sent on. */
  readonly #unanswered = new Map<SimWire<SimPeer>, Unit[]>();
  /** Blocks that had two owners already, by peer. */
  readonly #shared = new Map<SimPeer, Set<number>>();

  handled(peer: SimPeer, outputs: readonly PeerOutput[]): void {
    for (const output of outputs) {
      if (output.type === "send" && output.message.type === "REQUEST") {
        const { block } = output.message;
        assert(
          peer.core.session?.have.has(block) === false,
          () => `peer ${peer.id} does not ask for block ${block} it holds`,
        );
      }
    }
    this.#checkSlots(peer);
    this.#checkOwners(peer);
    this.#checkMemory(peer);
  }

  sent(wire: SimWire<SimPeer>, message: PeerMessage): void {
    if (message.type === "REQUEST") {
      const units = this.#unanswered.get(wire) ?? [];
      units.push(message);
      this.#unanswered.set(wire, units);
    }
    const isGift = message.type === "BLOCK" || message.type === "ALLOW" || message.type === "UNCHOKE";
    assert(!isGift || wire.from.options.slots !== 0, () => `peer ${wire.from.id} has no slots and gives nothing`);
  }

  received(wire: SimWire<SimPeer>, message: PeerMessage): void {
    const asked = wire.back === undefined ? undefined : this.#unanswered.get(wire.back);
    if (message.type === "BLOCK" || message.type === "REJECT") {
      const index = asked?.findIndex((unit) => sameUnit(unit, message)) ?? -1;
      assert(index >= 0, () => `peer ${wire.from.id} answers peer ${wire.to.id} only once, and what it was asked`);
      asked?.splice(index, 1);
    }
  }

  /** Checks the end of a run: a peer that has finished waits for no answer. */
  atRest(): void {
    for (const [wire, units] of this.#unanswered) {
      const isOver = wire.from.isComplete && wire.isOpen && wire.from.isAlive && wire.to.isAlive;
      assert(!isOver || units.length === 0, () => `peer ${wire.to.id} has answered peer ${wire.from.id}`);
    }
  }

  #checkSlots(peer: SimPeer): void {
    let regular = 0;
    let optimistic = 0;
    for (const { upload } of peer.core.liveLinks()) {
      regular += Number(upload.slot === "regular");
      optimistic += Number(upload.slot === "optimistic");
    }
    assert(
      regular <= REGULAR_SLOTS &&
        optimistic <= OPTIMISTIC_SLOTS &&
        regular + optimistic <= (peer.options.slots ?? DEFAULT_SLOTS),
      () => `peer ${peer.id} gave ${regular} + ${optimistic} slots`,
    );
  }

  #checkOwners(peer: SimPeer): void {
    const scheduler = peer.core.session?.scheduler;
    if (scheduler === undefined) {
      return;
    }
    const before = this.#shared.get(peer);
    const now = new Set<number>();
    for (const { block, owners } of scheduler.fetching()) {
      assert(owners.length <= MAX_OWNERS, () => `block ${block} has ${owners.length} owners at peer ${peer.id}`);
      if (owners.length > 1) {
        now.add(block);
        const isEndgame = scheduler.rarity.length === 0;
        assert(
          isEndgame || before?.has(block) === true,
          () => `block ${block} has two owners at peer ${peer.id} before the end`,
        );
      }
    }
    this.#shared.set(peer, now);
  }

  #checkMemory(peer: SimPeer): void {
    const blockCount = peer.core.session?.geometry.blockCount ?? 0;
    for (const { upload, download } of peer.core.liveLinks()) {
      const isBounded =
        upload.queue.length <= MAX_QUEUED_REQUESTS &&
        upload.suggested.size <= MAX_HINT_BLOCKS &&
        download.pending.length <= 2 * MAX_PIPELINE_UNITS &&
        download.allowed.size <= MAX_HINT_BLOCKS &&
        download.suggested.length <= MAX_HINT_BLOCKS &&
        download.refusals <= blockCount;
      assert(isBounded, () => `peer ${peer.id} remembers no more of a link than it may`);
    }
  }
}
