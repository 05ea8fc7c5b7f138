/** Block files cut from a whole: the seed's source, or a copy that an earlier run left. */

import { quote } from "../../core/base/quote.ts";
import type { Bitfield } from "../../core/share/bitfield.ts";
import { geometryOf, type Manifest } from "../../core/share/manifest.ts";
import { diskError } from "../os/disk_error.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { blockBuffer } from "./block_files.ts";
import { FileTree } from "./file_tree.ts";
import { blockPath, writeWhole } from "./peer_folder.ts";
import type { Placement } from "./placement.ts";
import { findBlocks } from "./result.ts";

/** What a folder store works on. */
export interface FolderParts {
  readonly manifest: Manifest;
  readonly folder: string;
  readonly placement: Placement;
  /** Blocks whose files are whole and right. */
  readonly held: Bitfield;
}

/**
 * Writes the missing block files from the intact blocks of a copy of the share.
 *
 * @returns whether all blocks of the copy are intact
 * @throws {UserError} the copy cannot be read
 */
export async function cutCopy(parts: FolderParts, root: string): Promise<boolean> {
  const { manifest } = parts;
  const geometry = geometryOf(manifest);
  const inCopy = await findBlocks(root, manifest);
  const tree = new FileTree(manifest, { root, writable: false });
  try {
    await cutBlocks(parts, (block, into) => inCopy.has(block) && tree.read(geometry.offsetOf(block), into));
  } catch (error) {
    throw diskError(`Cannot read ${quote(root)}`, error);
  } finally {
    tree.close();
  }
  return inCopy.complete;
}

/** Writes the missing block files from what `read` fills in; `read` returns whether it has the block. */
export async function cutBlocks(parts: FolderParts, read: (block: number, into: Uint8Array) => boolean): Promise<void> {
  const { manifest, folder, held } = parts;
  const geometry = geometryOf(manifest);
  const buffer = blockBuffer(manifest);
  const yieldTurn = createTurnYielder();
  for (let block = 0; block < manifest.blockCount; block++) {
    const bytes = buffer.subarray(0, geometry.lengthOf(block));
    if (!held.has(block) && read(block, bytes)) {
      writeWhole(blockPath(folder, block), bytes);
      held.add(block);
    }
    await yieldTurn();
  }
}
