import { openSync, renameSync, statSync } from "node:fs";
import { assert, UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import type { BlockHealth } from "../../core/link/peer_io.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import type { Geometry } from "../../core/share/geometry.ts";
import { geometryOf } from "../../core/share/manifest.ts";
import { diskError } from "../os/disk_error.ts";
import { READ_FLAGS, WRITE_FLAGS } from "../os/file_io.ts";
import { FilePool } from "../os/file_pool.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { blockBuffer, checkBlockFiles, hasBlockFile, isRight, removeBlockFile } from "./block_files.ts";
import type { BlockStore } from "./block_store.ts";
import { cutBlocks, cutCopy, type FolderParts } from "./cut_blocks.ts";
import { FileTree } from "./file_tree.ts";
import {
  blockPath,
  claimPeerFolder,
  type PeerFolderOptions,
  partPath,
  temporaryOf,
  writeWhole,
} from "./peer_folder.ts";
import { Placement, type PlacementOptions } from "./placement.ts";
import { RecheckSet } from "./recheck_set.ts";
import { missingBytes, remove } from "./result.ts";
import type { ShareReader } from "./share_reader.ts";
import { WriteOrder } from "./write_order.ts";

/** The seed's side of a store: what the share is cut from. */
export interface Source {
  readonly path: string;
  readonly reader: ShareReader;
}

/**
 * Keeps each block in a file of its own, `block_<i>`, as the original did; the result is joined from them at the end. The
 * seed cuts its source into such files first. For small shares: every byte is on disk twice.
 */
export class FolderStore implements BlockStore {
  readonly found: Bitfield;
  readonly #parts: FolderParts;
  readonly #geometry: Geometry;
  readonly #blocks: FilePool;
  readonly #unfinished: FilePool;
  readonly #order = new WriteOrder();
  readonly #source: Source | undefined;
  readonly #toRecheck: RecheckSet;
  /** When the status of each block's file changed, as of the moment it was verified; in milliseconds. */
  readonly #changeTimes: Float64Array;
  /** Whether all of the result was there when the store was opened: it needs no joining. */
  readonly #resultIsWhole: boolean;
  #finishing: Promise<string> | undefined;

  private constructor(parts: FolderParts, before: { readonly resultIsWhole: boolean; readonly source?: Source }) {
    this.#parts = parts;
    this.#source = before.source;
    this.#toRecheck = new RecheckSet(parts.manifest.blockCount);
    this.#changeTimes = new Float64Array(parts.manifest.blockCount);
    this.#geometry = geometryOf(parts.manifest);
    this.#blocks = new FilePool((block) => openSync(blockPath(parts.folder, block), READ_FLAGS));
    this.#unfinished = new FilePool((block) => openSync(temporaryOf(blockPath(parts.folder, block)), WRITE_FLAGS));
    this.#resultIsWhole = before.resultIsWhole;
    if (before.source !== undefined) {
      this.#finishing = Promise.resolve(before.source.path);
    }
    this.found = parts.held.clone();
    for (const block of this.found) {
      this.#markVerified(block);
    }
  }

  /**
   * Opens the store of a peer and re-hashes what earlier runs left and what it was dealt. Blocks that have no right file
   * are taken from the seed's source, or else from a result or `.part` that an earlier run left.
   *
   * @throws {UserError} another share is there, the folder may not be written to, the source changed
   */
  static async open(options: PeerFolderOptions & PlacementOptions, source?: Source): Promise<FolderStore> {
    const { manifest } = options;
    const folder = await claimPeerFolder(options);
    const placement = new Placement(options);
    const parts = { manifest, folder, placement, held: new Bitfield(manifest.blockCount) };
    await checkBlockFiles({ folder, manifest }, (block) => {
      parts.held.add(block);
    });
    if (source !== undefined) {
      await cutBlocks(parts, (block, into) => {
        source.reader.readInto(block, 0, into);
        return true;
      });
      source.reader.close(); // it reopens the files it needs to repair a block
      return new FolderStore(parts, { resultIsWhole: false, source });
    }
    await placement.recover();
    const looksWhole = await placement.looksWhole();
    const hasAllBlocks = await cutCopy(parts, placement.result);
    const resultIsWhole = looksWhole && hasAllBlocks;
    if (!resultIsWhole) {
      await placement.check();
    }
    const part = partPath(placement.result);
    if (!parts.held.complete) {
      await cutCopy(parts, part);
    }
    await remove(part);
    if (!resultIsWhole) {
      placement.checkFreeSpace(missingBytes(manifest, parts.held) + manifest.sizeBytes);
    }
    return new FolderStore(parts, { resultIsWhole });
  }

  write(block: number, offset: number, bytes: Uint8Array): Promise<void> | undefined {
    assert(
      this.#geometry.contains(block, offset, bytes.length),
      () => `${bytes.length} bytes at ${offset} of block ${block}`,
    );
    return this.#order.add(block, { offset, bytes }, (part) =>
      this.#unfinished.write(block, part, offset)?.catch((error) => {
        const { folder, held } = this.#parts;
        throw diskError(`Cannot write block ${block} to ${quote(folder)}`, error, held.count);
      }),
    );
  }

  async commit(block: number): Promise<void> {
    const path = blockPath(this.#parts.folder, block);
    await this.#order.finish(block);
    this.#unfinished.forget(block);
    try {
      renameSync(temporaryOf(path), path);
    } catch (error) {
      throw diskError(`Cannot keep block ${block} as ${quote(path)}`, error);
    }
    this.#parts.held.add(block);
    this.#markVerified(block);
  }

  discard(block: number): Promise<void> {
    return this.#order.abandon(block, () => {
      this.#unfinished.forget(block);
      removeBlockFile(temporaryOf(blockPath(this.#parts.folder, block)));
    });
  }

  readInto(block: number, offset: number, into: Uint8Array): void {
    const { folder, held } = this.#parts;
    assert(held.has(block), () => `block ${block} is held`);
    const failure = `Cannot read ${quote(blockPath(folder, block))}`;
    try {
      if (this.#blocks.read(block, into, offset) < into.length) {
        throw new UserError(`${failure}: it was cut by somebody else (start again to fetch it anew)`);
      }
    } catch (error) {
      throw diskError(failure, error);
    }
  }

  needsRecheck(block: number): boolean {
    return this.#toRecheck.has(block) || this.#changeTimes[block] !== this.#changeTime(block);
  }

  recheck(block: number): BlockHealth {
    const { manifest, folder, held } = this.#parts;
    const buffer = blockBuffer(manifest);
    this.#blocks.forget(block); // what lies at its path counts
    if (hasBlockFile(block, { folder, manifest, buffer })) {
      this.#markVerified(block);
      return "intact";
    }
    this.#toRecheck.addAll();
    if (this.#mend(block, buffer.subarray(0, this.#geometry.lengthOf(block)))) {
      this.#markVerified(block);
      return "mended";
    }
    if (this.#finishing !== undefined) {
      return "withdrawn"; // nothing is fetched any more
    }
    held.delete(block);
    return "lost";
  }

  /** The block's file is right just now. */
  #markVerified(block: number): void {
    this.#toRecheck.markVerified(block);
    this.#changeTimes[block] = statSync(blockPath(this.#parts.folder, block)).ctimeMs;
  }

  /** When the status of a block's file changed; NaN when there is none. */
  #changeTime(block: number): number {
    try {
      return this.#blocks.status(block).ctimeMs;
    } catch {
      return Number.NaN;
    }
  }

  /** Writes a damaged block anew from the source, or from the copy if that is finished. */
  #mend(block: number, bytes: Uint8Array): boolean {
    const { manifest, folder } = this.#parts;
    const copy = new FileTree(manifest, { root: this.#parts.placement.result, writable: false });
    try {
      if (this.#source === undefined) {
        copy.read(this.#geometry.offsetOf(block), bytes);
      } else {
        this.#source.reader.readInto(block, 0, bytes);
      }
      if (isRight(manifest, block, bytes)) {
        writeWhole(blockPath(folder, block), bytes);
        return true;
      }
    } catch {
      // neither can be read, or the file cannot be written: the block stays as it is
    } finally {
      copy.close();
    }
    return false;
  }

  finish(): Promise<string> {
    this.#finishing ??= this.#makeResult();
    return this.#finishing;
  }

  async close(): Promise<void> {
    await this.#finishing?.catch(() => undefined); // what is being put in its place must not be removed meanwhile
    await this.#order.idle();
    this.#unfinished.close();
    this.#blocks.close();
    this.#source?.reader.close();
  }

  async #makeResult(): Promise<string> {
    const { placement, held } = this.#parts;
    const { result } = placement;
    assert(held.complete, "all blocks are committed");
    if (!this.#resultIsWhole) {
      const part = partPath(result);
      await this.#join(part);
      await placement.put(part);
    }
    return result;
  }

  /** Writes the blocks one after the other as the share's files; each is hashed again, it lay on disk since it came. */
  async #join(part: string): Promise<void> {
    const { manifest, folder, held } = this.#parts;
    const tree = new FileTree(manifest, { root: part, writable: true });
    const buffer = blockBuffer(manifest);
    const yieldTurn = createTurnYielder();
    try {
      await remove(part);
      for (const block of held) {
        const bytes = buffer.subarray(0, this.#geometry.lengthOf(block));
        this.readInto(block, 0, bytes);
        if (!isRight(manifest, block, bytes)) {
          const path = quote(blockPath(folder, block));
          throw new UserError(`Cannot use ${path}: it was damaged on disk (start again to fetch it anew)`);
        }
        await tree.write(this.#geometry.offsetOf(block), bytes);
        await yieldTurn();
      }
    } catch (error) {
      throw diskError(`Cannot write ${quote(part)}`, error, held.count);
    } finally {
      tree.close();
    }
  }
}
