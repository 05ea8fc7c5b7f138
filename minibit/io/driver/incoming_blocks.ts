import { MAX_UNWRITTEN_BYTES } from "../../core/base/limits.ts";
import { blockHash, type Manifest } from "../../core/share/manifest.ts";
import type { BlockStore } from "../store/block_store.ts";
import { BlockAssembly, type Evidence } from "./block_assembly.ts";

/** A block on its way: its bytes so far, and the writes they need. */
interface Incoming {
  readonly assembly: BlockAssembly;
  /** Resolve when a write is over, well or not. */
  readonly writes: Promise<void>[];
  /** What writes failed with. */
  readonly failures: unknown[];
}

/** How a block ended: stored, or thrown away for its hash; `culprit`: who spoilt it, or the one before it, if that is certain. */
export interface BlockVerdict {
  readonly ok: boolean;
  readonly culprit: number | undefined;
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
  readonly #manifest: Manifest;
  readonly #store: BlockStore;
  readonly #options: IncomingOptions;
  readonly #blocks = new Map<number, Incoming>();
  readonly #evidence = new Map<number, Evidence>();
  #unwrittenBytes = 0;
  #full = false;
  #hashMs = 0;
  #diskMs = 0;
  #fullSinceMs = 0;

  constructor(share: { readonly manifest: Manifest; readonly store: BlockStore }, options: IncomingOptions) {
    this.#manifest = share.manifest;
    this.#store = share.store;
    this.#options = options;
  }

  /** Milliseconds spent on hashing, and on waiting for the disk. */
  get work(): { readonly hashMs: number; readonly diskMs: number } {
    return { hashMs: this.#hashMs, diskMs: this.#diskMs };
  }

  /** Whether some of this block is here. */
  has(block: number): boolean {
    return this.#blocks.has(block);
  }

  /** How much of a block is here, from its first byte on. */
  receivedBytes(block: number): number {
    return this.#blocks.get(block)?.assembly.receivedBytes ?? 0;
  }

  /**
   * Takes those of `bytes` that continue the block.
   *
   * @param came.at where in the block they belong
   * @returns how many were taken
   */
  append(block: number, came: { readonly at: number; readonly bytes: Uint8Array; readonly peerId: number }): number {
    const { assembly, writes, failures } = this.#blocks.get(block) ?? this.#begin(block);
    const offset = assembly.receivedBytes;
    const skip = offset - came.at;
    if (skip < 0 || skip >= came.bytes.length) {
      return 0;
    }
    const news = skip === 0 ? came.bytes : came.bytes.subarray(skip);
    const startMs = performance.now();
    assembly.append(news, came.peerId);
    this.#hashMs += performance.now() - startMs;
    const { length } = news;
    const hashedMs = performance.now();
    const writing = this.#store.write(block, offset, news);
    if (writing !== undefined) {
      this.#account(length);
      writes.push(
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
    const { assembly, writes, failures } = this.#blocks.get(block) ?? this.#begin(block);
    this.#blocks.delete(block);
    const { ok, culprit, evidence } = assembly.finish();
    this.#evidence.delete(block);
    if (evidence !== undefined) {
      this.#evidence.set(block, evidence);
    }
    await Promise.all(writes);
    if (failures.length > 0) {
      throw failures[0];
    }
    await (ok ? this.#store.commit(block) : this.#store.discard(block));
    return { ok, culprit };
  }

  /** Forgets what came of a block: it starts anew. */
  discard(block: number): void {
    this.#blocks.delete(block);
  }

  /** Resolves when nothing waits for the disk. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#blocks.values()].flatMap(({ writes }) => writes));
  }

  #begin(block: number): Incoming {
    const expectedHash = blockHash(this.#manifest, block);
    const assembly = new BlockAssembly({ expectedHash, evidence: this.#evidence.get(block) });
    const incoming = { assembly, writes: [], failures: [] };
    this.#blocks.set(block, incoming);
    return incoming;
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
