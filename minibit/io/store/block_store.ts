// Room io/store: blocks on the disk, and how a copy gets its final name without losing what was there.
// It knows no neighbour and no socket, and judges no peer: it says what is on the disk.

/**
 * Where a peer keeps blocks: one small interface, two implementations for copies (`folder_store.ts`, `direct_store.ts`; the seed's reads the source), one
 * conformance suite. A store never judges bytes: the hash is checked by its caller, before `commit`.
 */

import type { BlockHealth } from "../../core/link/peer_io.ts";
import type { Bitfield } from "../../core/share/bitfield.ts";

/** A place for the blocks of one share. Paths are the caller's; sizes and offsets in bytes. */
export interface BlockStore {
  /** The blocks found whole and right when the store was opened; a snapshot. */
  readonly found: Bitfield;

  /**
   * Writes a part of a block that is not committed yet. Parts of one block come front to back.
   *
   * `bytes` may change after the call, also while the promise is pending: they are part of a chunk that a socket delivered.
   * So a store writes them before it returns, or makes an `ownedCopy` before it returns: what is on disk is what was hashed.
   *
   * @returns undefined when they are written already, which is the rule; else a promise, which may reject
   * @throws {UserError} by the promise: disk full, no right to write; what was committed stays
   */
  write(block: number, offset: number, bytes: Uint8Array): Promise<void> | undefined;

  /** Keeps a block whose hash is right: it may be read from now on, and is found again after a restart. */
  commit(block: number): Promise<void>;

  /** Discards what was written of a block that is not committed. */
  discard(block: number): Promise<void>;

  /**
   * Reads a part of a committed block into `into`, whole, from the page cache or disk. Synchronous: a send buffer is
   * filled and handed to the socket in one go.
   *
   * @throws {UserError} when the bytes are not there any more (a file was cut or removed by someone else)
   */
  readInto(block: number, offset: number, into: Uint8Array): void;

  /**
   * Whether a committed block must be hashed again before this part of it is served: somebody wrote to its file, or another
   * block was found damaged. Costs one look at the file's status, 2 us.
   */
  needsRecheck(block: number, offset: number, length: number): boolean;

  /**
   * Reads and hashes a committed block again; a damaged one is repaired if the store has its bytes elsewhere. After `lost` the block
   * is not committed any more and may be written anew.
   *
   * @throws {UserError} the source changed, so nothing of it can be served
   */
  recheck(block: number): BlockHealth;

  /**
   * Gives the share its final name, after all blocks were committed. Calling it again is harmless.
   *
   * @returns the path of the file or folder
   */
  finish(): Promise<string>;

  /** Closes all files. The store is not used afterwards. */
  close(): Promise<void>;
}
