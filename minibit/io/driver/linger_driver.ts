import { CoreDriver } from "../../core/base/core_driver.ts";
import { Linger, type LingerInput, type LingerOptions, type LingerOutput } from "../../core/peer/linger.ts";
import { DeadlineTimer } from "../os/deadline_timer.ts";

/** The driver of one Linger: gives it the time, and turns its `may_leave` into a promise. */
export class LingerDriver {
  /** Resolves when nobody needs this complete peer any more. */
  readonly mayLeave: Promise<void>;
  readonly #loop: CoreDriver<LingerInput, LingerOutput>;
  readonly #deadline = new DeadlineTimer(() => this.input({ type: "tick" }));

  constructor({ onFindPeers, ...options }: LingerOptions & { readonly onFindPeers: () => void }) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.mayLeave = promise;
    this.#loop = new CoreDriver(new Linger(options), {
      nowMs: () => performance.now(),
      act: ({ type }) => (type === "may_leave" ? resolve() : onFindPeers()),
      arm: (deadlineMs) => this.#deadline.set(deadlineMs),
    });
  }

  /** Tells what was heard of the group. */
  input(input: LingerInput): void {
    this.#loop.input(input);
  }

  /** Decides nothing any more. */
  stop(): void {
    this.#loop.stop();
    this.#deadline.stop();
  }
}
