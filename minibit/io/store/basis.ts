import { quote } from "../../core/base/quote.ts";
import type { Bitfield } from "../../core/share/bitfield.ts";
import { geometryOf, type Manifest } from "../../core/share/manifest.ts";
import { diskError, errorCode } from "../os/disk_error.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { blockBuffer, isRight } from "./block_files.ts";
import { FileTree } from "./file_tree.ts";
import { ABSENT } from "./result.ts";

/**
 * Takes the unchanged blocks from an older copy of a share (rsync's basis), so that only the others are fetched.
 *
 * Blocks are looked for where the share has them: in the file of the same name, at the same place. An added or removed
 * file costs only its own blocks; an insertion costs the rest of its file.
 *
 * @param root the older copy's file or folder; missing or shorter files are skipped
 * @param options.held blocks that are held already
 * @param options.take gets each block that is right; the bytes are valid until its promise settles
 * @throws {UserError} the older copy may not be read
 */
export async function takeFromBasis(
  root: string,
  options: {
    readonly manifest: Manifest;
    readonly held: Bitfield;
    readonly take: (block: number, bytes: Uint8Array) => Promise<void>;
  },
): Promise<void> {
  const { manifest, held, take } = options;
  const geometry = geometryOf(manifest);
  const tree = new FileTree(manifest, { root, writable: false });
  const buffer = blockBuffer(manifest);
  const yieldTurn = createTurnYielder();
  try {
    for (let block = 0; block < manifest.blockCount; block++) {
      const bytes = buffer.subarray(0, geometry.lengthOf(block));
      if (!held.has(block) && isThere(tree, geometry.offsetOf(block), bytes) && isRight(manifest, block, bytes)) {
        await take(block, bytes);
      }
      await yieldTurn();
    }
  } catch (error) {
    throw diskError(`Cannot read the older copy ${quote(root)}`, error);
  } finally {
    tree.close();
  }
}

function isThere(tree: FileTree, offset: number, into: Uint8Array): boolean {
  try {
    return tree.read(offset, into);
  } catch (error) {
    if (ABSENT.has(errorCode(error) ?? "")) {
      return false;
    }
    throw error;
  }
}
