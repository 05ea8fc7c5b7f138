import { GONE_AFTER_MS, HEARTBEAT_MS, TRACKER_SILENT_MS } from "../base/limits.ts";
import type { TrackerErrorCode } from "../wire/tracker_wire.ts";

/** A tracker that does not answer is called again after this long. */
export const RETRY_MS = 250;
/** A tracker that gave our id to another is called again after this long. */
export const RETRY_TAKEN_MS = HEARTBEAT_MS / 2;
/** A tracker that has no room is called again after this long. */
export const RETRY_FULL_MS = 5000;
/** So many lines in a row that fell silent are given up soon; then each is waited for twice as long as the one before. */
const SOON_SILENT_LINES = 2;
/** No line is waited for longer: a tracker that cannot keep up is not helped by being called again by all its peers. */
const MAX_SILENT_MS = 30_000;

/**
 * The rules of a peer's line to its tracker: where to call and when again, what a refusal means, and when silence means
 * that the line is dead.
 *
 * Each heartbeat is answered, so a line on which nothing comes is dead, though no packet may ever say so.
 */
export class TrackerLine<Place> {
  readonly #places: readonly Place[];
  /** Where something listens that is no tracker. */
  readonly #notTrackers = new Set<Place>();
  #place: Place | undefined;
  /** Something came that only a tracker says. */
  #isTracker = false;
  #isConnected = false;
  #openedMs = 0;
  /** When something last came on the line, or it was opened. */
  #heardMs = 0;
  #lastBeatMs = 0;
  /** Lines in a row that fell silent. */
  #silentLines = 0;
  /** Since when we are told that our id belongs to another. */
  #takenSinceMs: number | undefined;
  #retryMs = RETRY_MS;

  /** @param places where the tracker may be, in the order to try them */
  constructor(places: readonly Place[]) {
    this.#places = places;
  }

  /** Where to call: whoever turned out to be no tracker is not called again. */
  get callable(): readonly Place[] {
    return this.#places.filter((place) => !this.#notTrackers.has(place));
  }

  /** How long to wait before the next call. */
  get retryMs(): number {
    return this.#retryMs;
  }

  /** For how long nothing has come. */
  silentMs(nowMs: number): number {
    return nowMs - this.#heardMs;
  }

  /** Somebody answered the call. */
  opened(place: Place, nowMs: number): void {
    this.#place = place;
    this.#openedMs = nowMs;
    this.#heardMs = nowMs;
    this.#lastBeatMs = nowMs;
  }

  /** A message came that is no refusal; returns whether a tracker is on the line only since now. */
  heard(nowMs: number): boolean {
    this.#isTracker = true;
    this.#heardMs = nowMs;
    this.#retryMs = RETRY_MS;
    this.#takenSinceMs = undefined;
    const isNew = !this.#isConnected;
    this.#isConnected = true;
    return isNew;
  }

  /**
   * The tracker refuses us, and hangs up: whether to call it again.
   *
   * An id that is taken is tried again for as long as the tracker may not have noticed the silent end of a line of ours,
   * or of who ran here before.
   */
  refused(code: TrackerErrorCode, nowMs: number): "call again" | "put off" | "give up" {
    this.#isTracker = true;
    this.#heardMs = nowMs;
    if (code === "peer id taken") {
      this.#takenSinceMs ??= nowMs;
      this.#retryMs = RETRY_TAKEN_MS;
      return nowMs - this.#takenSinceMs < GONE_AFTER_MS ? "call again" : "give up";
    }
    if (code === "too many") {
      this.#retryMs = RETRY_FULL_MS;
      return "put off";
    }
    return "give up";
  }

  /** A heartbeat is due: whether to send it, or to give up the line. */
  beat(nowMs: number): "speak" | "give up" {
    const lateMs = nowMs - this.#lastBeatMs - HEARTBEAT_MS;
    this.#lastBeatMs = nowMs;
    // after a pause of our own, answers may still wait to be read: silence during it proves nothing
    this.#heardMs += lateMs > HEARTBEAT_MS ? lateMs : 0;
    const silentMs = this.silentMs(nowMs);
    if (silentMs >= this.#patienceMs) {
      this.#silentLines++;
      return "give up";
    }
    if (silentMs < HEARTBEAT_MS && nowMs - this.#openedMs > MAX_SILENT_MS) {
      this.#silentLines = 0;
    }
    return "speak";
  }

  /**
   * The line is broken. @param isNonsense what came was no message
   *
   * @returns lost: a tracker was on the line; no tracker: there is none at any of the places, and no use in calling again
   */
  lost({ isNonsense }: { readonly isNonsense: boolean }): "lost" | "never there" | "no tracker" {
    if (isNonsense && !this.#isTracker && this.#place !== undefined) {
      this.#notTrackers.add(this.#place);
    }
    if (this.#notTrackers.size === this.#places.length) {
      return "no tracker";
    }
    const wasConnected = this.#isConnected;
    this.#isConnected = false;
    return wasConnected ? "lost" : "never there";
  }

  /** How long a line may be silent. */
  get #patienceMs(): number {
    const doublings = Math.max(0, this.#silentLines - SOON_SILENT_LINES + 1);
    return Math.min(MAX_SILENT_MS, TRACKER_SILENT_MS * 2 ** doublings);
  }
}
