/** Shares on disk for tests: folders that go away by themselves, trees from a table, copies to compare. */
import { afterAll } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createRng, shuffle } from "../../core/base/rng.ts";
import { encodeManifest, geometryOf } from "../../core/share/manifest.ts";
import type { BlockStore } from "../store/block_store.ts";
import { FileTree } from "../store/file_tree.ts";
import { hashShare } from "../store/hash_share.ts";
import { resultPath, type StoredManifest } from "../store/peer_folder.ts";
import { scanShare } from "../store/share.ts";

/** What lies at each path: a file's content, or `null` for a folder. */
export type Tree = { readonly [path: string]: string | Uint8Array | null };

/**
 * Makes a folder for a test file, removed after its last test.
 *
 * @returns a function that gives a new folder in it at each call
 */
export function useTempFolders(): () => string {
  const root = mkdtempSync(join(tmpdir(), "minibit-test-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return () => mkdtempSync(join(root, "t"));
}

/** Writes `tree` under `root`; files named in `executables` may be run. */
export function writeTree(root: string, tree: Tree, executables: readonly string[] = []): void {
  mkdirSync(root, { recursive: true });
  for (const [path, content] of Object.entries(tree)) {
    const full = join(root, path);
    mkdirSync(content === null ? full : dirname(full), { recursive: true });
    if (content !== null) {
      writeFileSync(full, content);
    }
  }
  for (const path of executables) {
    chmodSync(join(root, path), 0o755);
  }
}

/** All that is under `root` (a folder or a file): path, kind, whether it may be run, content. */
export function readTree(root: string, path = ""): Map<string, string> {
  const status = lstatSync(join(root, path));
  if (!status.isDirectory()) {
    const content = status.isFile() ? readFileSync(join(root, path)).toString("hex") : "special";
    return new Map([[path, `${(status.mode & 0o100) !== 0 ? "executable" : "plain"} ${content}`]]);
  }
  const entries = readdirSync(join(root, path)).sort();
  return new Map([[path, "folder"], ...entries.flatMap((name) => [...readTree(root, join(path, name))])]);
}

/** Bytes without a pattern that a shifted or swapped block could hide in; the same for the same seed. */
export function randomBytes(length: number, seed = 1): Uint8Array {
  const rng = createRng(seed);
  return new Uint8Array(length).map(() => rng.below(256));
}

/** Scans and hashes a source as peer 0 does. */
export async function describeSource(source: string, blockSizeBytes?: number): Promise<StoredManifest> {
  const manifest = await hashShare(await scanShare(source), { blockSizeBytes });
  return { manifest, manifestBytes: encodeManifest(manifest) };
}

/** A source on disk with its manifest, and its bytes block by block: what a store's peers would send. */
export class TempShare {
  readonly source: string;
  readonly stored: StoredManifest;
  readonly #tree: FileTree;

  private constructor(source: string, stored: StoredManifest) {
    this.source = source;
    this.stored = stored;
    this.#tree = new FileTree(stored.manifest, { root: source, writable: false });
  }

  static async of(source: string, blockSizeBytes = 1024): Promise<TempShare> {
    return new TempShare(source, await describeSource(source, blockSizeBytes));
  }

  /** Makes a share of one file, in `folder`. */
  static file(folder: string, content: Uint8Array, { name = "data.bin" } = {}): Promise<TempShare> {
    writeFileSync(join(folder, name), content);
    return TempShare.of(join(folder, name));
  }

  /** Makes a share of a folder, in `folder`. */
  static folder(folder: string, tree: Tree, { executables = [] as readonly string[] } = {}): Promise<TempShare> {
    writeTree(join(folder, "shared"), tree, executables);
    return TempShare.of(join(folder, "shared"));
  }

  /** All block numbers. */
  get blocks(): number[] {
    return Array.from({ length: this.stored.manifest.blockCount }, (_, block) => block);
  }

  /** The right bytes of a block. */
  block(block: number): Uint8Array {
    const geometry = geometryOf(this.stored.manifest);
    const bytes = new Uint8Array(geometry.lengthOf(block));
    this.#tree.read(geometry.offsetOf(block), bytes);
    return bytes;
  }

  /** Where a peer's copy will lie. */
  resultOf(place: { readonly dir: string; readonly peerId: number }): string {
    return resultPath(place.dir, { peerId: place.peerId, manifest: this.stored.manifest });
  }
}

/** Gives the store what it lacked when it was opened, in random order, two parts a block. */
export async function fetchMissing(store: BlockStore, share: TempShare): Promise<void> {
  for (const block of shuffle(share.blocks, createRng(7))) {
    if (!store.found.has(block)) {
      const bytes = share.block(block);
      const half = Math.ceil(bytes.length / 2);
      const writes = [bytes.subarray(0, half), bytes.subarray(half)].filter((part) => part.length > 0);
      await Promise.all(writes.map((part, i) => store.write(block, i * half, part)));
      await store.commit(block);
    }
  }
}

/** Gives the store all it lacks and closes it; returns the result's path. */
export async function fetchAll(store: BlockStore, share: TempShare): Promise<string> {
  await fetchMissing(store, share);
  const result = await store.finish();
  await store.close();
  return result;
}

/** Damages a file. */
export function changeByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = ~(bytes[at] ?? 0);
  writeFileSync(path, bytes);
}

/** Damages a file as a failing disk does: its size and times tell nothing of it. */
export function rotByte(path: string, at: number): void {
  const seconds = String(lstatSync(path, { bigint: true }).mtimeNs).replace(/(?=\d{9}$)/, ".");
  changeByte(path, at);
  // node:fs sets times to the microsecond only
  Bun.spawnSync(["touch", "-d", `@${seconds}`, path]);
}
