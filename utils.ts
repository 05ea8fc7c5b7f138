/**
 * The utilities of the original: splitting a share into blocks, listing and counting them, joining them again, and
 * comparing a copy with what it should be.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "./minibit/core/errors.ts";
import { FileMap } from "./minibit/core/geometry.ts";
import { geometryOf, type Manifest, type ManifestFile } from "./minibit/core/manifest.ts";
import { quote } from "./minibit/core/quote.ts";
import { createBreather } from "./minibit/io/breather.ts";
import { FolderStore } from "./minibit/io/folder_store.ts";
import { openSeed } from "./minibit/io/open_store.ts";
import { listBlocks, peerFolder, readStoredManifest, type StoredManifest } from "./minibit/io/peer_folder.ts";
import { findBlocks, statusOf } from "./minibit/io/result.ts";
import { filePath, isExecutable } from "./minibit/io/share.ts";

export { readBlockCount, resultPath } from "./minibit/io/peer_folder.ts";

/** Which peer's folder, and where it lies. */
export interface PeerPlace {
  /** The folder with `blocos_peer_N` and `reconstruido_peer_N`. */
  readonly dir: string;
  readonly peerId: number;
}

/** How a copy compares with its manifest. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly firstDifference: string };

/**
 * Splits a file or folder into the block files of a peer, `block_count.txt` and `manifest.json` beside them.
 *
 * @param to.blockSizeBytes by default from the share's size
 * @throws {UserError} something in the source cannot be shared; another share is in the peer's folder
 */
export async function splitShare(
  source: string,
  to: PeerPlace & { readonly blockSizeBytes?: number },
): Promise<StoredManifest> {
  const { store, ...stored } = await openSeed(source, { ...to, store: "folder" });
  await store.close();
  return stored;
}

/** The blocks for which a peer's folder holds a file, rising; `block_count.txt` is none. */
export function heldBlocks({ dir, peerId }: PeerPlace): number[] {
  const folder = peerFolder(dir, peerId);
  return statusOf(folder)?.isDirectory() === true ? listBlocks(folder) : [];
}

/**
 * Joins a peer's block files to the share they were split from; every block's hash is checked.
 *
 * @returns the path of `reconstruido_peer_N`
 * @throws {UserError} blocks are missing or damaged
 */
export async function reconstruct(from: PeerPlace): Promise<string> {
  const folder = quote(peerFolder(from.dir, from.peerId));
  const stored = await readStoredManifest(from.dir, from.peerId);
  if (stored === undefined) {
    throw new UserError(`Cannot reconstruct from ${folder}: it has no manifest.json (split or fetch a share first)`);
  }
  const store = await FolderStore.open({ ...stored, ...from });
  try {
    const { count, size } = store.found;
    if (count < size) {
      throw new UserError(
        `Cannot reconstruct from ${folder}: ${size - count} of ${size} blocks are missing (fetch them)`,
      );
    }
    return await store.finish();
  } finally {
    await store.close();
  }
}

/**
 * Compares a copy with its manifest: the names that are there and no others, kinds, sizes, executable bits, and the hash
 * of every block.
 *
 * @throws {UserError} something in the copy may not be read
 */
export async function verifyResult(path: string, manifest: Manifest): Promise<Verdict> {
  const firstDifference = (await differentTree(path, manifest)) ?? (await differentBlock(path, manifest));
  return firstDifference === undefined ? { ok: true } : { ok: false, firstDifference };
}

/** Looks for something missing, of another kind, size or mode, or that should not be there. */
async function differentTree(root: string, manifest: Manifest): Promise<string | undefined> {
  const breathe = createBreather();
  for (const file of manifest.files) {
    const difference = differentFile(filePath(root, manifest.kind, file.path), file);
    if (difference !== undefined) {
      return `${quote(file.path)} ${difference}`;
    }
    await breathe();
  }
  const files = new Set(manifest.files.map((file) => file.path));
  const folders = foldersOf(manifest);
  for (const folder of folders) {
    if (statusOf(join(root, folder))?.isDirectory() !== true) {
      return `the folder ${quote(folder || ".")} is missing`;
    }
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (!files.has(path) && !folders.has(path)) {
        return `${quote(path)} is not in the share`;
      }
    }
    await breathe();
  }
  return undefined;
}

/** All folders of a share, its own as the empty path. */
function foldersOf({ kind, files, emptyFolders }: Manifest): Set<string> {
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

function differentFile(path: string, file: ManifestFile): string | undefined {
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
  if (isExecutable(status.mode) !== file.executable && process.platform !== "win32") {
    return file.executable ? "is not executable" : "is executable";
  }
  return undefined;
}

async function differentBlock(root: string, manifest: Manifest): Promise<string | undefined> {
  const found = await findBlocks(root, manifest);
  const geometry = geometryOf(manifest);
  for (let block = 0; block < manifest.blockCount; block++) {
    if (!found.has(block)) {
      const map = new FileMap(manifest.files.map((file) => file.sizeBytes));
      const names = map
        .slices(geometry.offsetOf(block), geometry.lengthOf(block))
        .map((slice) => quote(manifest.files[slice.file]?.path ?? ""));
      return `block ${block}, in ${names.slice(0, 3).join(", ")}${names.length > 3 ? " ..." : ""}, is wrong`;
    }
  }
  return undefined;
}
