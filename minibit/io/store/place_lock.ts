/**
 * One writer a place: two runs that write to the same copy, or to the same blocks, would mix what they fetch.
 *
 * The lock is the operating system's, so it ends with the process that holds it, also by `kill -9` or a power cut; the file
 * that carries it only tells others who holds it.
 */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import { diskError } from "../os/disk_error.ts";
import { WRITE_FLAGS } from "../os/file_io.ts";
import { tryLock } from "../os/libc.ts";
import { LOCK_FILE, peerFolder } from "./peer_folder.ts";
import { statusOf } from "./result.ts";

/** How many times a lock file may vanish between open and lock, because its holder has just removed it. */
const ATTEMPTS = 10;
/** What is read of a lock file, which another process wrote. */
const MAX_HOLDER_CHARACTERS = 200;

/** A lock that this process holds. */
export class PlaceLock {
  readonly #path: string;
  #fd: number | undefined;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /**
   * Locks a file, which is created, until `release` or the end of this process.
   *
   * @param options.place what it stands for, as the user calls it
   * @param options.hint what to do when it is taken
   * @throws {UserError} another process holds it, named by number; the file cannot be made
   */
  static take(path: string, options: { readonly place: string; readonly hint: string }): PlaceLock {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const fd = openLock(path);
      if (tryLock(fd) === false) {
        closeSync(fd);
        const { place, hint } = options;
        throw new UserError(`Cannot use ${quote(place)}: ${holderOf(path)} is at work there (${hint})`);
      }
      if (statusOf(path)?.ino === fstatSync(fd).ino) {
        tellHolder(fd);
        return new PlaceLock(path, fd);
      }
      closeSync(fd); // of a file that its last holder removed: others would lock another one
    }
    throw new UserError(
      `Cannot lock ${quote(path)}: somebody removes it again and again (stop them, or use another place)`,
    );
  }

  /** Removes the file and releases the lock. */
  release(): void {
    if (this.#fd !== undefined) {
      if (statusOf(this.#path)?.ino === fstatSync(this.#fd).ino) {
        rmSync(this.#path, { force: true });
      }
      closeSync(this.#fd);
      this.#fd = undefined;
    }
  }
}

/**
 * Locks the folder with a peer's blocks, which is made if it is not there.
 *
 * @param options.file which of the folder's locks: by default that of its peer
 * @param options.place what the lock stands for, when that is more than the folder
 * @throws {UserError} another process is at work there; the folder cannot be made
 */
export function lockPeerFolder(
  dir: string,
  peerId: number,
  options: { readonly file?: string; readonly place?: string } = {},
): PlaceLock {
  const folder = peerFolder(dir, peerId);
  const { file = LOCK_FILE, place = folder } = options;
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw diskError(`Cannot write to ${quote(folder)}`, error);
  }
  if (statusOf(folder)?.isDirectory() !== true) {
    throw new UserError(`Cannot use ${quote(folder)}: it is a symbolic link (move it away, or use another --dir)`);
  }
  return PlaceLock.take(join(folder, file), { place, hint: "wait until it has ended, or use another --dir" });
}

function openLock(path: string): number {
  try {
    return openSync(path, WRITE_FLAGS, 0o600);
  } catch (error) {
    throw diskError(`Cannot lock ${quote(path)}`, error);
  }
}

function tellHolder(fd: number): void {
  const since = new Date().toISOString().slice(0, 19).replace("T", " ");
  try {
    ftruncateSync(fd);
    writeSync(fd, `process ${process.pid} on ${hostname()}, since ${since} UTC`);
  } catch {
    // a full disk: the lock still holds, but its file does not name the holder
  }
}

function holderOf(path: string): string {
  try {
    const text = readFileSync(path, "utf8").slice(0, MAX_HOLDER_CHARACTERS);
    return /^process \d+ on [\w.-]+, since [\d :-]+ UTC$/.test(text) ? text : "another process";
  } catch {
    return "another process";
  }
}
