import { MISSING_TOLD_MS } from "../base/limits.ts";
import type { PeerEvent } from "../link/peer_io.ts";
import type { SwarmSession } from "./swarm_session.ts";

type Missing = Extract<PeerEvent, { kind: "missing" }>;

/** Notices that blocks are missing which nobody has any more because somebody's copy is bad: such a peer would wait without a word. */
export class MissingBlocks {
  /** Who sent a block with a wrong hash, the last one at the end. */
  readonly #sentWrong = new Map<number, number>();
  #sinceMs: number | undefined;
  #told = 0;

  /** `peerId` sent `block` with a wrong hash. */
  sentWrong(block: number, peerId: number): void {
    this.#sentWrong.delete(block);
    this.#sentWrong.set(block, peerId);
  }

  /** What a person should hear, once for each time that it gets worse. */
  news(session: SwarmSession, nowMs: number): Missing | undefined {
    const { scheduler, have } = session;
    const cause = this.#cause(session);
    const blocks = cause === undefined || have.complete ? 0 : unheld(scheduler);
    if (cause === undefined || blocks === 0) {
      this.#sinceMs = undefined;
      this.#told = 0;
      return undefined;
    }
    this.#sinceMs ??= nowMs;
    if (nowMs - this.#sinceMs < MISSING_TOLD_MS || blocks <= this.#told) {
      return undefined;
    }
    this.#told = blocks;
    return { kind: "missing", blocks, ...cause };
  }

  /** A block that is missing, and why. */
  #cause({ scheduler, have, lostBlocks }: SwarmSession): Pick<Missing, "block" | "peerId" | "how"> | undefined {
    const isMissing = (block: number): boolean => !have.has(block) && scheduler.rarity.copies(block) === 0;
    for (const [block, peerId] of this.#sentWrong) {
      if (isMissing(block)) {
        return { block, peerId, how: "wrong hash" };
      }
    }
    for (const [block, peerId] of lostBlocks) {
      if (isMissing(block)) {
        return { block, peerId, how: "lost" };
      }
    }
    return undefined;
  }
}

/** How many of the blocks that nobody is asked for no neighbour holds. */
function unheld(scheduler: SwarmSession["scheduler"]): number {
  let count = scheduler.rarity.unheld;
  for (const { block, owners } of scheduler.fetching()) {
    count += Number(owners.length === 0 && scheduler.rarity.copies(block) === 0);
  }
  return count;
}
