/** A part of a block as it came: bytes, or what stands for them where no bytes are sent. */
export interface Part {
  readonly length: number;
}

/** The hash of a block whose bytes come one after the other. */
export interface RunningHash<P extends Part, Digest> {
  update(part: P): void;
  /** The hash of all that came so far; more may follow. */
  soFar(): Digest;
}

/** How blocks are hashed: by SHA-256 in a peer, by something cheaper in a simulator. */
export interface BlockHashing<P extends Part, Digest> {
  create(): RunningHash<P, Digest>;
  same(a: Digest, b: Digest): boolean;
  /** What the whole block's hash should be. */
  expected(block: number): Digest;
  /** A view of the part from `start` on, up to before `end`. */
  slice(part: P, start: number, end: number): P;
}

/** Where one peer's bytes of a block end, and the hash of all bytes up to there. */
interface Contribution<Digest> {
  readonly peerId: number;
  readonly endOffset: number;
  readonly prefix: Digest;
}

/** A bad block of several peers. The last contribution needs no hash: it is to blame when all before it were right. */
interface Evidence<Digest> {
  readonly earlier: readonly Contribution<Digest>[];
  readonly lastPeerId: number;
}

/** A block on its way in. */
interface Assembly<P extends Part, Digest> {
  readonly hash: RunningHash<P, Digest>;
  receivedBytes: number;
  /** Who sent the last bytes. */
  peerId: number | undefined;
  /** Those before, most often none. */
  earlier: Contribution<Digest>[] | undefined;
  /** How many contributions of the evidence were compared, and whose was the first that differs. */
  compared: number;
  differing: number | undefined;
}

/** What a block turned out to be. */
export interface BlockVerdict {
  /** Whether the hash is right. */
  readonly ok: boolean;
  /** The peer that sent wrong bytes, in this block or in the bad one before it, if that is certain. */
  readonly culprit: number | undefined;
  /** The culprit was found among several contributors: by comparing their bytes with those of the right block. */
  readonly byEvidence: boolean;
}

const NONE: readonly never[] = [];

/**
 * Blocks on their way: which bytes of each came, from whom, and who is to blame when its hash is wrong.
 *
 * Bytes of a block are taken front to back from whoever brings the next ones, and are hashed as they come; this class
 * keeps none of them. A bad block from one peer convicts that peer. From several, the hash at each change of sender is
 * kept; once the right block is there, the first of these that differs names the culprit.
 *
 * Source: the idea of libtorrent's `smart_ban.cpp`, with one hash a contribution in place of one a unit.
 */
export class BlockReassembly<P extends Part, Digest> {
  readonly #hashing: BlockHashing<P, Digest>;
  readonly #blocks = new Map<number, Assembly<P, Digest>>();
  readonly #evidence = new Map<number, Evidence<Digest>>();

  constructor(hashing: BlockHashing<P, Digest>) {
    this.#hashing = hashing;
  }

  /** Whether some of this block is here. */
  has(block: number): boolean {
    return this.#blocks.has(block);
  }

  /** How many bytes of a block are here, from its first one on. */
  receivedBytes(block: number): number {
    return this.#blocks.get(block)?.receivedBytes ?? 0;
  }

  /**
   * Takes what continues the block, and hashes it.
   *
   * @param came.at where in the block the part begins
   * @returns that, a view of the part; undefined when all of it was here already, or some before it is missing
   */
  append(block: number, came: { readonly at: number; readonly part: P; readonly peerId: number }): P | undefined {
    const { at, part, peerId } = came;
    const assembly = this.#blocks.get(block) ?? this.#begin(block);
    const skip = assembly.receivedBytes - at;
    if (skip < 0 || skip >= part.length) {
      return undefined;
    }
    const news = skip === 0 ? part : this.#hashing.slice(part, skip, part.length);
    if (assembly.peerId !== undefined && assembly.peerId !== peerId) {
      assembly.earlier ??= [];
      const { peerId: lastPeerId, receivedBytes: endOffset } = assembly;
      assembly.earlier.push({ peerId: lastPeerId, endOffset, prefix: assembly.hash.soFar() });
    }
    assembly.peerId = peerId;
    this.#hash(assembly, this.#compare(block, assembly, news));
    return news;
  }

  /** Judges a block, once all its bytes are here. */
  finish(block: number): BlockVerdict {
    const assembly = this.#blocks.get(block) ?? this.#begin(block);
    const evidence = this.#evidence.get(block);
    this.discard(block);
    this.#evidence.delete(block);
    const { hash, peerId, earlier = NONE, differing = evidence?.lastPeerId } = assembly;
    if (this.#hashing.same(hash.soFar(), this.#hashing.expected(block))) {
      return { ok: true, culprit: differing, byEvidence: differing !== undefined };
    }
    if (peerId === undefined) {
      return { ok: false, culprit: undefined, byEvidence: false };
    }
    if (earlier.every((contribution) => contribution.peerId === peerId)) {
      if (evidence !== undefined) {
        this.#evidence.set(block, evidence);
      }
      return { ok: false, culprit: peerId, byEvidence: false };
    }
    this.#evidence.set(block, { earlier, lastPeerId: peerId });
    return { ok: false, culprit: undefined, byEvidence: false };
  }

  /** Forgets what came of a block: it starts anew. */
  discard(block: number): void {
    this.#blocks.delete(block);
  }

  #begin(block: number): Assembly<P, Digest> {
    const assembly: Assembly<P, Digest> = {
      hash: this.#hashing.create(),
      receivedBytes: 0,
      peerId: undefined,
      earlier: undefined,
      compared: 0,
      differing: undefined,
    };
    this.#blocks.set(block, assembly);
    return assembly;
  }

  /** Stops at each place where the sender changed in the evidence; returns what is behind the last. */
  #compare(block: number, assembly: Assembly<P, Digest>, news: P): P {
    const earlier = this.#evidence.get(block)?.earlier ?? NONE;
    let rest = news;
    for (;;) {
      const next = earlier[assembly.compared];
      if (next === undefined || next.endOffset > assembly.receivedBytes + rest.length) {
        return rest;
      }
      const length = next.endOffset - assembly.receivedBytes;
      const end = rest.length;
      this.#hash(assembly, this.#hashing.slice(rest, 0, length));
      rest = this.#hashing.slice(rest, length, end);
      assembly.compared++;
      if (assembly.differing === undefined && !this.#hashing.same(assembly.hash.soFar(), next.prefix)) {
        assembly.differing = next.peerId;
      }
    }
  }

  #hash(assembly: Assembly<P, Digest>, part: P): void {
    assembly.hash.update(part);
    assembly.receivedBytes += part.length;
  }
}
