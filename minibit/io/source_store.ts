import { Bitfield } from "../core/bitfield.ts";
import type { BlockStore } from "./block_store.ts";
import type { Source } from "./folder_store.ts";
import { claimPeerFolder, type PeerFolderOptions } from "./peer_folder.ts";

/** The seed's direct store: blocks are read straight from the source, nothing is copied. */
export class SourceStore implements BlockStore {
  readonly found: Bitfield;
  readonly #source: Source;

  private constructor(source: Source, blockCount: number) {
    this.#source = source;
    this.found = Bitfield.full(blockCount);
  }

  /**
   * Writes what describes the share, and nothing else.
   *
   * @throws {UserError} another share is there, or the folder may not be written to
   */
  static async open(options: PeerFolderOptions, source: Source): Promise<SourceStore> {
    await claimPeerFolder(options);
    return new SourceStore(source, options.manifest.blockCount);
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
