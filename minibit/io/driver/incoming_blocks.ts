import { MAX_UNWRITTEN_BYTES } from "../../core/base/limits.ts";
import { BlockReassembly, type BlockVerdict } from "../../core/download/block_reassembly.ts";
import { blockHash, type Manifest } from "../../core/share/manifest.ts";
import { sha256Hashing } from "../store/block_hasher.ts";
import type { BlockStore } from "../store/block_store.ts";

/** The writes that a block on its way needs. */
interface Writes {
  /** Resolve when a write is over, well or not. */
  readonly pending: Promise<void>[];
  /** What writes failed with. */
  readonly failures: unknown[];
}

/** What the owner of IncomingBlocks wants to hear. */
export interface IncomingOptions {
  /** Too much waits for the disk (true), or no longer (false): who reads from sockets should pause. */
  readonly onFull: (isFull: boolean) => void;
  /** The store cannot go on. */
  readonly onError: (error: unknown) => void;
}

/**
 * The blocks on their way: each chunk is hashed and written at its place as it comes, nothing is collected.
 *
 * Bytes of a block are taken front to back, from whoever brings the next ones; what came before from another peer is
 * dropped. So two peers may send the same block without either waiting for the other.
 */
export class IncomingBlocks {
  readonly #reassembly: BlockReassembly<Uint8Array, Uint8Array>;
  readonly #store: BlockStore;
  readonly #options: IncomingOptions;
  /** By block; only those that the store does not write at once. */
  readonly #writes = new Map<number, Writes>();
  #unwrittenBytes = 0;
  #full = false;
  #hashMs = 0;
  #diskMs = 0;
  #fullSinceMs = 0;

  constructor(share: { readonly manifest: Manifest; readonly store: BlockStore }, options: IncomingOptions) {
    this.#reassembly = new BlockReassembly(sha256Hashing((block) => blockHash(share.manifest, block)));
    this.#store = share.store;
    this.#options = options;
  }

  /** Milliseconds spent on hashing, and on waiting for the disk. */
  get work(): { readonly hashMs: number; readonly diskMs: number } {
    return { hashMs: this.#hashMs, diskMs: this.#diskMs };
  }

  /** Whether some of this block is here. */
  has(block: number): boolean {
    return this.#reassembly.has(block);
  }

  /** How much of a block is here, from its first byte on. */
  receivedBytes(block: number): number {
    return this.#reassembly.receivedBytes(block);
  }

  /**
   * Takes those of `bytes` that continue the block.
   *
   * @param came.at where in the block they belong
   * @returns how many were taken
   */
  append(block: number, came: { readonly at: number; readonly bytes: Uint8Array; readonly peerId: number }): number {
    const offset = this.#reassembly.receivedBytes(block);
    const startMs = performance.now();
    const news = this.#reassembly.append(block, { at: came.at, part: came.bytes, peerId: came.peerId });
    const hashedMs = performance.now();
    this.#hashMs += hashedMs - startMs;
    if (news === undefined) {
      return 0;
    }
    const { length } = news;
    const writing = this.#store.write(block, offset, news);
    if (writing !== undefined) {
      this.#account(length);
      const { pending, failures } = this.#writesOf(block);
      pending.push(
        writing.then(
          () => this.#account(-length),
          (error) => {
            failures.push(error);
            this.#options.onError(error);
          },
        ),
      );
    }
    this.#diskMs += performance.now() - hashedMs;
    return length;
  }

  /**
   * All bytes of a block are here: checks its hash, and once it is on disk keeps it or throws it away.
   *
   * What is kept is what was hashed: each chunk was hashed and handed to the store in one turn of the event loop, the store wrote
   * it in that turn or made a copy of its own, and none of the writes failed.
   *
   * @throws what a write of the block failed with
   */
  async finish(block: number): Promise<BlockVerdict> {
    const writes = this.#writes.get(block);
    this.#writes.delete(block);
    const verdict = this.#reassembly.finish(block);
    await Promise.all(writes?.pending ?? []);
    if (writes !== undefined && writes.failures.length > 0) {
      throw writes.failures[0];
    }
    await (verdict.ok ? this.#store.commit(block) : this.#store.discard(block));
    return verdict;
  }

  /** Forgets what came of a block: it starts anew. */
  discard(block: number): void {
    this.#reassembly.discard(block);
    this.#writes.delete(block);
  }

  /** Resolves when nothing waits for the disk. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#writes.values()].flatMap(({ pending }) => pending));
  }

  #writesOf(block: number): Writes {
    const writes = this.#writes.get(block) ?? { pending: [], failures: [] };
    this.#writes.set(block, writes);
    return writes;
  }

  #account(bytes: number): void {
    this.#unwrittenBytes += bytes;
    const isFull = this.#unwrittenBytes > (this.#full ? MAX_UNWRITTEN_BYTES / 2 : MAX_UNWRITTEN_BYTES);
    if (isFull !== this.#full) {
      this.#full = isFull;
      this.#diskMs += isFull ? 0 : performance.now() - this.#fullSinceMs;
      this.#fullSinceMs = performance.now();
      this.#options.onFull(isFull);
    }
  }
}
