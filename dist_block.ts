/**
 * Deals random starting blocks of peer 0 to the other peers, before they start or while they run, so that they have
 * something to trade from the first moment.
 *
 *     bun dist_block.ts --peers 5
 */

import { UserError } from "./minibit/core/base/errors.ts";
import { MAX_BLOCKS, MAX_SWARM_PEERS } from "./minibit/core/base/limits.ts";
import { quote } from "./minibit/core/base/quote.ts";
import { createRng, type Rng, shuffle } from "./minibit/core/base/rng.ts";
import { geometryOf, type Manifest } from "./minibit/core/share/manifest.ts";
import { toRuns } from "./minibit/core/wire/codec.ts";
import { parseCommandLine } from "./minibit/io/cli/cli.ts";
import { runMain } from "./minibit/io/cli/run_main.ts";
import { diskError } from "./minibit/io/os/disk_error.ts";
import { parsePath } from "./minibit/io/os/paths.ts";
import { formatCount, formatDuration, parseDuration, parseInteger } from "./minibit/io/os/units.ts";
import { blockBuffer, isRight, readBlockFile } from "./minibit/io/store/block_files.ts";
import { FileTree } from "./minibit/io/store/file_tree.ts";
import {
  blockPath,
  claimPeerFolder,
  peerFolder,
  readStoredManifest,
  resultPath,
  type StoredManifest,
  writeWhole,
} from "./minibit/io/store/peer_folder.ts";
import { statusOf } from "./minibit/io/store/result.ts";
import { heldBlocks } from "./utils.ts";

/** How often to check whether peer 0 has described its share. */
const LOOK_AGAIN_MS = 50;

/** What to deal to whom. */
export interface DealOptions {
  /** All peers, peer 0 among them: it deals to peers 1 to `peers` - 1. */
  readonly peers: number;
  /** Fewest and most blocks a peer is dealt; never all that it lacks. */
  readonly min: number;
  readonly max: number;
  readonly rng: Rng;
  /** Where the peers' folders are. */
  readonly dir: string;
  /** What peer 0 shares: blocks are read from it when peer 0 keeps no block files. */
  readonly source: string;
  /** How long to wait until peer 0 has described its share. */
  readonly timeoutMs: number;
  /** Called before each wait, with the number of checks so far. */
  readonly onWait?: (looks: number) => void;
}

/** What a peer was dealt, or why it was skipped. */
export type Deal =
  | { readonly peerId: number; readonly blocks: readonly number[] }
  | { readonly peerId: number; readonly leftAlone: string };

/**
 * Deals each peer some random blocks that it lacks. A block that a peer holds is never overwritten, and a peer that
 * holds all blocks is skipped.
 *
 * @example
 * ```ts
 * import { distributeBlocks } from "./dist_block.ts";
 * import { createRng } from "./minibit/core/base/rng.ts";
 * import { heldBlocks, splitShare } from "./utils.ts";
 *
 * await Bun.write("letter.txt", "x".repeat(9000));
 * await splitShare("letter.txt", { dir: ".", peerId: 0, blockSizeBytes: 1024 });
 * const place = { dir: ".", source: "letter.txt", timeoutMs: 1000 };
 * await distributeBlocks({ ...place, peers: 3, min: 2, max: 2, rng: createRng(1) });
 * console.log(heldBlocks({ dir: ".", peerId: 1 }).length, heldBlocks({ dir: ".", peerId: 2 }).length); // 2 2
 * ```
 * @throws {UserError} peer 0 did not describe its share in time; a block cannot be read; a peer's folder belongs to another share
 */
export async function distributeBlocks(options: DealOptions): Promise<Deal[]> {
  const { peers, dir, source } = options;
  const stored = await waitForManifest(options);
  const seed = new SeedBlocks(stored.manifest, { dir, source });
  const deals: Deal[] = [];
  try {
    for (let peerId = 1; peerId < peers; peerId++) {
      deals.push(await dealTo(peerId, { ...options, stored, seed }));
    }
  } finally {
    seed.close();
  }
  return deals;
}

/** Says what a peer was dealt: `peer 1: 4 blocks (0-2, 7)`. */
export function describeDeal(deal: Deal): string {
  if ("leftAlone" in deal) {
    return `peer ${deal.peerId}: left alone, ${deal.leftAlone}`;
  }
  const { peerId, blocks } = deal;
  if (blocks.length === 0) {
    return `peer ${peerId}: no blocks`;
  }
  const runs = toRuns(blocks).map(([start, length]) => (length === 1 ? `${start}` : `${start}-${start + length - 1}`));
  return `peer ${peerId}: ${blocks.length} block${blocks.length === 1 ? "" : "s"} (${runs.join(", ")})`;
}

async function waitForManifest({ dir, timeoutMs, onWait }: DealOptions): Promise<StoredManifest> {
  const deadlineMs = performance.now() + timeoutMs;
  for (let looks = 1; ; looks++) {
    const stored = await readStoredManifest(dir, 0);
    if (stored !== undefined) {
      return stored;
    }
    if (performance.now() >= deadlineMs) {
      const folder = quote(peerFolder(dir, 0));
      const text = `no manifest.json after ${formatDuration(timeoutMs)} (start peer 0 first: bun peer.ts 0)`;
      throw new UserError(`Cannot deal blocks from ${folder}: ${text}`);
    }
    onWait?.(looks);
    await Bun.sleep(Math.min(LOOK_AGAIN_MS, timeoutMs));
  }
}

