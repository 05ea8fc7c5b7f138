import { removeItem } from "../../core/base/remove_item.ts";
import type { Clock } from "./clock.ts";
import type { Host, SimWire } from "./sim_wire.ts";

/** How the units in flight share the links of the hosts. */
export interface Carrier {
  /** Starts the first unit of the wire's cargo. */
  start(wire: SimWire): void;
  /** Drops the unit in flight: the wire was cut. */
  stop(wire: SimWire): void;
  /** How much of it has left. */
  passedBytes(wire: SimWire): number;
}

/** How long a shared link's rate may be off before it counts as changed: rounding, not news. */
const RATE_TOLERANCE = 1e-9;

/** What both kinds have in common: a foreseen end that any change since has made void. */
abstract class TimedCarrier implements Carrier {
  protected readonly clock: Clock;
  protected readonly left: (wire: SimWire) => void;

  constructor(clock: Clock, left: (wire: SimWire) => void) {
    this.clock = clock;
    this.left = left;
  }

  abstract start(wire: SimWire): void;
  abstract stop(wire: SimWire): void;
  abstract passedBytes(wire: SimWire): number;

  /** Lets `run` happen at `atMs`, in place of what was foreseen for the wire before. */
  protected foresee(wire: SimWire, atMs: number, run: () => void): void {
    const change = ++wire.changes;
    const ifStillDue = (): void => {
      if (change === wire.changes) {
        run();
      }
    };
    this.clock.add(atMs, { subject: wire.id, host: wire.from.id, run: ifStillDue });
  }
}

/**
 * Units in flight share an uplink as TCP connections share a bottleneck: each gets the same, and what one cannot use
 * (its receiver's downlink is shared too) goes to the others.
 *
 * Source: processor sharing, as in Qiu and Srikant 2004 and most simulations of swarms.
 */
export class SharedCarrier extends TimedCarrier {
  start(wire: SimWire): void {
    wire.leftBytes = wire.unit?.length ?? 0;
    wire.updatedMs = this.clock.nowMs;
    wire.bytesPerMs = 0;
    wire.from.outgoing.push(wire);
    wire.to.incoming.push(wire);
    this.#changed(wire);
  }

  stop(wire: SimWire): void {
    removeItem(wire.from.outgoing, wire);
    removeItem(wire.to.incoming, wire);
    wire.changes++;
    this.#changed(wire);
  }

  passedBytes(wire: SimWire): number {
    return Math.floor((wire.unit?.length ?? 0) - Math.max(0, wire.leftBytes - elapsedBytes(wire, this.clock.nowMs)));
  }

  #changed(wire: SimWire): void {
    this.#share(wire.from);
    if (wire.to.downBytesPerMs < Number.POSITIVE_INFINITY) {
      for (const { from } of wire.to.incoming) {
        if (from !== wire.from) {
          this.#share(from);
        }
      }
    }
  }

  /** Shares a host's uplink: whoever needs least first, so that the rest is shared among those who can use it. */
  #share(host: Host): void {
    const { outgoing } = host;
    let left = host.upBytesPerMs;
    let sharers = outgoing.length;
    const sorted = sharers < 2 ? outgoing : [...outgoing].sort((a, b) => downShare(a) - downShare(b));
    for (const wire of sorted) {
      const rate = Math.min(left / sharers, downShare(wire));
      left = left === Number.POSITIVE_INFINITY ? left : left - rate;
      sharers--;
      this.#setRate(wire, rate);
    }
  }

  #setRate(wire: SimWire, bytesPerMs: number): void {
    if (Math.abs(bytesPerMs - wire.bytesPerMs) <= RATE_TOLERANCE * wire.bytesPerMs) {
      return;
    }
    const nowMs = this.clock.nowMs;
    wire.leftBytes = Math.max(0, wire.leftBytes - elapsedBytes(wire, nowMs));
    wire.updatedMs = nowMs;
    wire.bytesPerMs = bytesPerMs;
    this.foresee(wire, nowMs + (wire.leftBytes === 0 ? 0 : wire.leftBytes / bytesPerMs), () => {
      this.stop(wire);
      this.left(wire);
    });
  }
}

/**
 * Units in flight queue at the uplink, then at the downlink, and pass one after the other: what a router's queue does.
 *
 * One event a unit instead of one a change of rate: for large swarms.
 */
export class QueuedCarrier extends TimedCarrier {
  start(wire: SimWire): void {
    const { from } = wire;
    wire.leftBytes = wire.unit?.length ?? 0;
    from.upFreeMs = Math.max(this.clock.nowMs, from.upFreeMs) + wire.leftBytes / from.upBytesPerMs;
    this.foresee(wire, from.upFreeMs, () => this.#receive(wire));
  }

  stop(wire: SimWire): void {
    wire.changes++;
  }

  /** A queue passes units whole. */
  passedBytes(): number {
    return 0;
  }

  #receive(wire: SimWire): void {
    const { to } = wire;
    const nowMs = this.clock.nowMs;
    if (to.downBytesPerMs === Number.POSITIVE_INFINITY) {
      this.left(wire);
      return;
    }
    to.downFreeMs = Math.max(nowMs, to.downFreeMs + wire.leftBytes / to.downBytesPerMs);
    if (to.downFreeMs > nowMs) {
      this.foresee(wire, to.downFreeMs, () => this.left(wire));
    } else {
      this.left(wire);
    }
  }
}

function downShare({ to }: SimWire): number {
  return to.downBytesPerMs / to.incoming.length;
}

function elapsedBytes(wire: SimWire, nowMs: number): number {
  // an unlimited link carries everything at once, and 0 * Infinity is not a number
  return nowMs === wire.updatedMs ? 0 : (nowMs - wire.updatedMs) * wire.bytesPerMs;
}
