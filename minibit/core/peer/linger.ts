import { FIND_PEERS_MS } from "../base/limits.ts";
import { type LeaveView, leaveOf } from "./leaving.ts";
import type { PeerCore } from "./peer_core.ts";

/** How often a complete peer looks whether it may leave. */
export const LEAVE_CHECK_MS = 250;

/** What a peer hears of its group. */
export type LingerInput =
  /** A tracker took us in; it expects so many peers. 0: any number. */
  | { readonly type: "registered"; readonly expected: number }
  /** The line to the tracker is broken. */
  | { readonly type: "tracker_lost" }
  /** The tracker said how many of the registered peers are not complete. */
  | { readonly type: "incomplete_heard"; readonly incomplete: number }
  /** As many peers as expected are complete; of all that are here so many are not. */
  | { readonly type: "group_done"; readonly incomplete: number }
  /** This peer is complete: from now on it lingers. */
  | { readonly type: "complete" }
  | { readonly type: "tick" };

/** may_leave comes once, and is the last output; find_peers: who cannot call us may be one that we can call. */
export type LingerOutput = { readonly type: "may_leave" | "find_peers" };

/** What a complete peer sees of its neighbours. */
export interface NeighbourNeeds {
  /** A neighbour is known to lack blocks. */
  readonly isAnyInNeed: boolean;
  /** Payload bytes given away so far. */
  readonly upBytes: number;
  /** How many blocks all neighbours hold, added up. */
  readonly heldBlocks: number;
}

/** What a peer's neighbours need; nothing, while it has no core. */
export function needsOf(core: PeerCore | undefined, nowMs: number): NeighbourNeeds {
  let [isAnyInNeed, heldBlocks] = [false, 0];
  for (const link of core?.liveLinks() ?? []) {
    isAnyInNeed ||= link.isInNeed;
    heldBlocks += link.holds?.count ?? 0;
  }
  return { isAnyInNeed, heldBlocks, upBytes: core?.session?.stats(nowMs).upBytes ?? 0 };
}

const NOTHING: readonly LingerOutput[] = [];
const MAY_LEAVE: readonly LingerOutput[] = [{ type: "may_leave" }];
const FIND_PEERS: readonly LingerOutput[] = [{ type: "find_peers" }];

/** What a peer is like that will linger, and how it sees its neighbours. */
export interface LingerOptions extends Pick<LeaveView, "hasSource" | "lingerMs" | "trackerTimeoutMs"> {
  readonly needs: (nowMs: number) => NeighbourNeeds;
}

/**
 * Decides how long a complete peer lingers, by `leaveOf`.
 *
 * It hears of its group from the start. Once it is complete it looks at its neighbours every LEAVE_CHECK_MS, and at once
 * when its group is done.
 */
export class Linger {
  readonly #options: LingerOptions;
  #expected = 0;
  #isTracked = false;
  #isGroupDone = false;
  /** How many of the registered peers are not complete, as the tracker said last on this line; undefined: it has not said yet. */
  #incomplete: number | undefined;
  #checkMs = Number.POSITIVE_INFINITY;
  #findPeersMs = Number.POSITIVE_INFINITY;
  /** Since when it has not been needed. */
  #quietSinceMs = Number.POSITIVE_INFINITY;
  /** When those who lack blocks last got some, and what was seen then. */
  #progressMs = 0;
  #seen: (NeighbourNeeds & { readonly incomplete: number | undefined }) | undefined;
  #phase: "incomplete" | "lingering" | "free" = "incomplete";

  constructor(options: LingerOptions) {
    this.#options = options;
  }

  /** Takes in what happened at `nowMs` (never going back) and returns what is to be done. */
  handle(input: LingerInput, nowMs: number): readonly LingerOutput[] {
    switch (input.type) {
      case "registered":
        this.#isTracked = true;
        this.#expected = input.expected;
        this.#incomplete = undefined;
        return NOTHING;
      case "tracker_lost":
        this.#isTracked = false;
        return NOTHING;
      case "incomplete_heard":
        this.#incomplete = input.incomplete;
        return NOTHING;
      case "group_done":
        this.#incomplete = input.incomplete;
        this.#isGroupDone = true;
        return this.#check(nowMs);
      case "complete":
        return this.#begin(nowMs);
      case "tick":
        return this.#tick(nowMs);
    }
  }

  /** When to call `handle` with a tick; Infinity: not at all. */
  nextDeadlineMs(): number {
    return this.#phase === "lingering" ? Math.min(this.#checkMs, this.#findPeersMs) : Number.POSITIVE_INFINITY;
  }

  #begin(nowMs: number): readonly LingerOutput[] {
    if (this.#phase !== "incomplete") {
      return NOTHING;
    }
    this.#phase = "lingering";
    this.#progressMs = nowMs;
    this.#checkMs = nowMs + LEAVE_CHECK_MS;
    this.#findPeersMs = nowMs + FIND_PEERS_MS;
    return this.#isGroupDone ? this.#check(nowMs) : NOTHING;
  }

  #tick(nowMs: number): readonly LingerOutput[] {
    if (nowMs >= this.#checkMs) {
      this.#checkMs = nowMs + LEAVE_CHECK_MS;
      const outputs = this.#check(nowMs);
      if (outputs.length > 0) {
        return outputs;
      }
    }
    if (nowMs < this.#findPeersMs) {
      return NOTHING;
    }
    this.#findPeersMs = nowMs + FIND_PEERS_MS;
    return this.#phase === "lingering" && this.#incomplete !== 0 ? FIND_PEERS : NOTHING;
  }

  #check(nowMs: number): readonly LingerOutput[] {
    if (this.#phase !== "lingering") {
      return NOTHING;
    }
    const needs = this.#options.needs(nowMs);
    const { isNeeded, quietMs, patienceMs } = leaveOf({
      ...this.#options,
      expected: this.#expected,
      isGroupDone: this.#isGroupDone,
      isTracked: this.#isTracked,
      incomplete: this.#incomplete,
      hasNeighbourInNeed: needs.isAnyInNeed,
    });
    if (this.#hasProgressed(needs) || patienceMs === Number.POSITIVE_INFINITY) {
      this.#seen = { ...needs, incomplete: this.#incomplete };
      this.#progressMs = nowMs;
    }
    this.#quietSinceMs = isNeeded ? Number.POSITIVE_INFINITY : Math.min(this.#quietSinceMs, nowMs);
    if (nowMs - this.#quietSinceMs >= quietMs || nowMs - this.#progressMs >= patienceMs) {
      this.#phase = "free";
      return MAY_LEAVE;
    }
    return NOTHING;
  }

  /** Whether those who lack blocks have got some since it looked last. */
  #hasProgressed({ upBytes, heldBlocks }: NeighbourNeeds): boolean {
    const seen = this.#seen;
    return seen?.upBytes !== upBytes || seen.heldBlocks !== heldBlocks || seen.incomplete !== this.#incomplete;
  }
}
