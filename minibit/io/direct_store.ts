import { renameSync } from "node:fs";
import type { Bitfield } from "../core/bitfield.ts";
import { assert, UserError } from "../core/errors.ts";
import type { Geometry } from "../core/geometry.ts";
import { geometryOf, type Manifest } from "../core/manifest.ts";
import { quote } from "../core/quote.ts";
import { takeFromBasis } from "./basis.ts";
import { checkBlockFiles, removeBlockFile } from "./block_files.ts";
import type { BlockStore } from "./block_store.ts";
import { differentTree } from "./compare_tree.ts";
import { diskError } from "./disk_error.ts";
import { FileTree } from "./file_tree.ts";
import { blockPath, claimPeerFolder, type PeerFolderOptions, resultPath } from "./peer_folder.ts";
import { completeTree, findBlocks, partPath, putInPlace, remove, statusOf } from "./result.ts";
import { checkTarget } from "./target.ts";
import { WriteOrder } from "./write_order.ts";

/** The copy that a store works on: where it lies, and which of its blocks are right. */
interface Copy {
  readonly root: string;
  readonly held: Bitfield;
}

/** How to open a direct store. */
export interface DirectStoreOptions extends PeerFolderOptions {
  /** Older copies of the share: their unchanged blocks are taken over. What lies at `to` is one of itself. */
  readonly bases?: readonly string[] | undefined;
  /** Something else than an older copy may be replaced at `to`. */
  readonly replace?: boolean | undefined;
  /** What was fetched is removed when the peer ends half-way: errors do not promise that it is kept. */
  readonly isTransient?: boolean | undefined;
}

/** What a store is made of. */
interface Parts extends Copy {
  readonly manifest: Manifest;
  readonly folder: string;
  readonly result: string;
  readonly tree: FileTree;
  readonly isTransient: boolean;
}

/**
 * Keeps each block at its place in the result to be: one write a byte, no second copy. The result is called `.part`
 * until all blocks are there. For big shares.
 */
export class DirectStore implements BlockStore {
  readonly found: Bitfield;
  readonly #parts: Parts;
  readonly #geometry: Geometry;
  readonly #order = new WriteOrder();
  /** Where the copy lies now. */
  #root: string;
  #finishing: Promise<string> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#root = parts.root;
    this.#geometry = geometryOf(parts.manifest);
    this.found = parts.held.clone();
  }

  /**
   * Opens the store of a peer, re-hashes what earlier runs left, and takes the blocks it was dealt, or finds in older copies.
   *
   * @throws {UserError} another share is there, or the folder may not be written to
   */
  static async open(options: DirectStoreOptions): Promise<DirectStore> {
    const { manifest, dir, to, bases = [], replace = false, isTransient = false } = options;
    if (to !== undefined) {
      checkTarget(to, { manifest, replace });
    }
    const folder = await claimPeerFolder(options);
    const ownResult = resultPath(dir, options);
    const result = to ?? ownResult;
    const copy =
      to === undefined
        ? await findCopy(result, manifest)
        : await findCopyAt(to, { part: partPath(ownResult), manifest });
    const tree = new FileTree(manifest, { root: copy.root, writable: copy.root !== result });
    const parts = { ...copy, manifest, folder, result, tree, isTransient };
    await takeBlockFiles(parts);
    for (const basis of to === undefined ? bases : [to, ...bases]) {
      await takeFromBasis(basis, { ...parts, take: (block, bytes) => keepBlock(parts, block, bytes) });
    }
    return new DirectStore(parts);
  }

  write(block: number, offset: number, bytes: Uint8Array): Promise<void> | undefined {
    assert(
      this.#geometry.contains(block, offset, bytes.length),
      () => `${bytes.length} bytes at ${offset} of block ${block}`,
    );
    return this.#order.add(block, { offset, bytes }, (part) =>
      this.#parts.tree.write(this.#geometry.offsetOf(block) + offset, part)?.catch((error) => {
        throw writeError(this.#parts, block, error);
      }),
    );
  }

  async commit(block: number): Promise<void> {
    await this.#order.finish(block);
    this.#parts.held.add(block);
  }

  /** What was written stays, to be written over. */
  discard(block: number): Promise<void> {
    return this.#order.abandon(block, () => undefined);
  }

  readInto(block: number, offset: number, into: Uint8Array): void {
    const { tree, held } = this.#parts;
    assert(held.has(block), () => `block ${block} is held`);
    const doing = `Cannot read block ${block} of ${quote(this.#root)}`;
    try {
      if (!tree.read(this.#geometry.offsetOf(block) + offset, into)) {
        throw new UserError(`${doing}: a file was cut by somebody else (start again to fetch it anew)`);
      }
    } catch (error) {
      throw diskError(doing, error);
    }
  }

  finish(): Promise<string> {
    this.#finishing ??= this.#makeResult();
    return this.#finishing;
  }

  async close(): Promise<void> {
    await this.#order.idle();
    this.#parts.tree.close();
  }

  async #makeResult(): Promise<string> {
    const { root, result, folder, held, manifest, tree } = this.#parts;
    assert(held.complete, "all blocks are committed");
    await completeTree(root, manifest);
    const onPlaced = (): void => {
      tree.finished(result);
      this.#root = result;
    };
    if (root === result) {
      onPlaced();
    } else {
      await putInPlace(root, { result, attic: folder, onPlaced });
    }
    return result;
  }
}

