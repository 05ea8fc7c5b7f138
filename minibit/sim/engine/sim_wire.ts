import type { Unit } from "../../core/link/unit.ts";
import type { PeerMessage } from "../../core/wire/peer_wire.ts";

/** A machine's connection to the network, and what is on it now. Rates in bytes a millisecond, Infinity for no limit. */
export class Host {
  readonly id: number;
  readonly upBytesPerMs: number;
  readonly downBytesPerMs: number;
  /** Wires with a unit on its way out, and in. */
  readonly outgoing: SimWire<Host>[] = [];
  readonly incoming: SimWire<Host>[] = [];
  /** When all that was put on the uplink, and the downlink, will have passed: for units that queue. */
  upFreeMs = 0;
  downFreeMs = 0;

  constructor(id: number, options: { readonly upBytesPerSecond: number; readonly downBytesPerSecond: number }) {
    this.id = id;
    this.upBytesPerMs = options.upBytesPerSecond / 1000;
    this.downBytesPerMs = options.downBytesPerSecond / 1000;
  }
}

/** What a wire carries: a unit with its payload, or any other message (which takes no time but the latency). */
export type Cargo = { readonly unit: Unit } | { readonly message: PeerMessage };

/** One direction of a connection between two of `H`: what is sent on it arrives in that order. */
export class SimWire<H extends Host = Host> {
  readonly id: number;
  readonly from: H;
  readonly to: H;
  /** What the receiver calls the connection. */
  readonly toLink: number;
  /** The opposite direction. */
  back: SimWire<H> | undefined;
  isOpen = true;
  /** What has not left yet: the unit in flight is the first. */
  readonly cargo: Cargo[] = [];
  /** Payload in `cargo`. */
  bufferedBytes = 0;
  /** A unit was handed over and its sender not yet told that the next may follow. */
  owesServed = false;
  /** When the last thing sent will have arrived. */
  arrivedMs = 0;
  /** Of the unit on its way: bytes left as of `updatedMs`, and how fast they go. */
  leftBytes = 0;
  updatedMs = 0;
  bytesPerMs = 0;
  /** Counts changes of the rate: an end that was foreseen before the last one is void. */
  changes = 0;

  constructor(id: number, ends: { readonly from: H; readonly to: H; readonly toLink: number }) {
    this.id = id;
    this.from = ends.from;
    this.to = ends.to;
    this.toLink = ends.toLink;
  }

  /** The unit in flight. */
  get unit(): Unit | undefined {
    const [first] = this.cargo;
    return first !== undefined && "unit" in first ? first.unit : undefined;
  }
}
