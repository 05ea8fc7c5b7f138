import { ProtocolError } from "../../core/base/errors.ts";
import { GONE_AFTER_MS, HEARTBEAT_MS, MAX_RUNS, TRACKER_SILENT_MS } from "../../core/base/limits.ts";
import { type TrackerMessage, type TrackerMessages, trackerWire } from "../../core/wire/tracker_wire.ts";
import { connectToOneOf } from "../net/connect_framed.ts";
import type { Closed, FramedSocket } from "../net/framed_socket.ts";
import { type Address, formatAddress } from "../os/units.ts";

/** A tracker that does not answer is called again after this long. */
const RETRY_MS = 250;
/** ... one that gave our id to another after this long ... */
const RETRY_TAKEN_MS = HEARTBEAT_MS / 2;
/** ... and one that has no room after this long. */
const RETRY_FULL_MS = 5000;
/** So many lines in a row that fell silent are given up soon; then each is waited for twice as long as the one before ... */
const SOON_SILENT_LINES = 2;
/** ... for a tracker that cannot keep up is not helped by being called again by all its peers; at most this long. */
const MAX_SILENT_MS = 30_000;
/** How long one call may take. */
const CONNECT_TIMEOUT_MS = 3000;

type Fields<Name extends TrackerMessage["type"]> = Omit<TrackerMessage<Name>, "type">;

/** What the owner of a TrackerClient tells and wants to hear. */
export interface TrackerClientOptions {
  readonly tracker: Address;
  /** Where else it may be: tried when the first does not answer. */
  readonly alternatives?: readonly Address[];
  /** How we register, as of now: asked at every new connection. */
  readonly register: () => Fields<"REGISTER">;
  /** Our statistics since the last call: asked once a second, also our sign of life. */
  readonly stats: () => Fields<"STATS">;
  readonly onRegistered: (answer: TrackerMessage<"REGISTERED">) => void;
  readonly onPeers: (answer: TrackerMessage<"PEERS">) => void;
  /** As many peers as expected are complete, and of all that are here so many are not. */
  readonly onSwarmDone: (incomplete: number) => void;
  /** The tracker answered a heartbeat: of all peers that are here so many are not complete. */
  readonly onAlive?: (incomplete: number) => void;
  /** The tracker refuses us, or is none; it is not called again. */
  readonly onRefused: (error: Fields<"ERROR">) => void;
  /** The tracker has no room for us now; it is called again. */
  readonly onPutOff?: (text: string) => void;
  /** Whether a tracker is on the line that takes us in, or lets us wait, when that changes. */
  readonly onConnection?: (connected: boolean) => void;
}

/**
 * A peer's line to the tracker: calls until somebody answers, registers, and calls again when the line breaks.
 *
 * Each of our heartbeats is answered, so a line on which nothing comes is dead, though no packet may ever say so.
 */
