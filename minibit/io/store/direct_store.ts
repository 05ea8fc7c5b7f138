import { assert, UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import type { BlockHealth } from "../../core/link/peer_io.ts";
import type { Bitfield } from "../../core/share/bitfield.ts";
import type { Geometry } from "../../core/share/geometry.ts";
import { geometryOf, type Manifest } from "../../core/share/manifest.ts";
import { diskError } from "../os/disk_error.ts";
import { takeFromBasis } from "./basis.ts";
import { blockBuffer, checkBlockFiles, isRight, removeBlockFile } from "./block_files.ts";
import type { BlockStore } from "./block_store.ts";
import { FileTree } from "./file_tree.ts";
import { type Copy, findPart, findWhole } from "./find_copy.ts";
import { blockPath, claimPeerFolder, type PeerFolderOptions, partPath, resultPath } from "./peer_folder.ts";
import { Placement, type PlacementOptions } from "./placement.ts";
import { RecheckSet } from "./recheck_set.ts";
import { missingBytes } from "./result.ts";
import { WriteOrder } from "./write_order.ts";

/** How to open a direct store. */
export interface DirectStoreOptions extends PeerFolderOptions, PlacementOptions {
  /** Older copies of the share: their unchanged blocks are taken over. What lies at `to` is one of itself. */
  readonly bases?: readonly string[] | undefined;
  /** What was fetched is removed when the peer ends half-way: errors do not promise that it is kept. */
  readonly isTransient?: boolean | undefined;
}

/** What a store is made of. */
interface Parts extends Copy {
  readonly manifest: Manifest;
  readonly folder: string;
  readonly placement: Placement;
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
  readonly #toRecheck: RecheckSet;
  /** Where the copy lies now. */
  #root: string;
  #finishing: Promise<string> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#root = parts.root;
    this.#geometry = geometryOf(parts.manifest);
    this.#toRecheck = new RecheckSet(parts.manifest.blockCount);
    this.found = parts.held.clone();
  }

  /**
   * Opens the store of a peer, re-hashes what earlier runs left, and takes the blocks it was dealt, or finds in older copies.
   *
   * @throws {UserError} another share is there, or something that would be lost; the folder may not be written to; too little
   * room on the disk
   */
  static async open(options: DirectStoreOptions): Promise<DirectStore> {
    const { manifest, dir, to, bases = [], isTransient = false } = options;
    const folder = await claimPeerFolder(options);
    const placement = new Placement(options);
    await placement.recover();
    const part = partPath(resultPath(dir, options));
    const copy =
      (await findWhole(placement, { part, manifest })) ??
      (await findPart(placement, { part, manifest, repairs: to === undefined }));
    const isWhole = copy.root === placement.result;
    if (!isWhole) {
      placement.checkFreeSpace(missingBytes(manifest, copy.held));
    }
    const tree = new FileTree(manifest, { root: copy.root, writable: !isWhole });
    const parts = { ...copy, manifest, folder, placement, tree, isTransient };
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
    const failure = `Cannot read block ${block} of ${quote(this.#root)}`;
    try {
      if (!tree.read(this.#geometry.offsetOf(block) + offset, into)) {
        throw new UserError(`${failure}: a file was cut by somebody else (start again to fetch it anew)`);
      }
    } catch (error) {
      throw diskError(failure, error);
    }
  }

  needsRecheck(block: number, offset: number, length: number): boolean {
    if (this.#isAtRest) {
      this.#markChanged(this.#geometry.offsetOf(block) + offset, length);
    }
    return this.#toRecheck.has(block);
  }

  recheck(block: number): BlockHealth {
    const { manifest, held } = this.#parts;
    const bytes = blockBuffer(manifest).subarray(0, this.#geometry.lengthOf(block));
    if (this.#canRead(block, bytes) && isRight(manifest, block, bytes)) {
      this.#toRecheck.markVerified(block);
      return "intact";
    }
    this.#toRecheck.addAll();
    if (this.#isAtRest) {
      return "withdrawn"; // the copy is its owner's now, and may have been changed on purpose
    }
    held.delete(block);
    this.#toRecheck.markVerified(block); // what comes in its place is verified
    return "lost";
  }

  /** Whether the copy is finished: we do not write to it any more. */
  get #isAtRest(): boolean {
    return this.#root === this.#parts.placement.result;
  }

  #markChanged(offset: number, length: number): void {
    const { blockSizeBytes } = this.#geometry;
    try {
      for (const range of this.#parts.tree.changedUnder(offset, length)) {
        const end = range.offset + range.length;
        for (let block = Math.floor(range.offset / blockSizeBytes); block * blockSizeBytes < end; block++) {
          this.#toRecheck.add(block);
        }
      }
    } catch {
      this.#toRecheck.addAll(); // a file is gone
    }
  }

  #canRead(block: number, into: Uint8Array): boolean {
    try {
      return this.#parts.tree.read(this.#geometry.offsetOf(block), into);
    } catch {
      return false;
    }
  }

  finish(): Promise<string> {
    this.#finishing ??= this.#makeResult();
    return this.#finishing;
  }

  async close(): Promise<void> {
    await this.#finishing?.catch(() => undefined); // what is being put in its place must not be removed meanwhile
    await this.#order.idle();
    this.#parts.tree.close();
  }

  async #makeResult(): Promise<string> {
    const { root, placement, held, tree } = this.#parts;
    const { result } = placement;
    assert(held.complete, "all blocks are committed");
    if (root !== result) {
      await placement.put(root, {
        // a block may turn out to be damaged while the disk is waited for
        isRight: () => held.complete,
        onPlaced: (newestChangeMs) => {
          tree.finished(result, newestChangeMs);
          this.#root = result;
        },
      });
    }
    return result;
  }
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
