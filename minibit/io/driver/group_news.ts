import { type Leave, type LeaveView, leaveOf } from "../../core/peer/leaving.ts";
import type { PeerCore } from "../../core/peer/peer_core.ts";
import { needsOf, untilNotNeeded } from "./linger.ts";

/** What the tracker told a peer of its group, and when it may leave that. */
export class GroupNews {
  readonly #done = Promise.withResolvers<void>();
  #isDone = false;
  #expected = 0;
  #incomplete: number | undefined;

  /** How many of the registered peers are not complete, as the tracker said last on this line; undefined: it has not said yet. */
  get incomplete(): number | undefined {
    return this.#incomplete;
  }

  /** A tracker took us in. @param expected how many peers it expects; 0: any number */
  registered(expected: number): void {
    this.#expected = expected;
    this.#incomplete = undefined;
  }

  /** The tracker said how many lack blocks. */
  heard(incomplete: number): void {
    this.#incomplete = incomplete;
  }

  /** As many peers as expected are complete. */
  groupDone(incomplete: number): void {
    this.#incomplete = incomplete;
    this.#isDone = true;
    this.#done.resolve();
  }

  /** Resolves when nobody needs a complete peer any more: see `leaveOf`. */
  async untilMayLeave(
    peer: Pick<LeaveView, "hasSource" | "lingerMs" | "trackerTimeoutMs"> & {
      readonly core: () => PeerCore | undefined;
      readonly isTracked: () => boolean;
    },
  ): Promise<void> {
    const leave = (): Leave =>
      leaveOf({
        ...peer,
        expected: this.#expected,
        isGroupDone: this.#isDone,
        isTracked: peer.isTracked(),
        incomplete: this.#incomplete,
        hasNeighbourInNeed: needsOf(peer.core()).isAnyInNeed,
      });
    const progress = (): string => `${this.#incomplete} ${needsOf(peer.core()).progress}`;
    await untilNotNeeded({ leave, progress, news: this.#done.promise });
  }
}
