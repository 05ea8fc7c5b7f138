import { ProtocolError } from "../../core/base/errors.ts";
import { HEARTBEAT_MS, MAX_RUNS } from "../../core/base/limits.ts";
import { TrackerLine } from "../../core/peer/tracker_line.ts";
import { type TrackerMessage, type TrackerMessages, trackerWire } from "../../core/wire/tracker_wire.ts";
import { connectToOneOf } from "../net/connect_framed.ts";
import type { Closed, FramedSocket } from "../net/framed_socket.ts";
import { type Address, formatAddress } from "../os/units.ts";

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
 * `TrackerLine` decides when; the socket and the timers are here.
 */
export class TrackerClient {
  readonly #options: TrackerClientOptions;
  #socket: FramedSocket<TrackerMessages> | undefined;
  #registered = false;
  /** Verified since REGISTER was sent, which did not tell of them: told once it is answered. */
  #unannounced: (readonly number[])[] = [];
  readonly #line: TrackerLine<Address>;
  /** Where it was called last. */
  #place: Address;
  /** Our addresses have changed since REGISTER was sent. */
  #hasMoved = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: TrackerClientOptions) {
    this.#options = options;
    this.#line = new TrackerLine([options.tracker, ...(options.alternatives ?? [])]);
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
      addresses: this.#line.callable,
      timeoutMs: CONNECT_TIMEOUT_MS,
      accept: (socket, place) => ({
        onStart: () => this.#opened(socket, place),
        onMessage: (message) => this.#received(message),
        onClosed: (closed) => this.#lost(closed),
      }),
    });
    if (!result.ok) {
      this.#retry();
    } else if (this.#closed) {
      result.socket.close("leaving");
    }
  }

  #opened(socket: FramedSocket<TrackerMessages>, place: Address): void {
    this.#socket = socket;
    this.#place = place;
    socket.send({ type: "REGISTER", ...this.#options.register() });
    this.#unannounced = [];
    this.#hasMoved = false;
    this.#line.opened(place, performance.now());
    this.#beat();
  }

  #received(message: TrackerMessage): void {
    if (message.type !== "ERROR" && this.#line.heard(performance.now())) {
      this.#options.onConnection?.(true);
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

  /** The tracker hangs up after this. */
  #refused(error: Fields<"ERROR">): void {
    switch (this.#line.refused(error.code, performance.now())) {
      case "call again":
        break;
      case "put off":
        this.#options.onPutOff?.(error.text);
        break;
      case "give up":
        this.#closed = true;
        this.#options.onRefused(error);
        break;
    }
  }

  /** The next heartbeat; a line on which none is answered is given up. */
  #beat(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const nowMs = performance.now();
      if (this.#line.beat(nowMs) === "give up") {
        this.#socket?.terminate(`nothing came for ${this.#line.silentMs(nowMs)} ms`);
        return;
      }
      this.#socket?.send({ type: "STATS", ...this.#options.stats() });
      this.#beat();
    }, HEARTBEAT_MS);
  }

  #lost({ cause }: Closed<TrackerMessages>): void {
    this.#registered = false;
    this.#socket = undefined;
    clearTimeout(this.#timer);
    const end = this.#line.lost({ isNonsense: cause === "protocol" });
    if (end === "no tracker") {
      this.#closed = true;
      const text = `Cannot use what listens on ${formatAddress(this.#place)}: it is no tracker (see --tracker)`;
      this.#options.onRefused({ code: "protocol", text });
      return;
    }
    if (end === "lost") {
      this.#options.onConnection?.(false);
    }
    this.#retry();
  }

  #retry(): void {
    clearTimeout(this.#timer);
    if (!this.#closed) {
      this.#timer = setTimeout(() => void this.#call(), this.#line.retryMs);
    }
  }
}
