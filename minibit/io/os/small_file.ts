/** Files that are read whole: never more than is allowed for, and never one that is none. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import { diskError, errorCode } from "./disk_error.ts";
import { READ_FLAGS } from "./file_io.ts";

/** How much is read in one go where a file does not say how long it is. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Reads a file that MiniBit keeps itself. A link, a FIFO or a device in its place is not followed, waited for or read.
 *
 * @returns undefined when nothing is there
 * @throws {UserError} something else than a file is there, it has more than `maxBytes`, or may not be read
 */
export function readKeptFile(path: string, options: { readonly maxBytes: number }): Buffer<ArrayBuffer> | undefined {
  const failure = `Cannot read ${quote(path)}`;
  try {
    return readWhole(path, { ...options, failure, flags: READ_FLAGS, isKept: true });
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") {
      return undefined;
    }
    throw diskError(failure, error);
  }
}

/**
 * Reads what a user named: a file, or whatever a shell puts in place of one. It ends with what comes, or at `maxBytes`.
 *
 * @param options.failure the beginning of error messages: `Cannot replay 'x'`
 * @throws {UserError} nothing is there, it has more than `maxBytes`, or may not be read
 */
export function readNamedFile(
  path: string,
  options: { readonly maxBytes: number; readonly failure: string },
): Buffer<ArrayBuffer> {
  try {
    return readWhole(path, { ...options, flags: constants.O_RDONLY, isKept: false });
  } catch (error) {
    throw diskError(options.failure, error);
  }
}

function readWhole(
  path: string,
  options: { readonly maxBytes: number; readonly failure: string; readonly flags: number; readonly isKept: boolean },
): Buffer<ArrayBuffer> {
  const { maxBytes, failure, flags, isKept } = options;
  const fd = openSync(path, flags);
  try {
    const status = fstatSync(fd);
    if (isKept && !status.isFile()) {
      throw new UserError(`${failure}: it is no file (move it away)`);
    }
    let bytes = Buffer.alloc(Math.min(status.size, maxBytes) + 1);
    let length = 0;
    // a byte more than it has, to see its end
    for (let got = -1; got !== 0; length += got) {
      if (length > maxBytes) {
        throw new UserError(
          `${failure}: it has more than the ${maxBytes} bytes that are allowed (is it the right file?)`,
        );
      }
      if (length === bytes.length) {
        bytes = Buffer.concat([bytes, Buffer.alloc(Math.max(CHUNK_BYTES, length))]);
      }
      got = readSync(fd, bytes, length, Math.min(bytes.length, maxBytes + 1) - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
