/** Makes a copy outlast a power cut: what a program wrote is in memory only until the disk is told to keep it. */
import { closeSync, fsync, fsyncSync, openSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { quote } from "../../core/base/quote.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { diskError, errorCode } from "../os/disk_error.ts";
import { READ_FLAGS } from "../os/file_io.ts";
import { foldersOf } from "./compare_tree.ts";
import { filePath } from "./share.ts";

/** A copy of so few files is waited for at once: a quick disk has them sooner than a thread is made that waits. */
const FEW_FILES = 8;
/** ... unless it is a large one, for which the event loop would stand still. */
const LITTLE_BYTES = 4 * 1024 * 1024;
/** So many files are waited for at a time: a disk's journal takes them in one go. */
const AT_ONCE = 16;
/** What a disk says that cannot do this for folders: some network and user-space file systems. */
const NOT_FOR_FOLDERS: ReadonlySet<string> = new Set([
  "EINVAL",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EBADF",
  "EISDIR",
  "EPERM",
  "EACCES",
]);

/**
 * Waits until the disk holds all of a copy: its files first, then the folders that name them, the deepest first.
 *
 * @throws {UserError} the disk could not keep a file
 */
export async function syncTree(root: string, manifest: Manifest): Promise<void> {
  const { files, kind, sizeBytes } = manifest;
  const isSmall = files.length <= FEW_FILES && sizeBytes <= LITTLE_BYTES;
  let next = 0;
  const inTurn = async (): Promise<void> => {
    for (let file = files[next++]; file !== undefined; file = files[next++]) {
      await syncFile(filePath(root, kind, file.path), { isSmall });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
  for (const folder of [...foldersOf(manifest)].sort().reverse()) {
    await syncFolder(folder === "" ? root : `${root}/${folder}`, { isSmall });
  }
}

/** Whether the copy is so small that a thread of its own would cost more than the wait. */
interface SyncOptions {
  readonly isSmall: boolean;
}

/** Waits until the disk holds what a file has in it. @throws {UserError} it could not */
async function syncFile(path: string, options: SyncOptions): Promise<void> {
  try {
    await syncAt(path, options);
  } catch (error) {
    throw diskError(`Cannot keep ${quote(path)} on the disk`, error);
  }
}

/** Waits until the disk holds the names in a folder, where it can. @throws {UserError} it failed */
async function syncFolder(path: string, options: SyncOptions): Promise<void> {
  try {
    await syncAt(path, options);
  } catch (error) {
    if (!NOT_FOR_FOLDERS.has(errorCode(error) ?? "")) {
      throw diskError(`Cannot keep the names in ${quote(path)} on the disk`, error);
    }
  }
}

/** Waits until a rename to or from a path holds. @throws {UserError} the disk failed */
export async function syncName(path: string): Promise<void> {
  let folder = dirname(path);
  try {
    folder = realpathSync(folder); // the way to the user's place may lead over links
  } catch (error) {
    throw diskError(`Cannot look at ${quote(folder)}`, error);
  }
  await syncFolder(folder, { isSmall: true });
}

async function syncAt(path: string, { isSmall }: SyncOptions): Promise<void> {
  const fd = openSync(path, READ_FLAGS);
  try {
    if (isSmall) {
      fsyncSync(fd);
      return;
    }
    await new Promise<void>((resolve, reject) => fsync(fd, (error) => (error ? reject(error) : resolve())));
  } finally {
    closeSync(fd);
  }
}
