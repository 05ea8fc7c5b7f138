import { closeSync, fstatSync, openSync, type Stats } from "node:fs";
import { UserError } from "../../core/base/errors.ts";
import { formatCount } from "../../core/base/formats.ts";
import { MAX_BLOCK_BYTES, MAX_BLOCKS, MIN_BLOCK_BYTES } from "../../core/base/limits.ts";
import { quote } from "../../core/base/quote.ts";
import { defaultBlockSize, Geometry } from "../../core/share/geometry.ts";
import { HASH_BYTES, type Manifest } from "../../core/share/manifest.ts";
import { diskError } from "../os/disk_error.ts";
import { FileStreamer, READ_FLAGS } from "../os/file_io.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { BlockHasher } from "./block_hasher.ts";
import { filePath, type Share, type ShareFile } from "./share.ts";

/** How to hash a share. */
export interface HashShareOptions {
  /** By default from the share's size, see `defaultBlockSize`. */
  readonly blockSizeBytes?: number | undefined;
  /** Told after each piece how many bytes are hashed. */
  readonly onProgress?: (doneBytes: number) => void;
}

/**
 * Reads a share once and makes its manifest. Memory is bounded, and other work gets its turns.
 *
 * @throws {UserError} a file that vanished or changed since the scan or while it was read; a block size out of bounds
 */
export async function hashShare(share: Share, options: HashShareOptions = {}): Promise<Manifest> {
  const { name, kind, files, emptyFolders, sizeBytes } = share;
  const geometry = new Geometry(sizeBytes, checkBlockSize(share, options.blockSizeBytes));
  const hashes = new Uint8Array(geometry.blockCount * HASH_BYTES);
  const hasher = new BlockHasher(geometry, (block, digest) => {
    if (digest !== undefined) {
      hashes.set(digest, block * HASH_BYTES);
    }
  });
  const streamer = new FileStreamer();
  const yieldTurn = createTurnYielder();
  let doneBytes = 0;
  for (const file of files) {
    await hashFile(filePath(share.source, kind, file.path), file, {
      streamer,
      use(bytes) {
        hasher.update(bytes);
        doneBytes += bytes.length;
        options.onProgress?.(doneBytes);
      },
    });
    await yieldTurn();
  }
  return {
    name,
    kind,
    blockSizeBytes: geometry.blockSizeBytes,
    sizeBytes,
    blockCount: geometry.blockCount,
    files: files.map(({ path, sizeBytes, executable }) => ({ path, sizeBytes, executable })),
    emptyFolders,
    hashes,
  };
}

/** Whether an open file is not the one that was scanned any more, or still is but changed. */
export function hasChanged(status: Stats, file: ShareFile): boolean {
  return status.size !== file.sizeBytes || status.mtimeMs !== file.modifiedMs;
}

async function hashFile(
  path: string,
  file: ShareFile,
  reading: { streamer: FileStreamer; use: (bytes: Uint8Array) => void },
): Promise<void> {
  let fd: number | undefined;
  try {
    fd = openSync(path, READ_FLAGS);
    const before = fstatSync(fd);
    const read = hasChanged(before, file) ? -1 : await reading.streamer.read(fd, file.sizeBytes, reading.use);
    if (read !== file.sizeBytes || hasChanged(fstatSync(fd), file)) {
      throw new UserError(`Cannot share ${quote(path)}: it changed while it was read (start again when it is at rest)`);
    }
  } catch (error) {
    throw diskError(`Cannot share ${quote(path)}`, error);
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
    }
  }
}

function checkBlockSize(share: Share, asked: number | undefined): number {
  const blockSizeBytes = asked ?? defaultBlockSize(share.sizeBytes);
  const refuse = (reason: string): never => {
    throw new UserError(
      `Cannot cut ${quote(share.source)} into blocks of ${formatCount(blockSizeBytes, "byte")}: ${reason}`,
    );
  };
  if (!Number.isInteger(blockSizeBytes) || blockSizeBytes < MIN_BLOCK_BYTES || blockSizeBytes > MAX_BLOCK_BYTES) {
    refuse(`a block has ${MIN_BLOCK_BYTES} to ${MAX_BLOCK_BYTES} bytes (use another --block-size)`);
  }
  if (share.sizeBytes / blockSizeBytes > MAX_BLOCKS) {
    refuse(`that makes more than ${MAX_BLOCKS} blocks (use a larger --block-size)`);
  }
  return blockSizeBytes;
}
