import { statSync } from "node:fs";
import { UserError } from "../../core/base/errors.ts";
import { diskError } from "../os/disk_error.ts";

/** Bytes from the start of a file that show whether MiniBit wrote it. */
const LOOK_BYTES = 256;

/**
 * Refuses to overwrite a file, unless MiniBit wrote it or it is empty.
 *
 * @param options.failure the beginning of error messages: `Cannot record to 'x'`
 * @param options.isOurs judges the first bytes of the file
 * @throws {UserError} the file is not ours, is a folder, or may not be read
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
