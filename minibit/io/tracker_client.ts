import { ProtocolError } from "../core/errors.ts";
import { GONE_AFTER_MS, HEARTBEAT_MS, MAX_RUNS } from "../core/limits.ts";
import { type TrackerMessage, type TrackerMessages, trackerWire } from "../core/tracker_wire.ts";
import { connectFramed } from "./connect_framed.ts";
import type { Closed, FramedSocket } from "./framed_socket.ts";
import { type Address, formatAddress } from "./units.ts";

/** A tracker that does not answer is called again after this long. */
const RETRY_MS = 250;
/** How long one call may take. */
const CONNECT_TIMEOUT_MS = 3000;

type Fields<Name extends TrackerMessage["type"]> = Omit<TrackerMessage<Name>, "type">;

/** What the owner of a TrackerClient tells and wants to hear. */
export interface TrackerClientOptions {
  readonly tracker: Address;
  /** How we register, as of now: asked at every new connection. */
  readonly register: () => Fields<"REGISTER">;
  /** Our statistics since the last call: asked once a second, also our sign of life. */
  readonly stats: () => Fields<"STATS">;
  readonly onRegistered: (answer: TrackerMessage<"REGISTERED">) => void;
  readonly onPeers: (answer: TrackerMessage<"PEERS">) => void;
  readonly onSwarmDone: () => void;
  /** The tracker refuses us, or is none; it is not called again. */
  readonly onRefused: (error: Fields<"ERROR">) => void;
  /** Connected or not, when that changes. */
  readonly onConnection?: (connected: boolean) => void;
}

/** A peer's line to the tracker: calls until somebody answers, registers, and calls again when the line breaks. */
export class TrackerClient {
  readonly #options: TrackerClientOptions;
  #socket: FramedSocket<TrackerMessages> | undefined;
  /** Something came that only a tracker says. */
  #isTracker = false;
  #registered = false;
  /** When a line on which we were registered broke, last time. */
  #brokeMs = Number.NEGATIVE_INFINITY;
  /** Verified since REGISTER was sent, which did not tell of them: told once it is answered. */
  #unannounced: (readonly number[])[] = [];
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: TrackerClientOptions) {
    this.#options = options;
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

  /** Sends the statistics now. */
  report(): void {
    if (this.#registered) {
      this.#socket?.send({ type: "STATS", ...this.#options.stats() });
    }
  }

  /** Says goodbye: what was sent still goes out. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close("leaving");
  }

  async #call(): Promise<void> {
    const { host, port } = this.#options.tracker;
    const result = await connectFramed(trackerWire, {
      connect: (socket) => Bun.connect({ hostname: host, port, socket }),
      timeoutMs: CONNECT_TIMEOUT_MS,
      accept: (socket) => {
        this.#socket = socket;
        this.#options.onConnection?.(true);
        socket.send({ type: "REGISTER", ...this.#options.register() });
        this.#unannounced = [];
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
    switch (message.type) {
      case "REGISTERED":
        this.#registered = true;
        for (const blocks of this.#unannounced.splice(0)) {
          this.announce(blocks);
        }
        this.#options.onRegistered(message);
        this.#beat();
        break;
      case "PEERS":
        this.#options.onPeers(message);
        break;
      case "SWARM_DONE":
        this.#options.onSwarmDone();
        break;
      case "ERROR":
        if (message.code === "peer id taken" && performance.now() - this.#brokeMs < GONE_AFTER_MS) {
          break; // by ourselves: the tracker has not noticed that our line broke. It hangs up, and is called again.
        }
        this.#closed = true;
        this.#options.onRefused(message);
        break;
      default:
        throw new ProtocolError(`Cannot use ${message.type} from a tracker`);
    }
  }

  #beat(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.report();
      this.#beat();
    }, HEARTBEAT_MS);
  }

  #lost({ cause }: Closed<TrackerMessages>): void {
    if (this.#registered) {
      this.#registered = false;
      this.#brokeMs = performance.now();
    }
    this.#socket = undefined;
    if (cause === "protocol" && !this.#isTracker) {
      this.#closed = true;
      const text = `Cannot use what listens on ${formatAddress(this.#options.tracker)}: it is no tracker (see --tracker)`;
      this.#options.onRefused({ code: "protocol", text });
    } else {
      this.#options.onConnection?.(false);
      this.#retry();
    }
  }

  #retry(): void {
    clearTimeout(this.#timer);
    if (!this.#closed) {
      this.#timer = setTimeout(() => void this.#call(), RETRY_MS);
    }
  }
}
