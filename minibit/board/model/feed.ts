import {
  MAX_NEWS_NUMBERS,
  MAX_SNAPSHOT_NUMBERS,
  MAX_STUCK_MS,
  MAX_VIEWERS,
  MIN_WATCH_MS,
  NEWS_MS,
  SNAPSHOT_EVERY_MS,
  VIEWER_KEEP_ALIVE_MS,
} from "../../core/base/limits.ts";
import { type BoardEvent, heldNumbers, type TimedEvent } from "./board_event.ts";
import { BoardModel } from "./board_model.ts";
import { BoardTotals } from "./totals.ts";

/** Somebody who watches. */
export interface Viewer {
  /** It has taken all that it was sent. */
  readonly isReady: boolean;
  send(bytes: Uint8Array): void;
  /** Ends it from our side. */
  close(): void;
}

/** A viewer and how far it is. */
interface Seat {
  readonly viewer: Viewer;
  /** It missed something: it needs the whole state before it can use news. */
  stale: boolean;
  readonly sinceMs: number;
  snapshotMs: number;
  sentMs: number;
  stuckSinceMs: number | undefined;
}

const encoder = new TextEncoder();
const KEEP_ALIVE = encoder.encode(":\n\n");

/**
 * What a tracker's board knows, and those who watch it.
 *
 * Each viewer gets the whole state first, then news in batches, each text made once for all. Nothing is queued for a
 * viewer that reads too slowly: it misses news and gets the whole state again once it has caught up. So a viewer costs
 * one message at most, whatever it does. Without viewers only the model is kept.
 */
export class BoardFeed {
  readonly model = new BoardModel();
  readonly totals = new BoardTotals();
  readonly #clock: () => number;
  readonly #beganMs: number;
  readonly #record: ((event: TimedEvent) => void) | undefined;
  readonly #seats = new Set<Seat>();
  #news: TimedEvent[] = [];
  #newsNumbers = 0;
  #timer: Timer | undefined;

  /** @param options `clock`: milliseconds, for tests; `record`: told of every event at once */
  constructor(options: { readonly clock?: () => number; readonly record?: (event: TimedEvent) => void } = {}) {
    this.#clock = options.clock ?? (() => performance.now());
    this.#record = options.record;
    this.#beganMs = this.#clock();
  }

  /** Milliseconds since the tracker began: the clock of all events. */
  get nowMs(): number {
    return Math.round(this.#clock() - this.#beganMs);
  }

  get viewers(): number {
    return this.#seats.size;
  }

  /** Takes in what happened just now. */
  tell(event: BoardEvent): void {
    if (event.type === "stats") {
      const known = this.model.swarms.get(event.swarm)?.peers.get(event.peer);
      if (known === undefined || Bun.deepEquals(known.stats, event.stats)) {
        return; // a peer that is done says the same once a second, for hours
      }
    }
    const timed: TimedEvent = { t: this.nowMs, event };
    this.model.apply(timed);
    this.totals.apply(event);
    this.#record?.(timed);
    if (this.#seats.size > 0) {
      this.#newsNumbers += numbersIn(event);
      if (this.#newsNumbers <= MAX_NEWS_NUMBERS) {
        this.#news.push(timed);
      } else {
        this.#news = []; // too much: all get the whole state anew
      }
    }
  }

  /**
   * Lets somebody watch: it is sent the whole state at once.
   *
   * @returns a function that ends it, or undefined: there are too many viewers, or too much to show
   */
  watch(viewer: Viewer): (() => void) | undefined {
    const nowMs = this.#clock();
    if (!this.#fits() || !this.#hasRoom(nowMs)) {
      return undefined;
    }
    const seat: Seat = {
      viewer,
      stale: true,
      sinceMs: nowMs,
      snapshotMs: Number.NEGATIVE_INFINITY,
      sentMs: nowMs,
      stuckSinceMs: undefined,
    };
    this.#flush(); // what is pending is in the newcomer's state already
    this.#seats.add(seat);
    this.#timer ??= setInterval(() => this.#flush(), NEWS_MS);
    this.#flush();
    return () => this.#leave(seat);
  }

  /** Ends every viewer. */
  close(): void {
    for (const seat of this.#seats) {
      this.#leave(seat);
      seat.viewer.close();
    }
  }

  /**
   * Whether one more can watch; where all places are taken, who came first makes room, if that is long ago. What the kernel holds for a
   * viewer that reads nothing is enough for hours of little news: it cannot be told from one that reads.
   */
  #hasRoom(nowMs: number): boolean {
    const [oldest] = this.#seats;
    if (oldest !== undefined && this.#seats.size >= MAX_VIEWERS && nowMs - oldest.sinceMs >= MIN_WATCH_MS) {
      this.#leave(oldest);
      oldest.viewer.close();
    }
    return this.#seats.size < MAX_VIEWERS;
  }

  #leave(seat: Seat): void {
    this.#seats.delete(seat);
    if (this.#seats.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#takeNews();
    }
  }

  #flush(): void {
    if (this.#seats.size === 0) {
      return;
    }
    const nowMs = this.#clock();
    const isTooMuch = this.#newsNumbers > MAX_NEWS_NUMBERS;
    const events = this.#takeNews();
    const news = events.length > 0 ? this.#message("news", events) : undefined;
    let snapshot: Uint8Array | undefined;
    for (const seat of [...this.#seats]) {
      seat.stale ||= isTooMuch;
      if (!seat.viewer.isReady) {
        seat.stale ||= news !== undefined;
        seat.stuckSinceMs ??= nowMs;
        if (nowMs - seat.stuckSinceMs > MAX_STUCK_MS) {
          this.#leave(seat);
          seat.viewer.close();
        }
        continue;
      }
      seat.stuckSinceMs = undefined;
      if (!seat.stale) {
        this.#send(seat, news ?? (nowMs - seat.sentMs >= VIEWER_KEEP_ALIVE_MS ? KEEP_ALIVE : undefined), nowMs);
      } else if (nowMs - seat.snapshotMs >= SNAPSHOT_EVERY_MS) {
        if (!this.#fits()) {
          this.#leave(seat);
          seat.viewer.close();
          continue;
        }
        snapshot ??= this.#message("snapshot", this.model.snapshot());
        seat.stale = false;
        seat.snapshotMs = nowMs;
        this.#send(seat, snapshot, nowMs);
      }
    }
  }

  #send(seat: Seat, bytes: Uint8Array | undefined, nowMs: number): void {
    if (bytes !== undefined) {
      seat.sentMs = nowMs;
      seat.viewer.send(bytes);
    }
  }

  #takeNews(): TimedEvent[] {
    const news = this.#news;
    this.#news = [];
    this.#newsNumbers = 0;
    return news;
  }

  #message(name: "snapshot" | "news", events: readonly TimedEvent[]): Uint8Array {
    return encoder.encode(`event: ${name}\ndata: ${JSON.stringify({ now: this.nowMs, events })}\n\n`);
  }

  /** Whether the whole state can be told: untrusted peers may register peers with a million blocks each. */
  #fits(): boolean {
    let numbers = 0;
    for (const { peers } of this.model.swarms.values()) {
      for (const { blocks } of peers.values()) {
        numbers += PEER_NUMBERS + heldNumbers(blocks);
      }
    }
    return numbers <= MAX_SNAPSHOT_NUMBERS;
  }
}

/** What a peer takes beside its blocks, about. */
const PEER_NUMBERS = 50;

/** How long an event is as text, about. */
function numbersIn(event: BoardEvent): number {
  return event.type === "peer" || event.type === "blocks" ? PEER_NUMBERS + event.blocks.length : PEER_NUMBERS;
}
