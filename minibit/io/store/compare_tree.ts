import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { quote } from "../../core/base/quote.ts";
import type { Manifest, ManifestFile } from "../../core/share/manifest.ts";
import { diskError } from "../os/disk_error.ts";
import { keepsModes } from "../os/modes.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { remove, statusOf } from "./result.ts";
import { filePath, isExecutable } from "./share.ts";

/**
 * Looks for something in a copy that is missing, of another kind, size or mode than in the share, or that should not be
 * there. Contents are not read; modes do not count on a disk that keeps none.
 *
 * @returns the first difference, in words; undefined when there is none
 * @throws {UserError} something may not be looked at
 */
export async function differentTree(root: string, manifest: Manifest): Promise<string | undefined> {
  const yieldTurn = createTurnYielder();
  let modesKept: boolean | undefined;
  for (const file of manifest.files) {
    const difference = differentFile(filePath(root, manifest.kind, file.path), file, () => {
      modesKept ??= keepsModes(dirname(root)); // tried out where a mode differs only
      return modesKept;
    });
    if (difference !== undefined) {
      return `${quote(file.path)} ${difference}`;
    }
    await yieldTurn();
  }
  const names = namesOf(manifest);
  for (const folder of names.folders) {
    if (statusOf(join(root, folder))?.isDirectory() !== true) {
      return `the folder ${quote(folder || ".")} is missing`;
    }
    const [extra] = extraEntries(root, { folder, names });
    if (extra !== undefined) {
      return `${quote(extra)} is not in the share`;
    }
    await yieldTurn();
  }
  return undefined;
}

/** The paths of all files and folders of a share. */
interface ShareNames {
  readonly files: ReadonlySet<string>;
  readonly folders: ReadonlySet<string>;
}

function namesOf(manifest: Manifest): ShareNames {
  return { files: new Set(manifest.files.map((file) => file.path)), folders: foldersOf(manifest) };
}

/** The paths in a folder of a copy that are not in the share. */
function extraEntries(
  root: string,
  { folder, names }: { readonly folder: string; readonly names: ShareNames },
): string[] {
  return namesIn(join(root, folder))
    .map((name) => (folder === "" ? name : `${folder}/${name}`))
    .filter((path) => !names.files.has(path) && !names.folders.has(path));
}

/** All folders of a share, its own as the empty path; none for a share of one file. */
export function foldersOf({ kind, files, emptyFolders }: Manifest): Set<string> {
  const folders = new Set(emptyFolders);
  for (const path of [...files.map((file) => file.path), ...emptyFolders]) {
    let end = path.lastIndexOf("/");
    while (end > 0 && !folders.has(path.slice(0, end))) {
      folders.add(path.slice(0, end));
      end = path.lastIndexOf("/", end - 1);
    }
  }
  return kind === "folder" ? folders.add("") : folders;
}

/**
 * Removes from an unfinished copy what is not in the share, such as files of an earlier version that an interrupted run fetched.
 *
 * @throws {UserError} an entry cannot be removed
 */
export async function removeExtraEntries(part: string, manifest: Manifest): Promise<void> {
  const names = namesOf(manifest);
  for (const folder of names.folders) {
    const path = join(part, folder);
    const status = statusOf(path);
    if (status?.isDirectory() === true) {
      await Promise.all(extraEntries(part, { folder, names }).map((extra) => remove(join(part, extra))));
    } else if (status !== undefined) {
      await remove(path); // a file where the share has a folder
    }
  }
}

/** The names in a folder. @throws {UserError} it may not be read */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw diskError(`Cannot look into ${quote(folder)}`, error);
  }
}

function differentFile(path: string, file: ManifestFile, modesKept: () => boolean): string | undefined {
  const status = statusOf(path);
  if (status === undefined) {
    return "is missing";
  }
  if (!status.isFile()) {
    return "is not a file";
  }
  if (status.size !== file.sizeBytes) {
    return `has ${status.size} bytes instead of ${file.sizeBytes}`;
  }
  if (isExecutable(status.mode) !== file.executable && modesKept()) {
    return file.executable ? "is not executable" : "is executable";
  }
  return undefined;
}
