import { accessSync, constants, lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import { comparePaths, findPathFault } from "../../core/share/share_paths.ts";
import { diskError } from "../os/disk_error.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { sha256 } from "./block_hasher.ts";

/** A file of a share, as it was when the source was scanned. */
export interface ShareFile {
  /** Inside the share, with `/` between the segments. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly executable: boolean;
  readonly modifiedMs: number;
}

/** A source that may be shared: what is there, before anything is hashed. Paths are in `comparePaths` order. */
export interface Share {
  /** Absolute path of the file or folder. */
  readonly source: string;
  readonly name: string;
  readonly kind: "file" | "folder";
  readonly files: readonly ShareFile[];
  readonly emptyFolders: readonly string[];
  readonly sizeBytes: number;
}

/**
 * Looks at a source and refuses, by name, what cannot be shared faithfully: a symbolic link, socket, FIFO or device,
 * what may not be read, names that are no UTF-8 or would meet on other systems.
 *
 * The same content gives the same share on every machine.
 *
 * @param options.dir where peers keep blocks and results; the source must not hold it
 * @throws {UserError} naming what is refused
 */
export async function scanShare(source: string, options: { readonly dir?: string } = {}): Promise<Share> {
  const root = resolve(source);
  if (source === "") {
    throw new UserError("Cannot share '': there is no name (see --source)");
  }
  if (options.dir !== undefined && isInside(resolve(options.dir), root)) {
    throw new UserError(`Cannot share ${quote(source)}: blocks and results are kept in it (use another --dir)`);
  }
  const status = readStatus(root, source);
  const name = basename(root) || "share";
  const { files, emptyFolders } = status.isDirectory()
    ? await scanFolder(root, source)
    : { files: [scanFile(root, { path: name, status, shown: source })], emptyFolders: [] };
  files.sort((a, b) => comparePaths(a.path, b.path));
  emptyFolders.sort(comparePaths);

  const fault = findPathFault({ files, emptyFolders }, process.platform);
  if (fault !== undefined) {
    throw new UserError(`Cannot share ${quote(source)}: ${fault} (rename it)`);
  }
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return { source: root, name, kind: status.isDirectory() ? "folder" : "file", files, emptyFolders, sizeBytes };
}

/** The name of the swarm that shares what this manifest describes: the SHA-256 of its exact bytes. */
export function swarmIdOf(manifestBytes: Uint8Array): Uint8Array {
  return sha256(manifestBytes);
}

/** Where a file of a share, or of a copy of it, lies when the share's own file or folder is `root`. */
export function filePath(root: string, kind: Share["kind"], path: string): string {
  return kind === "file" ? root : `${root}/${path}`;
}

async function scanFolder(root: string, shownRoot: string): Promise<{ files: ShareFile[]; emptyFolders: string[] }> {
  const files: ShareFile[] = [];
  const emptyFolders: string[] = [];
  const yieldTurn = createTurnYielder();
  const pending = [""];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const names = readNames(join(root, folder), join(shownRoot, folder));
    if (names.length === 0 && folder !== "") {
      emptyFolders.push(folder);
    }
    for (const name of names) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const shown = join(shownRoot, path);
      const status = readStatus(join(root, path), shown);
      if (status.isDirectory()) {
        pending.push(path);
      } else {
        files.push(scanFile(join(root, path), { path, status, shown }));
      }
      await yieldTurn();
    }
  }
  return { files, emptyFolders };
}

function scanFile(absolute: string, found: { path: string; status: Stats; shown: string }): ShareFile {
  const { path, status, shown } = found;
  if (status.isSymbolicLink()) {
    const target = quote(readlinkSync(absolute));
    throw new UserError(`Cannot share ${quote(shown)}: it is a symbolic link to ${target} (put a copy in its place)`);
  }
  if (!status.isFile()) {
    throw new UserError(`Cannot share ${quote(shown)}: it is a ${specialKind(status)} (take it out of the source)`);
  }
  attempt(shown, () => accessSync(absolute, constants.R_OK));
  return {
    path,
    sizeBytes: status.size,
    executable: isExecutable(status.mode),
    modifiedMs: status.mtimeMs,
  };
}

/** Whether the owner may run a file of this mode. */
export function isExecutable(mode: number): boolean {
  return (mode & constants.S_IXUSR) !== 0;
}

function specialKind(status: Stats): string {
  if (status.isSocket()) {
    return "socket";
  }
  return status.isFIFO() ? "FIFO" : "device";
}

/** The names in a folder, all of them valid UTF-8. */
function readNames(absolute: string, shown: string): string[] {
  const names = attempt(shown, () => readdirSync(absolute));
  // A name that is no UTF-8 reads with U+FFFD in it; only then the bytes are worth a second look.
  if (names.some((name) => name.includes("\ufffd"))) {
    for (const bytes of attempt(shown, () => readdirSync(absolute, { encoding: "buffer" }))) {
      if (!bytes.equals(Buffer.from(bytes.toString()))) {
        const name = quote(join(shown, bytes.toString("latin1")));
        throw new UserError(`Cannot share ${name}: its name is not valid UTF-8 (rename it)`);
      }
    }
  }
  return names;
}

function readStatus(absolute: string, shown: string): Stats {
  return attempt(shown, () => lstatSync(absolute));
}

function attempt<T>(shown: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw diskError(`Cannot share ${quote(shown)}`, error);
  }
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && resolve(way) !== way;
}
