/** The copy of a share that a peer makes: what of it is right, and how it gets its last touches and its final name. */
import { chmodSync, closeSync, lstatSync, mkdirSync, openSync, type Stats, truncateSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import { blockHash, geometryOf, type Manifest, type ManifestFile } from "../../core/share/manifest.ts";
import { diskError, errorCode, NO_MODES } from "../os/disk_error.ts";
import { FileStreamer, READ_FLAGS, WRITE_FLAGS } from "../os/file_io.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { BlockHasher, sameDigest } from "./block_hasher.ts";
import { filePath, isExecutable } from "./share.ts";

/**
 * Re-hashes a copy of a share.
 *
 * @param root the copy's file or folder; what is missing, too short or not a file counts as not there
 * @returns the blocks that are whole and right
 * @throws {UserError} what is there may not be read
 */
export async function findBlocks(root: string, manifest: Manifest): Promise<Bitfield> {
  const found = new Bitfield(manifest.blockCount);
  if (statusOf(root) === undefined) {
    return found;
  }
  const hasher = new BlockHasher(geometryOf(manifest), (block, digest) => {
    if (digest !== undefined && sameDigest(digest, blockHash(manifest, block))) {
      found.add(block);
    }
  });
  const streamer = new FileStreamer();
  const yieldTurn = createTurnYielder();
  for (const file of manifest.files) {
    const path = filePath(root, manifest.kind, file.path);
    const read = await readPresent(path, { file, streamer, use: (bytes) => hasher.update(bytes) });
    hasher.skip(file.sizeBytes - read);
    await yieldTurn();
  }
  return found;
}

/** How many bytes of a share are in blocks that are not held. */
export function missingBytes(manifest: Manifest, held: Bitfield): number {
  const geometry = geometryOf(manifest);
  let bytes = 0;
  for (let block = 0; block < manifest.blockCount; block++) {
    bytes += held.has(block) ? 0 : geometry.lengthOf(block);
  }
  return bytes;
}

/** Codes that mean: the file that should be here is not. */
export const ABSENT: ReadonlySet<string> = new Set([
  "ENOENT",
  "ENOTDIR",
  "ELOOP",
  "EISDIR",
  "ESPIPE",
  "ENXIO",
  "ENAMETOOLONG",
]);

async function readPresent(
  path: string,
  reading: { file: ManifestFile; streamer: FileStreamer; use: (bytes: Uint8Array) => void },
): Promise<number> {
  let fd: number | undefined;
  try {
    fd = openSync(path, READ_FLAGS);
    return await reading.streamer.read(fd, reading.file.sizeBytes, reading.use);
  } catch (error) {
    if (ABSENT.has(errorCode(error) ?? "")) {
      return 0;
    }
    throw diskError(`Cannot read ${quote(path)}`, error);
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
    }
  }
}

/**
 * Gives a copy whose blocks are all in place what no block holds: empty files and folders, exact lengths, executable
 * bits.
 *
 * @returns whether the disk kept all executable bits
 * @throws {UserError} a file is shorter than it was verified to be, or cannot be changed
 */
export async function completeTree(root: string, manifest: Manifest): Promise<boolean> {
  const yieldTurn = createTurnYielder();
  let allKept = true;
  try {
    if (manifest.kind === "folder") {
      mkdirSync(root, { recursive: true });
    }
    for (const file of manifest.files) {
      const isKept = completeFile(filePath(root, manifest.kind, file.path), file);
      allKept &&= isKept;
      await yieldTurn();
    }
    for (const folder of manifest.emptyFolders) {
      mkdirSync(join(root, folder), { recursive: true });
      await yieldTurn();
    }
    return allKept;
  } catch (error) {
    throw diskError(`Cannot complete ${quote(root)}`, error);
  }
}

/** Returns whether the file's executable bit is as it should be. */
function completeFile(path: string, file: ManifestFile): boolean {
  const status = statusOf(path) ?? (file.sizeBytes === 0 ? createEmpty(path) : undefined);
  if (status?.isFile() !== true || status.size < file.sizeBytes) {
    throw new UserError(`Cannot complete ${quote(path)}: somebody else changed it (start again to fetch it anew)`);
  }
  if (status.size > file.sizeBytes) {
    truncateSync(path, file.sizeBytes);
  }
  if (isExecutable(status.mode) === file.executable) {
    return true;
  }
  try {
    // may be run by whoever may read it
    chmodSync(path, file.executable ? status.mode | ((status.mode & 0o444) >> 2) : status.mode & ~0o111);
  } catch (error) {
    if (!NO_MODES.has(errorCode(error) ?? "")) {
      throw error;
    }
  }
  return isExecutable(lstatSync(path).mode) === file.executable;
}

function createEmpty(path: string): Stats {
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, WRITE_FLAGS));
  return lstatSync(path);
}

/** Removes a file or a whole folder, if it is there. @throws {UserError} something of it cannot be removed */
export async function remove(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    throw diskError(`Cannot remove ${quote(path)}`, error);
  }
}

/** What is at `path`, links not followed; undefined for nothing. */
export function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") {
      return undefined;
    }
    throw diskError(`Cannot look at ${quote(path)}`, error);
  }
}
