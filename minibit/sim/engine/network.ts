import type { Rng } from "../../core/base/rng.ts";
import type { Unit } from "../../core/link/unit.ts";
import type { PeerMessage } from "../../core/wire/peer_wire.ts";
import { type Carrier, QueuedCarrier, SharedCarrier } from "./carrier.ts";
import type { Clock, Happening } from "./clock.ts";
import { type Host, SimWire } from "./sim_wire.ts";

/** The default latency: a LAN with a busy switch. */
export const DEFAULT_LATENCY_MS = 1;

/** Properties of the links. */
export interface NetworkOptions {
  /** How units in flight share a link: like TCP connections, or one after the other (the default: like connections). */
  readonly links?: "shared" | "queued";
  /** One way, in milliseconds: half a round trip. */
  readonly latencyMs?: number;
  /** Up to so much more, at random for each message; order on a wire is kept. */
  readonly jitterMs?: number;
  /**
   * Peers take turns: each does all that happens to it within one latency at a stretch, which is faster when they
   * are many (see `LookaheadQueue`). Only where nothing reaches another peer sooner: queued links, no limits on downlinks, no tracker.
   */
  readonly lookahead?: boolean;
  /** What the kernel takes before it says that it is full: a unit counts as sent when it is in there. Linux grows it to 2-4 MiB. */
  readonly sendBufferBytes?: number;
}

/** What the network tells the swarm. */
export interface NetworkHandlers<H extends Host> {
  /** A message, or the last byte of a unit, arrived. */
  readonly arrived: (wire: SimWire<H>, message: PeerMessage) => void;
  /** The next unit may be handed over. */
  readonly served: (wire: SimWire<H>) => void;
}

/** Carries messages and units between hosts: in order on each wire, at the rates of the hosts, some time after they were sent. */
export class Network<H extends Host> {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #options: Required<Omit<NetworkOptions, "lookahead">>;
  readonly #handlers: NetworkHandlers<H>;
  readonly #carrier: Carrier;
  #ends = 0;

  constructor(
    options: NetworkOptions & { readonly clock: Clock; readonly rng: Rng; readonly handlers: NetworkHandlers<H> },
  ) {
    const { clock, rng, handlers, links = "shared", jitterMs = 0, sendBufferBytes = 0 } = options;
    const { latencyMs = DEFAULT_LATENCY_MS } = options;
    this.#clock = clock;
    this.#rng = rng;
    this.#handlers = handlers;
    this.#options = { links, latencyMs, jitterMs, sendBufferBytes };
    const left = (wire: SimWire): void => this.#left(wire as SimWire<H>); // carriers know only hosts
    this.#carrier = links === "shared" ? new SharedCarrier(clock, left) : new QueuedCarrier(clock, left);
  }

  get latencyMs(): number {
    return this.#options.latencyMs;
  }

  /** Joins two hosts; returns the wire from the first to the second. Each end calls the connection by a number of its own. */
  connect(from: H, to: H): SimWire<H> {
    const out = new SimWire(this.#ends, { from, to, toLink: ++this.#ends });
    const back = new SimWire(this.#ends, { from: to, to: from, toLink: ++this.#ends });
    out.back = back;
    back.back = out;
    return out;
  }

  /** Sends a message without payload. */
  send(wire: SimWire<H>, message: PeerMessage): void {
    // units alone take time, and messages wait only behind them
    if (wire.bufferedBytes > 0) {
      wire.cargo.push({ message });
    } else {
      this.#deliver(wire, message);
    }
  }

  /** Sends a unit with its payload. */
  sendUnit(wire: SimWire<H>, unit: Unit): void {
    wire.cargo.push({ unit });
    wire.bufferedBytes += unit.length;
    wire.owesServed = true;
    if (wire.bufferedBytes <= this.#options.sendBufferBytes) {
      const run = (): void => this.#mayServe(wire);
      this.#clock.add(this.#clock.nowMs, { subject: wire.id, host: wire.from.id, run });
    }
    if (wire.cargo.length === 1) {
      this.#carrier.start(wire);
    }
  }

  /** Cuts a connection in both directions; everything in flight is lost. */
  cut(wire: SimWire<H>): void {
    for (const end of [wire, wire.back]) {
      if (end?.isOpen === true) {
        end.isOpen = false;
        if (end.cargo.length > 0) {
          this.#carrier.stop(end);
        }
        end.cargo.length = 0;
      }
    }
  }

  /** Bytes of the unit in flight that have left. */
  passedBytes(wire: SimWire<H>): number {
    return wire.unit === undefined ? 0 : this.#carrier.passedBytes(wire);
  }

  /** The wire's first unit has left, and with it the messages behind it. */
  #left(wire: SimWire<H>): void {
    const { unit, cargo } = wire;
    if (unit !== undefined) {
      wire.bufferedBytes -= unit.length;
      this.#deliver(wire, { type: "BLOCK", ...unit });
    }
    cargo.shift();
    for (let [next] = cargo; next !== undefined && "message" in next; [next] = cargo) {
      cargo.shift();
      this.#deliver(wire, next.message);
    }
    if (cargo.length > 0) {
      this.#carrier.start(wire);
    }
    this.#mayServe(wire); // last, for it may lead to the next unit
  }

  #mayServe(wire: SimWire<H>): void {
    if (wire.isOpen && wire.owesServed && wire.bufferedBytes <= this.#options.sendBufferBytes) {
      wire.owesServed = false;
      this.#handlers.served(wire);
    }
  }

  #deliver(wire: SimWire<H>, message: PeerMessage): void {
    const { latencyMs, jitterMs } = this.#options;
    const arrival = new Arrival(this.#handlers, wire, message);
    if (jitterMs === 0) {
      this.#clock.inOrder(this.#clock.nowMs + latencyMs, arrival);
      return;
    }
    wire.arrivedMs = Math.max(wire.arrivedMs, this.#clock.nowMs + latencyMs + this.#rng.next() * jitterMs);
    this.#clock.add(wire.arrivedMs, arrival);
  }
}

/** A message on its way: two thirds of all that happens, so it is one object and no closure. */
class Arrival<H extends Host> implements Happening {
  readonly #handlers: NetworkHandlers<H>;
  readonly #wire: SimWire<H>;
  readonly #message: PeerMessage;

  constructor(handlers: NetworkHandlers<H>, wire: SimWire<H>, message: PeerMessage) {
    this.#handlers = handlers;
    this.#wire = wire;
    this.#message = message;
  }

  get subject(): number {
    return this.#wire.id;
  }

  get host(): number {
    return this.#wire.to.id;
  }

  run(): void {
    if (this.#wire.isOpen) {
      this.#handlers.arrived(this.#wire, this.#message);
    }
  }
}
