/**
 * The utilities of the original: splitting a share into blocks, listing and counting them, joining them again, and
 * comparing a copy with its manifest.
 */
import { UserError } from "./minibit/core/base/errors.ts";
import { formatCount } from "./minibit/core/base/formats.ts";
import { quote } from "./minibit/core/base/quote.ts";
import { FileMap } from "./minibit/core/share/geometry.ts";
import { geometryOf, type Manifest } from "./minibit/core/share/manifest.ts";
import { differentTree } from "./minibit/io/store/compare_tree.ts";
import { FolderStore } from "./minibit/io/store/folder_store.ts";
import { openSeed } from "./minibit/io/store/open_store.ts";
import { listBlocks, peerFolder, readStoredManifest, type StoredManifest } from "./minibit/io/store/peer_folder.ts";
import { lockPeerFolder, type PlaceLock } from "./minibit/io/store/place_lock.ts";
import { findBlocks, statusOf } from "./minibit/io/store/result.ts";

export { readBlockCount, resultPath } from "./minibit/io/store/peer_folder.ts";

/** Which peer's folder, and where it lies. */
export interface PeerPlace {
  /** The folder with `blocos_peer_N` and `reconstruido_peer_N`. */
  readonly dir: string;
  readonly peerId: number;
}

/** How a copy compares with its manifest. */
export type CopyCheck = { readonly ok: true } | { readonly ok: false; readonly firstDifference: string };

/**
 * Splits a file or folder into the block files of a peer, `block_count.txt` and `manifest.json` beside them.
 *
 * @example
 * ```ts
 * import { splitShare } from "./utils.ts";
 *
 * await Bun.write("letter.txt", "x".repeat(2500));
 * const { manifest } = await splitShare("letter.txt", { dir: ".", peerId: 0, blockSizeBytes: 1024 });
 * console.log(manifest.blockCount); // 3
 * console.log(await Bun.file("blocos_peer_0/block_2").exists()); // true
 * ```
 * @param to.blockSizeBytes by default from the share's size
 * @throws {UserError} something in the source cannot be shared; the peer's folder belongs to another share, or a process works in it
 */
export async function splitShare(
  source: string,
  to: PeerPlace & { readonly blockSizeBytes?: number },
): Promise<StoredManifest> {
  let lock: PlaceLock | undefined;
  const onScanned = (): void => {
    lock = lockPeerFolder(to.dir, to.peerId);
  };
  try {
    const { store, ...stored } = await openSeed(source, { ...to, store: "folder", onScanned });
    await store.close();
    return stored;
  } finally {
    lock?.release();
  }
}

/**
 * The blocks for which a peer's folder holds a file, rising; `block_count.txt` is none.
 *
 * @example
 * ```ts
 * import { heldBlocks, splitShare } from "./utils.ts";
 *
 * await Bun.write("letter.txt", "x".repeat(2500));
 * await splitShare("letter.txt", { dir: ".", peerId: 0, blockSizeBytes: 1024 });
 * console.log(heldBlocks({ dir: ".", peerId: 0 }).join(" ")); // 0 1 2
 * ```
 */
export function heldBlocks({ dir, peerId }: PeerPlace): number[] {
  const folder = peerFolder(dir, peerId);
  return statusOf(folder)?.isDirectory() === true ? listBlocks(folder) : [];
}

/**
 * Joins a peer's block files to the share they were split from; every block's hash is checked.
 *
 * @example
 * ```ts
 * import { reconstruct, splitShare } from "./utils.ts";
 *
 * await Bun.write("letter.txt", "Dear peers");
 * await splitShare("letter.txt", { dir: ".", peerId: 0 });
 * const copy = await reconstruct({ dir: ".", peerId: 0 });
 * console.log(copy); // reconstruido_peer_0.txt
 * console.log(await Bun.file(copy).text()); // Dear peers
 * ```
 * @returns the path of `reconstruido_peer_N`
 * @throws {UserError} blocks are missing or damaged; a process works there; something that no earlier run put there would be lost
 */
export async function reconstruct(from: PeerPlace): Promise<string> {
  const folder = quote(peerFolder(from.dir, from.peerId));
  const stored = await readStoredManifest(from.dir, from.peerId);
  if (stored === undefined) {
    throw new UserError(`Cannot reconstruct from ${folder}: it has no manifest.json (split or fetch a share first)`);
  }
  const lock = lockPeerFolder(from.dir, from.peerId);
  try {
    const store = await FolderStore.open({ ...stored, ...from });
    try {
      const { count, size } = store.found;
      if (count < size) {
        throw new UserError(
          `Cannot reconstruct from ${folder}: ${size - count} of ${formatCount(size, "block")} ${size - count === 1 ? "is" : "are"} missing (fetch them)`,
        );
      }
      return await store.finish();
    } finally {
      await store.close();
    }
  } finally {
    lock.release();
  }
}

/**
 * Compares a copy with its manifest: the names that are there and no others, kinds, sizes, executable bits, and the hash
 * of every block.
 *
 * @example
 * ```ts
 * import { reconstruct, splitShare, verifyResult } from "./utils.ts";
 *
 * await Bun.write("letter.txt", "Dear peers");
 * const { manifest } = await splitShare("letter.txt", { dir: ".", peerId: 0 });
 * const copy = await reconstruct({ dir: ".", peerId: 0 });
 * console.log((await verifyResult(copy, manifest)).ok); // true
 * await Bun.write(copy, "Dear pears");
 * const check = await verifyResult(copy, manifest);
 * console.log(check.ok ? "right" : check.firstDifference); // block 0, in 'letter.txt', is wrong
 * ```
 * @throws {UserError} something in the copy may not be read
 */
export async function verifyResult(path: string, manifest: Manifest): Promise<CopyCheck> {
  const firstDifference = (await differentTree(path, manifest)) ?? (await differentBlock(path, manifest));
  return firstDifference === undefined ? { ok: true } : { ok: false, firstDifference };
}

async function differentBlock(root: string, manifest: Manifest): Promise<string | undefined> {
  const found = await findBlocks(root, manifest);
  const geometry = geometryOf(manifest);
  for (let block = 0; block < manifest.blockCount; block++) {
    if (!found.has(block)) {
      const map = new FileMap(manifest.files.map((file) => file.sizeBytes));
      const names = map
        .slices(geometry.offsetOf(block), geometry.lengthOf(block))
        .map((slice) => quote(manifest.files[slice.file]?.path ?? ""));
      return `block ${block}, in ${names.slice(0, 3).join(", ")}${names.length > 3 ? " ..." : ""}, is wrong`;
    }
  }
  return undefined;
}
