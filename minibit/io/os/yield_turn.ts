/** Longest time a job may keep the event loop to itself: heartbeats and sockets wait that long. */
const TURN_MS = 20;

/**
 * Lets a long job give the event loop its turns.
 *
 * @returns a function to call, and await, between the job's steps; it waits only when the last turn was long ago
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
