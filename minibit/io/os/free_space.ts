import { statfsSync } from "node:fs";
import { UserError } from "../../core/base/errors.ts";
import { formatSize } from "../../core/base/formats.ts";
import { quote } from "../../core/base/quote.ts";

/**
 * Refuses what does not fit a disk, before any of it is fetched.
 *
 * @param folder on that disk
 * @param options.needBytes what is still to be written there
 * @param options.olderCopy whether an older copy stays until the new one is whole, which the user may not expect
 * @throws {UserError} there is less room; a disk that does not tell is believed to have enough
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
    // some kept back for root, and some file systems do not tell their size
    return blocks === 0 ? Number.POSITIVE_INFINITY : bsize * (process.geteuid?.() === 0 ? bfree : bavail);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