async function dealTo(
  peerId: number,
  options: DealOptions & { readonly stored: StoredManifest; readonly seed: SeedBlocks },
): Promise<Deal> {
  const { dir, min, max, rng, stored, seed } = options;
  const { manifest } = stored;
  if (statusOf(resultPath(dir, { peerId, manifest })) !== undefined) {
    return { peerId, leftAlone: "its copy is there" };
  }
  const held = new Set(heldBlocks({ dir, peerId }));
  const missing = Array.from({ length: manifest.blockCount }, (_, block) => block).filter((block) => !held.has(block));
  if (missing.length <= 1) {
    return { peerId, leftAlone: `it lacks ${missing.length} of ${formatCount(manifest.blockCount, "block")}` };
  }
  const folder = await claimPeerFolder({ ...stored, dir, peerId });
  const count = Math.min(min + rng.below(max - min + 1), missing.length - 1);
  const blocks = shuffle(missing, rng)
    .slice(0, count)
    .sort((a, b) => a - b);
  for (const block of blocks) {
    writeWhole(blockPath(folder, block), seed.read(block));
  }
  return { peerId, blocks };
}

/** The blocks of peer 0: from its block files, or else, since a direct store keeps none, from its source. */
class SeedBlocks {
  readonly #manifest: Manifest;
  readonly #folder: string;
  readonly #source: string;
  readonly #tree: FileTree;
  readonly #buffer: Uint8Array;

  constructor(manifest: Manifest, at: { readonly dir: string; readonly source: string }) {
    this.#manifest = manifest;
    this.#folder = peerFolder(at.dir, 0);
    this.#source = at.source;
    this.#tree = new FileTree(manifest, { root: at.source, writable: false });
    this.#buffer = blockBuffer(manifest);
  }

  /**
   * @returns the block's bytes, valid until the next call
   * @throws {UserError} neither place has it
   */
  read(block: number): Uint8Array {
    const manifest = this.#manifest;
    const bytes = readBlockFile(block, { folder: this.#folder, manifest, buffer: this.#buffer }) ?? this.#cut(block);
    if (!isRight(manifest, block, bytes)) {
      throw new UserError(
        `Cannot deal block ${block}: ${quote(this.#source)} is not what peer 0 shares (name its --source)`,
      );
    }
    return bytes;
  }

  close(): void {
    this.#tree.close();
  }

  #cut(block: number): Uint8Array {
    const geometry = geometryOf(this.#manifest);
    const bytes = this.#buffer.subarray(0, geometry.lengthOf(block));
    try {
      this.#tree.read(geometry.offsetOf(block), bytes);
    } catch (error) {
      throw diskError(`Cannot deal block ${block} from ${quote(this.#source)}`, error);
    }
    return bytes;
  }
}

/** `bun dist_block.ts [flags]` */
async function main(): Promise<number> {
  const count = (text: string): number => parseInteger(text, { what: "number of blocks", min: 0, max: MAX_BLOCKS });
  const { randomSeed, timeout, ...options } = parseCommandLine({
    name: "dist_block.ts",
    summary: "Deals random starting blocks of peer 0 to the other peers on this machine.",
    flags: {
      peers: {
        value: "n",
        help: "peers in all, peer 0 among them",
        parse: (text) => parseInteger(text, { what: "number of peers", min: 2, max: MAX_SWARM_PEERS }),
        default: "5",
      },
      min: { value: "n", help: "fewest blocks a peer is dealt", parse: count, default: "1" },
      max: { value: "n", help: "most blocks a peer is dealt", parse: count, default: "10" },
      randomSeed: {
        value: "n",
        help: "deal the same blocks each time",
        parse: (text) => parseInteger(text, { what: "random seed", min: 0, max: 2 ** 32 - 1 }),
        defaultHelp: "other blocks each time",
      },
      dir: { value: "path", help: "where the peers' blocos_peer_N are", parse: parsePath, default: "." },
      source: { value: "path", help: "what peer 0 shares", parse: parsePath, default: "arquivos" },
      timeout: { value: "time", help: "how long to wait for peer 0", parse: parseDuration, default: "60s" },
    },
    examples: ["bun dist_block.ts --peers 10 --min 2 --max 20"],
  });
  if (options.min > options.max) {
    throw new UserError(`Cannot deal ${options.min} to ${options.max} blocks: --min is above --max`, { exitCode: 2 });
  }
  const deals = await distributeBlocks({
    ...options,
    rng: createRng(randomSeed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0),
    timeoutMs: timeout,
    onWait: (looks) => {
      if (looks === 1) {
        console.log("Waiting for peer 0 to describe its share");
      }
    },
  });
  for (const deal of deals) {
    console.log(describeDeal(deal));
  }
  return 0;
}

if (import.meta.main) {
  await runMain(main);
}
