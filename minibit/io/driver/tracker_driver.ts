// Room io/driver: ties a core to sockets, disk and clock (peer_driver.ts, tracker_driver.ts), and a peer's flags and reports to it.
// No rule enters: what is decided here instead of in the core is tested by no simulation.

import { CoreDriver } from "../../core/base/core_driver.ts";
import { COME_BACK_MS } from "../../core/base/limits.ts";
import { createRng } from "../../core/base/rng.ts";
import { TrackerCore } from "../../core/tracker/tracker_core.ts";
import type { TrackerEvent, TrackerInput, TrackerOutput } from "../../core/tracker/tracker_io.ts";
import { type TrackerMessages, trackerWire } from "../../core/wire/tracker_wire.ts";
import { createTraffic, type FramedSocket, type FrameHandlers } from "../net/framed_socket.ts";
import { DeadlineTimer } from "../os/deadline_timer.ts";

/** What the owner of a TrackerDriver gives and wants to hear. */
export interface TrackerDriverOptions {
  /** How many peers, the seed among them, make a group complete; 0: any number. */
  readonly expected: number;
  /** `remote`: the address behind the event's link, if it has one. */
  readonly onEvent: (event: TrackerEvent, remote: string | undefined) => void;
}

/** The driver of one TrackerCore: carries out on sockets and the clock what the core decides. */
export class TrackerDriver {
  readonly core: TrackerCore;
  /** Messages and bytes of all links. */
  readonly traffic = createTraffic(trackerWire);
  /** Resolves once a group is complete and everybody has left; who fell silent has the time to come back and hear of it. */
  readonly done: Promise<void>;
  readonly #onEvent: TrackerDriverOptions["onEvent"];
  readonly #resolveDone: () => void;
  readonly #sockets = new Map<number, FramedSocket<TrackerMessages>>();
  #lastLink = 0;
  /** When each peer fell silent that has not come back. */
  readonly #gone = new Map<string, number>();
  #overTimer: Timer | undefined;
  readonly #loop: CoreDriver<TrackerInput, TrackerOutput>;
  readonly #deadline = new DeadlineTimer(() => this.#loop.input({ type: "tick" }));

  constructor({ expected, onEvent }: TrackerDriverOptions) {
    const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
    this.core = new TrackerCore({ expected, rng: createRng(seed) });
    this.#loop = new CoreDriver(this.core, {
      nowMs: () => performance.now(),
      act: (output) => this.#act(output),
      arm: (deadlineMs) => this.#deadline.set(deadlineMs),
    });
    this.#onEvent = onEvent;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#resolveDone = resolve;
  }

  /** In how many milliseconds nobody who fell silent is expected back any more; 0: nobody is now. */
  get comeBackMs(): number {
    return Math.max(0, Math.max(...this.#gone.values()) + COME_BACK_MS - performance.now());
  }

  /** Somebody calls: for `framed`. */
  accept(socket: FramedSocket<TrackerMessages>): FrameHandlers<TrackerMessages> {
    const link = ++this.#lastLink;
    this.#sockets.set(link, socket);
    return {
      onStart: () => this.#loop.input({ type: "link_opened", link, host: socket.remoteHost }),
      onMessage: (message) => this.#loop.input({ type: "received", link, message }),
      onProtocolError: (error) => {
        const refusal = { code: "protocol", text: error.message } as const;
        socket.send({ type: "ERROR", ...refusal });
        this.#onEvent({ kind: "refused", link, ...refusal }, socket.remote);
      },
      onClosed: () => {
        this.#sockets.delete(link);
        this.#loop.input({ type: "link_closed", link });
        this.#endIfOver();
      },
    };
  }

  /** Does nothing any more; the connections are the listener's to close. */
  stop(): void {
    this.#loop.stop();
    clearTimeout(this.#overTimer);
    this.#deadline.stop();
  }

  #endIfOver(): void {
    if (this.#sockets.size > 0 || !this.core.isGroupDone) {
      return;
    }
    const waitMs = this.comeBackMs;
    if (waitMs === 0) {
      this.#resolveDone();
    } else {
      clearTimeout(this.#overTimer);
      this.#overTimer = setTimeout(() => this.#endIfOver(), waitMs);
    }
  }

  #act(output: TrackerOutput): void {
    switch (output.type) {
      case "send":
        this.#sockets.get(output.link)?.send(output.message);
        break;
      case "drop":
        this.#sockets.get(output.link)?.close(output.reason);
        break;
      case "event": {
        const { event } = output;
        if (event.kind === "gone") {
          this.#gone.set(`${event.swarm.id} ${event.peer.id}`, performance.now());
        } else if (event.kind === "registered") {
          this.#gone.delete(`${event.swarm.id} ${event.peer.id}`);
        }
        this.#onEvent(event, event.kind === "refused" ? this.#sockets.get(event.link)?.remote : undefined);
        break;
      }
    }
  }
}
