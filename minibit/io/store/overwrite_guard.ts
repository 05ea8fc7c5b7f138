import { statSync } from "node:fs";
import { UserError } from "../../core/base/errors.ts";
import { diskError } from "../os/disk_error.ts";

/** How much of a file tells whether it is ours. */
const LOOK_BYTES = 256;

/**
 * Makes sure that a file that would be replaced is one of ours, or empty.
 *
 * @param options.isOurs judges the first bytes of it
 * @throws {UserError} it is not, is a folder, or may not be read
 */
export async function refuseOverwrite(
  path: string,
  options: { readonly failure: string; readonly isOurs: (beginning: string) => boolean },
): Promise<void> {
  const { failure, isOurs } = options;
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      throw new UserError(`${failure}: a folder is in its place (use another name)`);
    }
    const file = Bun.file(path);
    if ((await file.exists()) && file.size > 0 && !isOurs(await file.slice(0, LOOK_BYTES).text())) {
      throw new UserError(`${failure}: something else is in its place, and would be lost (use another name)`);
    }
  } catch (error) {
    throw diskError(failure, error);
  }
}
