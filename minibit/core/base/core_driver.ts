/** A part of this program that decides and does nothing: it is told what happened, and answers what is to be done. */
export interface Core<Input, Output> {
  /** Takes in what happened at `nowMs` (never going back) and returns what is to be done, in that order. */
  handle(input: Input, nowMs: number): readonly Output[];
  /** When to call `handle` with a tick, if nothing happens before; Infinity: not at all. */
  nextDeadlineMs(): number;
}

/** What a core is driven with: real sockets and timers, or simulated ones. */
export interface Surroundings<Output> {
  readonly nowMs: () => number;
  /** Carries out what the core decided. It may lead to further inputs. */
  readonly act: (output: Output) => void;
  /** Sees to it that the core gets a tick at `deadlineMs`; asked after every input, mostly with the same deadline. */
  readonly arm: (deadlineMs: number) => void;
  /** All that one input led to has been carried out. */
  readonly handled?: (outputs: readonly Output[]) => void;
}

/**
 * The loop that every core runs in: handle an input, carry out what it leads to, arm the next deadline.
 *
 * Outputs are carried out in their order. An input that arises meanwhile waits until the outputs before it are carried
 * out: so a core never runs ahead of what was done for it. The loop allocates nothing for an input that need not wait.
 */
export class CoreDriver<Input, Output> {
  readonly #core: Core<Input, Output>;
  readonly #around: Surroundings<Output>;
  readonly #waiting: Input[] = [];
  #isBusy = false;
  #isStopped = false;

  constructor(core: Core<Input, Output>, around: Surroundings<Output>) {
    this.#core = core;
    this.#around = around;
  }

  /** Whether `stop` was called. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Tells the core what happened. */
  input(input: Input): void {
    if (this.#isStopped) {
      return;
    }
    if (this.#isBusy) {
      this.#waiting.push(input);
      return;
    }
    this.#isBusy = true;
    this.#handle(input);
    while (this.#waiting.length > 0 && !this.#isStopped) {
      this.#handle(this.#waiting.shift() as Input);
    }
    this.#isBusy = false;
    if (!this.#isStopped) {
      this.#around.arm(this.#core.nextDeadlineMs());
    }
  }

  /** The core hears nothing more; what the last input led to is still carried out. */
  stop(): void {
    this.#isStopped = true;
  }

  #handle(input: Input): void {
    const outputs = this.#core.handle(input, this.#around.nowMs());
    for (const output of outputs) {
      this.#around.act(output);
    }
    this.#around.handled?.(outputs);
  }
}
