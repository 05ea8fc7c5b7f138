/**
 * The place that a user names for a copy (`--to`), from the first look at it until all but the copy is gone: what cannot be done
 * there is found out before a byte is fetched.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { MAX_NAME_BYTES } from "../../core/base/limits.ts";
import { quote } from "../../core/base/quote.ts";
import { diskError, errorCode } from "../os/disk_error.ts";
import { WRITE_FLAGS } from "../os/file_io.ts";
import { sha256 } from "./block_hasher.ts";
import { LOCK_FILE, RECORD_FILE } from "./peer_folder.ts";
import { PlaceLock } from "./place_lock.ts";
import { OLDER_COPY, recoverPlace } from "./put_in_place.ts";
import { remove, statusOf } from "./result.ts";

/** What is made in the work folder, and beside the copy, to try out that it can be. */
const TRIAL_FILE = "trial";
const TRIAL_SUFFIX = ".trial";
/** What a name may need besides itself: a dot in front, `.minibit` and `.trial` behind. */
const SUFFIX_BYTES = 20;

/** The folder beside `to` in which its copy is made: on the same disk, so that a rename puts it in its place. */
export function workFolderOf(to: string): string {
  const result = resolve(to);
  const name = basename(result);
  // the longest name the disk allows leaves no space for a suffix
  const isLong = Buffer.byteLength(name) + SUFFIX_BYTES > MAX_NAME_BYTES;
  return join(dirname(result), `.${isLong ? sha256(Buffer.from(name)).toHex().slice(0, 32) : name}.minibit`);
}

/** A destination that only this process writes to. */
export class Destination {
  readonly #result: string;
  readonly #home: string;
  readonly #lock: PlaceLock;
  /** The topmost of the folders on the way that were not there before. */
  readonly #made: string | undefined;

  private constructor(at: { result: string; home: string; lock: PlaceLock; made: string | undefined }) {
    this.#result = at.result;
    this.#home = at.home;
    this.#lock = at.lock;
    this.#made = at.made;
  }

  /**
   * Makes the work folder beside a place, locks it, ends what a killed run began there, and tries out whether a copy could be
   * put there.
   *
   * @throws {UserError} it could not, and why; another run is at work there
   */
  static async claim(to: string): Promise<Destination> {
    const result = resolve(to);
    const home = workFolderOf(result);
    refuseSpecial(result, to);
    const failure = `Cannot put a copy at ${quote(to)}`;
    const made = makeFolders(home, failure);
    const lock = PlaceLock.take(join(home, LOCK_FILE), {
      place: to,
      hint: "wait until it has ended, or use another --to",
    });
    const destination = new Destination({ result, home, lock, made });
    try {
      await recoverPlace({ result, home });
      tryOut(result, { home, failure });
      return destination;
    } catch (error) {
      await destination.release({ keepParts: true }).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Releases the destination.
   *
   * @param options.keepParts whether what was fetched stays for the next run; the record of a copy that stands always does
   * @throws {UserError} something could not be removed
   */
  async release(options: { readonly keepParts: boolean }): Promise<void> {
    const stays = new Set([LOCK_FILE, RECORD_FILE]);
    if (statusOf(this.#result) === undefined) {
      stays.add(OLDER_COPY); // the only copy there is
    }
    try {
      const names = readdirSync(this.#home);
      const left = options.keepParts ? [] : names.filter((name) => !stays.has(name));
      await Promise.all(left.map((name) => remove(join(this.#home, name))));
    } catch (error) {
      throw diskError(`Cannot tidy up ${quote(this.#home)}`, error);
    } finally {
      this.#lock.release();
    }
    removeEmpty(this.#home, this.#made ?? this.#home);
  }
}

/** Places that no rename can replace, or that nobody means. */
function refuseSpecial(result: string, to: string): void {
  const refuse = (why: string, hint: string): never => {
    throw new UserError(`Cannot put a copy at ${quote(to)}: ${why} (name the copy itself: --to ${hint})`);
  };
  const inside = join(result, "NAME");
  if (basename(result) === "") {
    refuse("it is the root of the file system", inside);
  }
  if (result === process.cwd()) {
    refuse("it is the folder this runs in", inside);
  }
  const status = statusOf(result);
  if (status?.isDirectory() === true && isMountPoint(result, status)) {
    refuse("a disk is mounted there, so no other folder can take its place", inside);
  }
}

function isMountPoint(folder: string, status: Stats): boolean {
  if (statusOf(dirname(folder))?.dev !== status.dev) {
    return true;
  }
  try {
    // a folder mounted from the same disk; Linux tells it, in octal where a path has spaces
    const unescaped = (path: string): string =>
      path.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    return mounts.some((line) => unescaped(line.split(" ")[4] ?? "") === folder);
  } catch {
    return false; // another system
  }
}

/** Makes the work folder, for nobody else to look into, and what is missing above it; returns the topmost that was. */
function makeFolders(home: string, failure: string): string | undefined {
  try {
    const madeAbove = mkdirSync(dirname(home), { recursive: true });
    const isNew = statusOf(home) === undefined;
    if (isNew) {
      mkdirSync(home, { mode: 0o700 });
    } else if (statusOf(home)?.isDirectory() !== true) {
      throw new UserError(`${failure}: ${quote(home)} is in the way, and no folder (move it away)`);
    }
    return madeAbove ?? (isNew ? home : undefined);
  } catch (error) {
    throw diskError(failure, error);
  }
}

/** Does what will be done in the end: makes something, moves it out of the work folder, removes it. */
function tryOut(result: string, at: { readonly home: string; readonly failure: string }): void {
  const { home, failure } = at;
  const trial = join(home, TRIAL_FILE);
  const beside = `${home}${TRIAL_SUFFIX}`;
  try {
    closeSync(openSync(trial, WRITE_FLAGS, 0o600));
    renameSync(trial, beside);
    rmSync(beside);
  } catch (error) {
    throw diskError(failure, error);
  }
  const [folder, there] = [statusOf(dirname(result)), statusOf(result)];
  const ours = process.geteuid?.() ?? 0;
  const isKept = folder !== undefined && there !== undefined && (folder.mode & 0o1000) !== 0;
  if (isKept && ours !== 0 && ours !== folder.uid && ours !== there.uid) {
    throw new UserError(`${failure}: what is there belongs to somebody else, who alone may move it (use another --to)`);
  }
}

/** Removes folders that are empty, from the innermost up to `last`. */
function removeEmpty(innermost: string, last: string): void {
  for (let folder = innermost; folder.length >= last.length; folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (errorCode(error) === "ENOTEMPTY" || errorCode(error) === "EEXIST") {
        return;
      }
      if (errorCode(error) !== "ENOENT") {
        throw diskError(`Cannot remove ${quote(folder)}`, error);
      }
    }
  }
}
