/**
 * When a process has to stop: Ctrl+C, a signal, or the end of the process that started it.
 *
 * A child cannot be told of a parent that was killed with -9. So the parent holds the write end of the child's stdin:
 * whichever way the parent dies the kernel closes it, and the child reads the end. `process_group.ts` starts children that
 * way. What little the parent may have to say later comes there too, a line each.
 */

/** Set to "1" for a child whose stdin is held by its parent. */
export const EXIT_WITH_PARENT = "MINIBIT_EXIT_WITH_PARENT";

/** Why to stop; "failed": the error was shown already, and only the clean-up is left. */
export type StopReason = (typeof SIGNALS)[number] | "parent gone" | "failed";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const EXIT_CODES: { readonly [R in StopReason]: number } = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
  "parent gone": 1,
  failed: 1,
};
/** `bun run` forwards the Ctrl+C that the terminal has sent to this process already: a second SIGINT this soon is the same one. */
const SAME_SIGNAL_MS = 1000;

const watchers = new Set<(reason: StopReason) => void>();

/**
 * Stops everything that watches with `onStop`, as a signal does.
 *
 * @returns whether anything watches
 */
export function stopAfterFailure(): boolean {
  const waiting = [...watchers];
  for (const stop of waiting) {
    stop("failed");
  }
  return waiting.length > 0;
}

/**
 * Calls `callback` once, when this process should stop; a Ctrl+C more than a second after it ends the process at once.
 *
 * @example
 * ```ts
 * const stopped = new Promise<StopReason>(onStop);
 * const exitCode = await Promise.race([work(), stopped.then((reason) => exitCodeOf(reason))]);
 * ```
 * @returns a function that ends the watch
 */
export function onStop(callback: (reason: StopReason) => void): () => void {
  let stoppedAtMs: number | undefined;
  const stop = (reason: StopReason): void => {
    if (stoppedAtMs === undefined) {
      stoppedAtMs = performance.now();
      callback(reason);
    } else if (reason === "SIGINT" && performance.now() >= stoppedAtMs + SAME_SIGNAL_MS) {
      process.exit(exitCodeOf(reason));
    }
  };
  const parentGone = (): void => stop("parent gone");
  watchers.add(stop);
  for (const signal of SIGNALS) {
    process.on(signal, stop);
  }
  const watchesParent = process.env[EXIT_WITH_PARENT] === "1";
  if (watchesParent) {
    process.stdin.on("end", parentGone).on("error", parentGone).resume();
  }
  return () => {
    watchers.delete(stop);
    for (const signal of SIGNALS) {
      process.off(signal, stop);
    }
    if (watchesParent) {
      process.stdin.off("end", parentGone).off("error", parentGone).pause();
    }
  };
}

/**
 * Calls `callback` for each line the parent writes; without a parent that holds our stdin, never.
 *
 * @returns a function that ends it
 */
export function onParentLine(callback: (line: string) => void): () => void {
  if (process.env[EXIT_WITH_PARENT] !== "1") {
    return () => undefined;
  }
  let rest = "";
  const take = (chunk: string): void => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      callback(line);
    }
  };
  process.stdin.setEncoding("utf8").on("data", take);
  return () => void process.stdin.off("data", take);
}

/**
 * The exit code of a process that stopped for `reason`: 128 + the signal's number, as shells have it.
 *
 * @param options.isDone all work is done: SIGTERM is then the usual way to stop a service, not a failure
 */
export function exitCodeOf(reason: StopReason, options: { readonly isDone?: boolean } = {}): number {
  return reason === "SIGTERM" && options.isDone === true ? 0 : EXIT_CODES[reason];
}
