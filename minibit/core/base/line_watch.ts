import { LINE_SILENT_BEATS } from "./limits.ts";

/** What is to be done about a line: say that we are here, or take it for dead. */
export type LineCare = "nothing" | "speak" | "give up";

/**
 * Tells a line that died without a word from one on which nobody has anything to say.
 *
 * While one side owes the other something, each says at least a word in every heartbeat; who says nothing for
 * LINE_SILENT_BEATS of them is not there any more. Heartbeats are counted, not milliseconds: during a pause of our own there are
 * none, and what waits to be read then is read before the next.
 */
export class LineWatch {
  #hasHeard = true;
  #hasSpoken = true;
  #silentBeats = 0;

  /** Something came: a message, or some bytes of one. */
  heard(): void {
    this.#hasHeard = true;
  }

  /** Something was sent. */
  spoke(): void {
    this.#hasSpoken = true;
  }

  /**
   * A heartbeat is over.
   *
   * @param now `isBusy`: one side owes the other something; `isDeaf`: we do not read just now
   */
  beat(now: { readonly isBusy: boolean; readonly isDeaf: boolean }): LineCare {
    const { isBusy, isDeaf } = now;
    this.#silentBeats = isBusy && !isDeaf && !this.#hasHeard ? this.#silentBeats + 1 : 0;
    const care = this.#silentBeats >= LINE_SILENT_BEATS ? "give up" : isBusy && !this.#hasSpoken ? "speak" : "nothing";
    this.#hasHeard = false;
    this.#hasSpoken = false;
    return care;
  }
}
