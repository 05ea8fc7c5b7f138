/** How often a condition is looked at. */
const LOOK_MS = 10;

/**
 * Waits until `look` gives something: tests wait for what they need, never for a time.
 *
 * @param what for the message when it does not come: `peer 1 to be complete`
 * @param options.details what else the message should tell, asked when it fails
 * @throws {Error} when it did not come in time
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  options: { readonly timeoutMs?: number; readonly details?: () => string } = {},
): Promise<T> {
  const { timeoutMs = 20_000, details } = options;
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) {
      return found;
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}${details === undefined ? "" : `\n${details()}`}`);
    }
    await Bun.sleep(LOOK_MS);
  }
}
