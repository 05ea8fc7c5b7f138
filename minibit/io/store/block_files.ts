import { closeSync, openSync, rmSync } from "node:fs";
import { quote } from "../../core/base/quote.ts";
import { blockHash, geometryOf, type Manifest } from "../../core/share/manifest.ts";
import { diskError } from "../os/disk_error.ts";
import { READ_FLAGS, readAt } from "../os/file_io.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { sameDigest, sha256 } from "./block_hasher.ts";
import { blockPath, listBlocks } from "./peer_folder.ts";
import { statusOf } from "./result.ts";

/**
 * Checks the `block_<i>` files of a folder, which an earlier run kept or `dist_block.ts` dealt: intact ones are passed on, the
 * others deleted.
 *
 * @param onRight gets a block whose hash is right; the bytes are valid until its promise settles
 * @throws {UserError} a file may not be read or deleted
 */
export async function checkBlockFiles(
  options: { readonly folder: string; readonly manifest: Manifest },
  onRight: (block: number, bytes: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const { folder, manifest } = options;
  const yieldTurn = createTurnYielder();
  const buffer = blockBuffer(manifest);
  for (const block of listBlocks(folder)) {
    const bytes = readBlockFile(block, { ...options, buffer });
    if (bytes === undefined) {
      removeBlockFile(blockPath(folder, block));
    } else {
      await onRight(block, bytes);
    }
    await yieldTurn();
  }
}

/**
 * Reads a block's file into `buffer`, see `blockBuffer`.
 *
 * @returns the block's bytes, a part of `buffer`; undefined when there is no file, or its hash is wrong
 * @throws {UserError} the file may not be read
 */
export function readBlockFile(
  block: number,
  from: { readonly folder: string; readonly manifest: Manifest; readonly buffer: Uint8Array },
): Uint8Array | undefined {
  const { folder, manifest, buffer } = from;
  const geometry = geometryOf(manifest);
  const path = blockPath(folder, block);
  const status = statusOf(path);
  if (!geometry.holds(block) || status?.isFile() !== true || status.size !== geometry.lengthOf(block)) {
    return undefined;
  }
  const bytes = buffer.subarray(0, status.size);
  try {
    const fd = openSync(path, READ_FLAGS);
    try {
      readAt(fd, bytes, 0);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw diskError(`Cannot read ${quote(path)}`, error);
  }
  return isRight(manifest, block, bytes) ? bytes : undefined;
}

/** Whether a block's file is there, can be read, and is right. */
export function hasBlockFile(block: number, from: Parameters<typeof readBlockFile>[1]): boolean {
  try {
    return readBlockFile(block, from) !== undefined;
  } catch {
    return false;
  }
}

/** Whether these are the bytes of a block. */
export function isRight(manifest: Manifest, block: number, bytes: Uint8Array): boolean {
  return sameDigest(sha256(bytes), blockHash(manifest, block));
}

/** A buffer for any block of a share. */
export function blockBuffer(manifest: Manifest): Uint8Array {
  return new Uint8Array(Math.min(manifest.blockSizeBytes, manifest.sizeBytes));
}

/** Deletes a block file. */
export function removeBlockFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw diskError(`Cannot remove ${quote(path)}`, error);
  }
}
