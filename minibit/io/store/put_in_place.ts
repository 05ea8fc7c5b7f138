/**
 * The last step of a copy: it gets its final name in place of the older copy. At every moment, and after every failure, either the
 * older copy or the new one has that name, or a later run puts the older one back. Nothing is removed before the new one is there.
 */
import { chmodSync, renameSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { diskError, errorCode, NO_MODES } from "../os/disk_error.ts";
import { exchange, renameIfFree } from "../os/libc.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { differentTree, foldersOf } from "./compare_tree.ts";
import { type CopyRecord, findForeign, PERMISSIONS, readRecord, writeRecord } from "./copy_record.ts";
import { NEXT_RECORD_FILE, RECORD_FILE } from "./peer_folder.ts";
import { remove, statusOf } from "./result.ts";
import { syncName, syncTree } from "./sync_tree.ts";

/** Where a finished copy goes, and the folder on the same disk in which MiniBit keeps its record of it. */
export interface CopyPlace {
  /** The final name. */
  readonly result: string;
  /** Holds the record of the copy at `result`, and the older copy during the exchange. */
  readonly home: string;
}

/** Longest step of the clock from which file systems take timestamps: it ticks at least 100 times a second. */
const TIMESTAMP_STEP_MS = 12;
/** Name of the older copy in `home`, until the new one is safely in its place. */
export const OLDER_COPY = "older_copy";

/** The records that may tell what is at a place: after a crash it is not certain whether the newest copy came there. */
export function recordsOf({ home }: CopyPlace): CopyRecord[] {
  const records = [RECORD_FILE, NEXT_RECORD_FILE].map((name) => readRecord(join(home, name)));
  return records.filter((record) => record !== undefined);
}

/** How to put a copy in its place. */
export interface PutOptions {
  readonly manifest: Manifest;
  /** Looks once more, right before the older copy goes: it throws when there is something that may not go. */
  readonly check: () => Promise<void>;
  /**
   * Told in the very turn of the event loop in which the copy moves, for who reads from it must follow; and when something in it
   * changed last, in milliseconds.
   */
  readonly onPlaced?: (newestChangeMs: number) => void;
  /** Whether to wait for the disk; without it the copy may not outlast a power cut. */
  readonly sync: boolean;
  /** What somebody put into the older copy at the very last moment may go. */
  readonly mayLose?: boolean;
  /** Told what is kept that would have gone. */
  readonly onNote?: (text: string) => void;
}

/**
 * Gives a finished copy its final name, in place of an older one.
 *
 * @returns milliseconds spent on waiting for the disk
 * @throws {UserError} the disk failed, or something else is there now; what was at `result` is there still, and the copy at `part`
 */
export async function putInPlace(part: string, place: CopyPlace, options: PutOptions): Promise<number> {
  const { result, home } = place;
  const { manifest, check, onPlaced, sync } = options;
  const difference = await differentTree(part, manifest);
  if (difference !== undefined) {
    throw new UserError(`Cannot complete ${quote(part)}: ${difference} (start again to fetch it anew)`);
  }
  const records = recordsOf(place);
  const modes = await carryModes(part, { result, records, manifest });
  const startMs = performance.now();
  if (sync) {
    await syncTree(part, manifest);
  }
  const syncedMs = performance.now();
  const next = join(home, NEXT_RECORD_FILE);
  const newestChangeMs = await writeRecord(next, { root: part, modes });
  await waitForLaterTimestamp(newestChangeMs);
  const older = join(home, OLDER_COPY);
  await check(); // right before the swap: later changes are found in the older copy
  try {
    swap(part, { result, older });
  } catch (error) {
    throw diskError(`Cannot rename ${quote(part)} to ${quote(result)}`, error);
  }
  onPlaced?.(newestChangeMs);
  const placedMs = performance.now();
  if (manifest.kind === "file") {
    await waitForLaterTimestamp(Date.now()); // the rename itself changed its timestamp
  }
  if (sync) {
    await syncName(result);
  }
  const endMs = performance.now();
  renameOrThrow(next, join(home, RECORD_FILE));
  await removeOlderCopy(older, { ...options, result, records });
  return syncedMs - startMs + endMs - placedMs;
}

/** Removes the older copy, unless somebody changed it during the exchange: then it is kept beside the new one. */
async function removeOlderCopy(
  older: string,
  {
    result,
    records,
    mayLose = false,
    onNote,
  }: PutOptions & { readonly result: string; readonly records: readonly CopyRecord[] },
): Promise<void> {
  if (mayLose || (await findForeign(older, records)).count === 0) {
    await remove(older);
    return;
  }
  const kept = `${result}.changed-${Date.now()}`;
  renameOrThrow(older, kept);
  onNote?.(`Somebody changed the older copy at ${quote(result)} in the last moment: it is kept as ${quote(kept)}`);
}

/**
 * Completes the exchange of a run that was killed in it: the older copy is put back if no other one is in place, and is removed if
 * the new one is.
 *
 * @throws {UserError} an older copy is left over, but something else is in its place
 */
export async function recoverPlace(place: CopyPlace): Promise<void> {
  const { result, home } = place;
  const older = join(home, OLDER_COPY);
  const next = join(home, NEXT_RECORD_FILE);
  if (statusOf(older) !== undefined) {
    if (statusOf(result) === undefined) {
      renameOrThrow(older, result);
    } else if ((await findForeign(result, recordsOf(place))).count === 0) {
      await remove(older);
    } else {
      throw new UserError(
        `Cannot use ${quote(result)}: a run that was killed left the older copy in ${quote(older)}, and something else is there now (move one of them away)`,
      );
    }
  }
  const record = readRecord(next);
  if (record !== undefined && statusOf(result) !== undefined && (await findForeign(result, [record])).count === 0) {
    renameOrThrow(next, join(home, RECORD_FILE));
  } else {
    await remove(next);
  }
}

/** Waits until every later change gets a timestamp after `ms`: an edit of the copy is recognised by its timestamp. */
async function waitForLaterTimestamp(ms: number): Promise<void> {
  while (Date.now() < ms + TIMESTAMP_STEP_MS) {
    await Bun.sleep(1);
  }
}

/** Puts `part` under the name `result`; what was there is at `older` then, unless a file took the place of a file. */
function swap(part: string, { result, older }: { readonly result: string; readonly older: string }): void {
  const there = statusOf(result);
  if (there === undefined) {
    if (!renameIfFree(part, result)) {
      moveToFree(part, result);
    }
    return;
  }
  if (exchange(part, result)) {
    renameSync(part, older);
    return;
  }
  if (there.isFile() && statusOf(part)?.isFile() === true) {
    renameSync(part, result); // in one step, and there is no moment without a copy
    return;
  }
  renameSync(result, older);
  try {
    renameSync(part, result);
  } catch (error) {
    restoreOlderCopy(older, { result, cause: error });
  }
}

/** Renames on systems that have no rename without replacing. */
function moveToFree(part: string, result: string): void {
  if (statusOf(result) !== undefined) {
    throw new UserError(
      `Cannot use ${quote(result)}: somebody has just put something there (look at it, and start again)`,
    );
  }
  renameSync(part, result);
}

function restoreOlderCopy(older: string, failed: { readonly result: string; readonly cause: unknown }): never {
  const { result, cause } = failed;
  try {
    renameSync(older, result);
  } catch (error) {
    const failure = `Cannot put the older copy back to ${quote(result)}; it is in ${quote(older)}`;
    throw diskError(failure, error);
  }
  throw cause;
}

/**
 * Carries permissions that somebody restricted in the older copy over to the new one. A mode that MiniBit set itself is not carried
 * over.
 *
 * @returns by path, the mode MiniBit would have set wherever it carries over another one
 */
async function carryModes(
  part: string,
  options: { readonly result: string; readonly records: readonly CopyRecord[]; readonly manifest: Manifest },
): Promise<ReadonlyMap<string, number>> {
  const { result, records, manifest } = options;
  const own = new Map<string, number>();
  const yieldTurn = createTurnYielder();
  for (const path of [...foldersOf(manifest), ...manifest.files.map((file) => file.path)]) {
    const shared = manifest.kind === "file" || path === "" ? "" : `/${path}`;
    const [then, now] = [statusOf(result + shared), statusOf(part + shared)];
    const isKept = then !== undefined && then.isDirectory() === now?.isDirectory() && !then.isSymbolicLink();
    const mode = (then?.mode ?? 0) & PERMISSIONS;
    if (isKept && !records.some((record) => record.get(shared.slice(1))?.mode === mode)) {
      // a folder that somebody made for the copy keeps all of its mode
      const ours = (now?.mode ?? 0) & PERMISSIONS;
      own.set(shared.slice(1), ours);
      setMode(part + shared, path === "" ? mode : ours & (mode | 0o700));
    }
    await yieldTurn();
  }
  return own;
}

function setMode(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    if (!NO_MODES.has(errorCode(error) ?? "")) {
      throw diskError(`Cannot give ${quote(path)} the mode of the older copy`, error);
    }
  }
}

function renameOrThrow(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    throw diskError(`Cannot rename ${quote(from)} to ${quote(to)}`, error);
  }
}
