import { getLogger } from "../os/logging.ts";

/**
 * Runs a piece of work and tidies up after it, however it ended. An error of the tidying never hides the one that came first.
 *
 * @param options.close is called once, after the work
 * @param options.onSecond gets what went wrong while tidying up after an error
 * @returns what the work returned
 */
export async function closeAfter<T>(
  work: () => Promise<T>,
  options: { readonly close: () => Promise<void>; readonly onSecond: (error: unknown) => void },
): Promise<T> {
  const { close, onSecond } = options;
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await close().catch(onSecond);
    throw error;
  }
  await close();
  return result;
}

/** Tells in the log what went wrong while tidying up after an error. */
export function tellSecond(error: unknown): void {
  getLogger().warn("{text}", { text: error instanceof Error ? error.message : String(error) });
}
