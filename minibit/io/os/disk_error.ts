import { UserError } from "../../core/base/errors.ts";

/** What the operating system's error codes mean to a user, and what to do. */
const REASONS: { readonly [code: string]: string } = {
  EACCES: "permission denied (give yourself the right to it, or use another place)",
  EPERM: "permission denied (give yourself the right to it, or use another place)",
  EROFS: "the disk is read-only (use another place)",
  ENOENT: "there is no such file or folder (look at the path)",
  ENOTDIR: "a part of the path is not a folder (look at the path)",
  EISDIR: "a folder is in its place (move it away)",
  EEXIST: "something else is in its place (move it away)",
  ELOOP: "a symbolic link is in its place (move it away)",
  ENAMETOOLONG: "the path is too long (use a shorter place)",
  EMFILE: "too many files are open (raise 'ulimit -n')",
  ENFILE: "too many files are open on this machine (close some programs)",
  EFBIG: "the file is larger than the disk allows (use another place)",
  EBUSY: "it is in use, or a disk is mounted there (use another place)",
  EINVAL: "this disk does not take such a name or size (use another place)",
  ENOTEMPTY: "something is in it (look at it, and move it away)",
  ENOTSUP: "this disk cannot do that (use another place)",
  ESTALE: "the network disk lost it (look at its mount)",
  ETXTBSY: "a program is running from it (end that first)",
  EXDEV: "another disk is mounted there (use a place on one disk)",
  EIO: "the disk failed (look at the system's log)",
};

/** Error codes of a file system without permission bits (FAT, some network mounts) when they are changed. */
export const NO_MODES: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * Turns a failed call of the operating system into an error for the user.
 *
 * @param failure what could not be done: `Cannot write block 17 to 'x'`
 * @param keptBlocks verified blocks that stay, mentioned when the disk is full
 * @returns a UserError; `cause` itself when it is a UserError already, or a bug and no error of the operating system
 */
export function diskError(failure: string, cause: unknown, keptBlocks?: number): Error {
  const code = errorCode(cause);
  if (code === undefined) {
    return cause instanceof Error ? cause : new Error(`${failure}: ${cause}`);
  }
  return new UserError(`${failure}: ${reasonOf(code, keptBlocks)}`, { cause });
}

/** The operating system's code in an error (`ENOENT`), if it holds one. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

function reasonOf(code: string, keptBlocks: number | undefined): string {
  if (code === "ENOSPC" || code === "EDQUOT") {
    const kept = keptBlocks === undefined ? "" : `; ${keptBlocks} verified blocks are kept`;
    const full = code === "ENOSPC" ? "the disk is full" : "your quota on the disk is used up";
    return `${full} (free some space and start again${kept})`;
  }
  return REASONS[code] ?? `the system says ${code} (look at the path and the disk)`;
}
