import type { BlockHealth } from "../../core/link/peer_io.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import { geometryOf, type Manifest } from "../../core/share/manifest.ts";
import { errorCode } from "../os/disk_error.ts";
import { blockBuffer, isRight } from "./block_files.ts";
import type { BlockStore } from "./block_store.ts";
import type { Source } from "./folder_store.ts";
import { claimPeerFolder, type PeerFolderOptions } from "./peer_folder.ts";
import { RecheckSet } from "./recheck_set.ts";

/** The seed's direct store: blocks are read straight from the source, nothing is copied. */
export class SourceStore implements BlockStore {
  readonly found: Bitfield;
  readonly #source: Source;
  readonly #manifest: Manifest;
  readonly #toRecheck: RecheckSet;

  private constructor(source: Source, manifest: Manifest) {
    this.#source = source;
    this.#manifest = manifest;
    this.#toRecheck = new RecheckSet(manifest.blockCount);
    this.found = Bitfield.full(manifest.blockCount);
  }

  /**
   * Writes what describes the share, and nothing else.
   *
   * @throws {UserError} another share is there, or the folder may not be written to
   */
  static async open(options: PeerFolderOptions, source: Source): Promise<SourceStore> {
    await claimPeerFolder(options);
    return new SourceStore(source, options.manifest);
  }

  write(block: number): Promise<void> {
    return refuse(block);
  }

  commit(block: number): Promise<void> {
    return refuse(block);
  }

  discard(block: number): Promise<void> {
    return refuse(block);
  }

  readInto(block: number, offset: number, into: Uint8Array): void {
    this.#source.reader.readInto(block, offset, into);
  }

  needsRecheck(block: number): boolean {
    return this.#toRecheck.has(block);
  }

  /** A source whose times tell that it was written to is an error of its own; this finds what a disk did to it. */
  recheck(block: number): BlockHealth {
    const bytes = blockBuffer(this.#manifest).subarray(0, geometryOf(this.#manifest).lengthOf(block));
    const isIntact = this.#canRead(block, bytes) && isRight(this.#manifest, block, bytes);
    if (isIntact) {
      this.#toRecheck.markVerified(block);
    } else {
      this.#toRecheck.addAll();
    }
    return isIntact ? "intact" : "withdrawn";
  }

  #canRead(block: number, into: Uint8Array): boolean {
    try {
      this.readInto(block, 0, into);
      return true;
    } catch (error) {
      if (error instanceof Error && errorCode(error.cause) === "EIO") {
        return false; // these bytes cannot be read, others can
      }
      throw error;
    }
  }

  async finish(): Promise<string> {
    return this.#source.path;
  }

  async close(): Promise<void> {
    this.#source.reader.close();
  }
}

function refuse(block: number): never {
  throw new Error(`Assertion failed: block ${block} is written to a source that has it`);
}
