import { LINE_SILENT_BEATS } from "./limits.ts";

/** What a connection needs: nothing, a sign of life from us, or to be given up as dead. */
export type LineCare = "nothing" | "speak" | "give up";

/**
 * Distinguishes a dead connection from an idle one.
 *
 * While something is pending between the two sides, each sends at least one message in every heartbeat. A side that is silent for
 * LINE_SILENT_BEATS heartbeats is gone. Heartbeats are counted, not milliseconds: a pause of our own process has none, and bytes
 * that arrived meanwhile are read before the next one.
 */
export class LineWatch {
  #hasHeard = true;
  #hasSpoken = true;
  #silentBeats = 0;

  /** Bytes arrived: a message, or a part of one. */
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
   * @param now `isBusy`: something is pending between the two sides; `isDeaf`: we do not read from the connection now
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