/**
 * Finds the copy to go on with: a finished result if all of it is right, else a `.part`. A damaged result becomes the
 * `.part` again. What holds no right block is not of this share: such a `.part` is removed, such a result stays until a
 * new one takes its place.
 */
async function findCopy(result: string, manifest: Manifest): Promise<Copy> {
  const part = partPath(result);
  const inPart = await findBlocks(part, manifest);
  const inResult = inPart.complete ? undefined : await findBlocks(result, manifest);
  if (inResult?.complete === true) {
    await remove(part);
    return { root: result, held: inResult };
  }
  if (inPart.count > 0) {
    return { root: part, held: inPart };
  }
  await remove(part);
  if (inResult === undefined || inResult.count === 0) {
    return { root: part, held: inPart };
  }
  try {
    renameSync(result, part);
  } catch (error) {
    throw diskError(`Cannot rename ${quote(result)} to mend it`, error);
  }
  return { root: part, held: inResult };
}

/**
 * Finds the copy to go on with, where the result goes to a place of the user's: what is there is taken for the result
 * if all of it is right, and stays as it is otherwise.
 */
async function findCopyAt(to: string, options: { readonly part: string; readonly manifest: Manifest }): Promise<Copy> {
  const { part, manifest } = options;
  if (statusOf(to) !== undefined && (await differentTree(to, manifest)) === undefined) {
    const held = await findBlocks(to, manifest);
    if (held.complete) {
      await remove(part);
      return { root: to, held };
    }
  }
  return { root: part, held: await findBlocks(part, manifest) };
}

/** Puts the blocks that lie in files of their own at their places. */
async function takeBlockFiles(parts: Parts): Promise<void> {
  const { folder } = parts;
  await checkBlockFiles(parts, async (block, bytes) => {
    if (!parts.held.has(block)) {
      await keepBlock(parts, block, bytes);
    }
    removeBlockFile(blockPath(folder, block));
  });
}

/** Writes a verified block to its place. */
async function keepBlock(parts: Parts, block: number, bytes: Uint8Array): Promise<void> {
  const { manifest, tree, held } = parts;
  try {
    await tree.write(geometryOf(manifest).offsetOf(block), bytes);
  } catch (error) {
    throw writeError(parts, block, error);
  }
  held.add(block);
}

function writeError({ root, held, isTransient }: Parts, block: number, error: unknown): Error {
  return diskError(`Cannot write block ${block} to ${quote(root)}`, error, isTransient ? undefined : held.count);
}
