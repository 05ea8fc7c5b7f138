/** Longest time a job may occupy the event loop: heartbeats and sockets wait meanwhile. */
const TURN_MS = 20;

/**
 * Lets a long job yield to the event loop.
 *
 * @returns a function to call and await between the job's steps; it yields only when TURN_MS have passed since the last turn
 *
 * @example
 * ```ts
 * const yieldTurn = createTurnYielder();
 * for (const path of paths) {
 *   check(path);
 *   await yieldTurn();
 * }
 * ```
 */
export function createTurnYielder(nowMs: () => number = () => performance.now()): () => Promise<void> | undefined {
  let turnStartMs = nowMs();
  return () => {
    if (nowMs() - turnStartMs < TURN_MS) {
      return undefined;
    }
    return new Promise((resolve) => {
      setImmediate(() => {
        turnStartMs = nowMs();
        resolve();
      });
    });
  };
}
