/**
 * The few calls of the operating system that Bun has no function for. Where the C library cannot be loaded (Windows, an
 * unknown system) each of them tells that it is not there, and its caller goes another way.
 */
import { dlopen, type Pointer, read } from "bun:ffi";

const LIBRARIES = process.platform === "darwin" ? ["libSystem.B.dylib"] : ["libc.so.6", `libc.musl-${muslName()}.so.1`];

const LOCK_EXCLUSIVE = 2;
const LOCK_NONBLOCKING = 4;
/** What the system says of a lock that another process holds. */
const WOULD_BLOCK = process.platform === "darwin" ? 35 : 11;
const AT_FDCWD = -100;
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

const symbols = load();

/**
 * Locks an open file for this process alone (`flock`); the lock ends with the descriptor, so with the process too, however it ends.
 *
 * @returns whether the lock is ours; undefined when this system, or the disk under the file, has no such locks
 */
export function tryLock(fd: number): boolean | undefined {
  if (symbols.flock?.(fd, LOCK_EXCLUSIVE | LOCK_NONBLOCKING) === 0) {
    return true;
  }
  // right after the call: nothing of ours may come between
  const at = symbols.errno?.() ?? null;
  return at !== null && read.i32(at) === WOULD_BLOCK ? false : undefined;
}

/**
 * Swaps two paths of one file system in one step (`renameat2`, Linux).
 *
 * @returns whether it is done; false when the system or the disk does not know how: nothing has changed then
 */
export function exchange(a: string, b: string): boolean {
  return renameat2(a, b, RENAME_EXCHANGE) === 0;
}

/**
 * Renames, unless something is at `to` (`renameat2`, Linux).
 *
 * @returns whether it is done; false for every failure: nothing has changed then
 */
export function renameIfFree(from: string, to: string): boolean {
  return renameat2(from, to, RENAME_NOREPLACE) === 0;
}

function renameat2(from: string, to: string, flag: number): number {
  return symbols.renameat2?.(AT_FDCWD, Buffer.from(`${from}\0`), AT_FDCWD, Buffer.from(`${to}\0`), flag) ?? -1;
}

interface Symbols {
  /** Where the C library keeps the number of the last error. */
  readonly errno?: () => Pointer | null;
  readonly flock?: (fd: number, operation: number) => number;
  readonly renameat2?: (fromFolder: number, from: Buffer, toFolder: number, to: Buffer, flags: number) => number;
}

function load(): Symbols {
  const errnoName = process.platform === "darwin" ? "__error" : "__errno_location";
  const flock = { args: ["i32", "i32"], returns: "i32" } as const;
  const errno = { args: [], returns: "ptr" } as const;
  const renameat2 = { args: ["i32", "ptr", "i32", "ptr", "u32"], returns: "i32" } as const;
  for (const library of LIBRARIES) {
    try {
      const { symbols } = dlopen(library, { flock, [errnoName]: errno, renameat2 } as const);
      return { ...symbols, errno: symbols[errnoName] as Required<Symbols>["errno"] };
    } catch {
      // another C library, or one without renameat2 (glibc before 2.28, macOS)
    }
    try {
      const { symbols } = dlopen(library, { flock, [errnoName]: errno } as const);
      return {
        flock: symbols["flock"] as Required<Symbols>["flock"],
        errno: symbols[errnoName] as Required<Symbols>["errno"],
      };
    } catch {
      // the next one
    }
  }
  return {};
}

function muslName(): string {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}