export class TrackerClient {
  readonly #options: TrackerClientOptions;
  #socket: FramedSocket<TrackerMessages> | undefined;
  /** Something came that only a tracker says. */
  #isTracker = false;
  #registered = false;
  /** The line works: a tracker took us in on it, or lets us wait. */
  #connected = false;
  /** When something last came on the line, or it was opened. */
  #heardMs = 0;
  /** Lines in a row that fell silent. */
  #silentLines = 0;
  #openedMs = 0;
  /** Since when we are told that our id belongs to another. */
  #takenSinceMs: number | undefined;
  #retryMs = RETRY_MS;
  /** Verified since REGISTER was sent, which did not tell of them: told once it is answered. */
  #unannounced: (readonly number[])[] = [];
  /** Where the tracker may be; where it was called last; and where somebody else lives. */
  readonly #places: readonly Address[];
  #place: Address;
  readonly #strangers = new Set<Address>();
  /** Our addresses have changed since REGISTER was sent. */
  #hasMoved = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: TrackerClientOptions) {
    this.#options = options;
    this.#places = [options.tracker, ...(options.alternatives ?? [])];
    this.#place = options.tracker;
    void this.#call();
  }

  /** Whether the tracker knows us now. */
  get registered(): boolean {
    return this.#registered;
  }

  /** Asks for peers; without a line it is forgotten: the owner asks after every registration. */
  getPeers(): void {
    if (this.#registered) {
      this.#socket?.send({ type: "GET_PEERS" });
    }
  }

  /** Tells of verified blocks, rising; without a line it is forgotten: the next registration tells all. */
  announce(blocks: readonly number[]): void {
    if (!this.#registered) {
      this.#unannounced.push(blocks);
      return;
    }
    for (let i = 0; i < blocks.length; i += MAX_RUNS) {
      this.#socket?.send({ type: "UPDATE_BLOCKS", blocks: blocks.slice(i, i + MAX_RUNS) });
    }
  }

  /** Tells at which addresses we can be called from now on: as `register` has them. */
  moved(): void {
    if (!this.#registered) {
      this.#hasMoved = true;
      return;
    }
    this.#socket?.send({ type: "UPDATE_HOSTS", hosts: this.#options.register().hosts });
  }

  /** Sends the statistics now. */
  report(): void {
    if (this.#registered) {
      this.#socket?.send({ type: "STATS", ...this.#options.stats() });
    }
  }

  /** Hangs up and calls again: what we would register as has changed. */
  renew(): void {
    this.#socket?.close("calling again");
  }

  /** Says goodbye: what was sent still goes out. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close("leaving");
  }

  async #call(): Promise<void> {
    const result = await connectToOneOf(trackerWire, {
      addresses: this.#places.filter((place) => !this.#strangers.has(place)),
      timeoutMs: CONNECT_TIMEOUT_MS,
      accept: (socket, place) => {
        this.#socket = socket;
        this.#place = place;
        socket.send({ type: "REGISTER", ...this.#options.register() });
        this.#unannounced = [];
        this.#hasMoved = false;
        this.#openedMs = performance.now();
        this.#heardMs = this.#openedMs;
        this.#beat(this.#heardMs);
        return { onMessage: (message) => this.#received(message), onClosed: (closed) => this.#lost(closed) };
      },
    });
    if (!result.ok) {
      this.#retry();
    } else if (this.#closed) {
      result.socket.close("leaving");
    }
  }

  #received(message: TrackerMessage): void {
    this.#isTracker = true;
    this.#heardMs = performance.now();
    if (message.type !== "ERROR") {
      this.#works();
    }
    switch (message.type) {
      case "REGISTERED":
        this.#registered = true;
        for (const blocks of this.#unannounced.splice(0)) {
          this.announce(blocks);
        }
        if (this.#hasMoved) {
          this.moved();
        }
        this.#options.onRegistered(message);
        break;
      case "PEERS":
        this.#options.onPeers(message);
        break;
      case "SWARM_DONE":
        this.#options.onSwarmDone(message.incomplete);
        break;
      case "ALIVE":
        if (this.#registered) {
          this.#options.onAlive?.(message.incomplete);
        }
        break;
      case "ERROR":
        this.#refused(message);
        break;
      default:
        throw new ProtocolError(`Cannot use ${message.type} from a tracker`);
    }
  }

  /** Whether to call again is decided here: the tracker hangs up. */
  #refused(error: Fields<"ERROR">): void {
    if (error.code === "peer id taken") {
      this.#takenSinceMs ??= this.#heardMs;
      this.#retryMs = RETRY_TAKEN_MS;
      if (this.#heardMs - this.#takenSinceMs < GONE_AFTER_MS) {
        return; // by a line of ours perhaps, or of who ran here before, whose silent end the tracker has not noticed
      }
    } else if (error.code === "too many") {
      this.#retryMs = RETRY_FULL_MS;
      this.#options.onPutOff?.(error.text);
      return;
    }
    this.#closed = true;
    this.#options.onRefused(error);
  }

  #works(): void {
    this.#retryMs = RETRY_MS;
    this.#takenSinceMs = undefined;
    if (!this.#connected) {
      this.#connected = true;
      this.#options.onConnection?.(true);
    }
  }

  /** The next heartbeat; a line on which none is answered is given up. */
  #beat(lastMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const nowMs = performance.now();
      const lateMs = nowMs - lastMs - HEARTBEAT_MS;
      // after a pause of our own, answers may still wait to be read: silence during it proves nothing
      this.#heardMs += lateMs > HEARTBEAT_MS ? lateMs : 0;
      const silentMs = nowMs - this.#heardMs;
      if (silentMs >= this.#patienceMs) {
        this.#silentLines++;
        this.#socket?.terminate(`nothing came for ${silentMs} ms`);
        return;
      }
      if (silentMs < HEARTBEAT_MS && nowMs - this.#openedMs > MAX_SILENT_MS) {
        this.#silentLines = 0;
      }
      this.#socket?.send({ type: "STATS", ...this.#options.stats() });
      this.#beat(nowMs);
    }, HEARTBEAT_MS);
  }

  /** How long a line may be silent. */
  get #patienceMs(): number {
    const doublings = Math.max(0, this.#silentLines - SOON_SILENT_LINES + 1);
    return Math.min(MAX_SILENT_MS, TRACKER_SILENT_MS * 2 ** doublings);
  }

  #lost({ cause }: Closed<TrackerMessages>): void {
    this.#registered = false;
    this.#socket = undefined;
    clearTimeout(this.#timer);
    if (cause === "protocol" && !this.#isTracker) {
      this.#strangers.add(this.#place);
    }
    if (this.#strangers.size === this.#places.length) {
      this.#closed = true;
      const text = `Cannot use what listens on ${formatAddress(this.#place)}: it is no tracker (see --tracker)`;
      this.#options.onRefused({ code: "protocol", text });
    } else {
      if (this.#connected) {
        this.#connected = false;
        this.#options.onConnection?.(false);
      }
      this.#retry();
    }
  }

  #retry(): void {
    clearTimeout(this.#timer);
    if (!this.#closed) {
      this.#timer = setTimeout(() => void this.#call(), this.#retryMs);
    }
  }
}
