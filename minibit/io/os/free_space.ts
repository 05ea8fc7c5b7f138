import { statfsSync } from "node:fs";
import { UserError } from "../../core/base/errors.ts";
import { formatSize } from "../../core/base/formats.ts";
import { quote } from "../../core/base/quote.ts";

/**
 * Refuses a copy that does not fit on the disk, before any of it is fetched.
 *
 * @param folder a folder on that disk
 * @param options.needBytes bytes still to be written there
 * @param options.olderCopy whether an older copy stays until the new one is complete, which the error then mentions
 * @throws {UserError} too little space is free; a disk that does not report its space is assumed to have enough
 */
export function checkFreeSpace(
  folder: string,
  options: { readonly needBytes: number; readonly olderCopy: boolean },
): void {
  const { needBytes, olderCopy } = options;
  const freeBytes = freeBytesAt(folder);
  if (needBytes > freeBytes) {
    const why = olderCopy ? ", for the older copy stays until the new one is whole" : "";
    throw new UserError(
      `Cannot copy to ${quote(folder)}: it takes ${formatSize(needBytes)} more${why}, and the disk has ${formatSize(freeBytes)} (free some space, or try all the same with --ignore-space)`,
    );
  }
}

function freeBytesAt(folder: string): number {
  try {
    const { blocks, bavail, bfree, bsize } = statfsSync(folder);
    // only root may use the reserved blocks, and some file systems do not report their size
    return blocks === 0 ? Number.POSITIVE_INFINITY : bsize * (process.geteuid?.() === 0 ? bfree : bavail);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
