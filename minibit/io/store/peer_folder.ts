/**
 * The names a peer's files have, and the folder `blocos_peer_<id>`: which share it belongs to, and how many blocks that
 * share has. One rule for temporary files: they end in `.<process id>.tmp`, and whoever opens the folder removes those
 * of processes that are gone.
 */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { ManifestError, UserError } from "../../core/base/errors.ts";
import { MAX_BLOCK_COUNT_BYTES, MAX_MANIFEST_BYTES, MAX_NAME_BYTES } from "../../core/base/limits.ts";
import { quote } from "../../core/base/quote.ts";
import { type Manifest, parseManifest } from "../../core/share/manifest.ts";
import { diskError, errorCode } from "../os/disk_error.ts";
import { readKeptFile } from "../os/small_file.ts";

/** A manifest as it is kept: what it says, and the exact bytes that name the swarm. */
export interface StoredManifest {
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
}

/** Whose folder is meant, and of which share. */
export interface PeerFolderOptions extends StoredManifest {
  /** Where `blocos_peer_<id>` and `reconstruido_peer_<id>` lie. */
  readonly dir: string;
  readonly peerId: number;
  /** Where the finished copy goes, when it is not `reconstruido_peer_<id>`. */
  readonly to?: string | undefined;
}

/** What the longest result's name may need besides the share's extension: `reconstruido_peer_4294967295` and `.part`. */
const RESULT_NAME_BYTES = 40;

const BLOCK_COUNT_FILE = "block_count.txt";
const MANIFEST_FILE = "manifest.json";
/** The record of a copy that stands (see `copy_record.ts`), and that of one which is about to take its place. */
export const RECORD_FILE = "copy.txt";
export const NEXT_RECORD_FILE = "copy_next.txt";
/** Locked by the process that works in the folder. */
export const LOCK_FILE = "lock";

const OWN_NAMES: ReadonlySet<string> = new Set([
  BLOCK_COUNT_FILE,
  MANIFEST_FILE,
  damagedOf(MANIFEST_FILE),
  RECORD_FILE,
  NEXT_RECORD_FILE,
  LOCK_FILE,
]);

/** What a manifest is called that turned out to be damaged. */
export function damagedOf(manifestPath: string): string {
  return `${manifestPath}.damaged`;
}

/** Whether a name in a peer's folder is one that MiniBit gives. */
export function isOwnName(name: string): boolean {
  return OWN_NAMES.has(name) || BLOCK_NAME.test(name) || /\.\d+\.tmp$/.test(name);
}

const BLOCK_NAME = /^block_(0|[1-9]\d{0,6})$/;

/** The folder with the blocks of peer `peerId`. */
export function peerFolder(dir: string, peerId: number): string {
  return join(dir, `blocos_peer_${peerId}`);
}

/** The file of block `block` in a peer's folder. */
export function blockPath(folder: string, block: number): string {
  return join(folder, `block_${block}`);
}

/** The file that tells which share a peer's folder belongs to. */
export function manifestPath(dir: string, peerId: number): string {
  return join(peerFolder(dir, peerId), MANIFEST_FILE);
}

/** What that file holds, whether it can be used or not; undefined when there is none. @throws {UserError} it is no file, or too long */
export function readManifestBytes(dir: string, peerId: number): Buffer<ArrayBuffer> | undefined {
  return readKeptFile(manifestPath(dir, peerId), { maxBytes: MAX_MANIFEST_BYTES });
}

/** The finished copy of peer `peerId`: a file with the source's extension, or a folder. */
export function resultPath(dir: string, of: { readonly peerId: number; readonly manifest: Manifest }): string {
  const { name, kind } = of.manifest;
  const extension = kind === "file" ? extname(name) : "";
  const fits = Buffer.byteLength(extension) <= MAX_NAME_BYTES - RESULT_NAME_BYTES;
  return join(dir, `reconstruido_peer_${of.peerId}${fits ? extension : ""}`);
}

/**
 * Makes a peer's folder ready for a share: creates it, writes what describes the share, removes what crashed runs left.
 *
 * @returns the folder's path
 * @throws {UserError} it holds another share, or may not be written to
 */
export async function claimPeerFolder(options: PeerFolderOptions): Promise<string> {
  const { dir, peerId, manifest, manifestBytes } = options;
  const folder = peerFolder(dir, peerId);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(dir, constants.W_OK);
    accessSync(folder, constants.W_OK);
    removeStale(folder);
  } catch (error) {
    throw diskError(`Cannot write to ${quote(folder)}`, error);
  }
  const known = readManifestBytes(dir, peerId);
  if (known === undefined) {
    refuseForeignPart(options);
    writeWhole(join(folder, MANIFEST_FILE), manifestBytes);
  } else if (Buffer.compare(known, manifestBytes) !== 0) {
    throw new UserError(`Cannot use ${quote(folder)}: it holds another share (remove it, or use another --dir)`);
  }
  if ((await readBlockCount(folder)) !== manifest.blockCount) {
    writeBlockCount(folder, manifest.blockCount);
  }
  return folder;
}

/** What a copy's name ends in until it is whole. */
const PART = ".part";

/** Where a copy is made that will be called `result`. */
export function partPath(result: string): string {
  return result + PART;
}

/** A copy in the making is there only where its peer has worked before; else somebody's file bears its name. @throws {UserError} */
function refuseForeignPart({ dir, peerId, manifest, to }: PeerFolderOptions): void {
  const part = partPath(resultPath(dir, { peerId, manifest }));
  const wasHere = existsSync(damagedOf(join(peerFolder(dir, peerId), MANIFEST_FILE)));
  if (to === undefined && !wasHere && existsSync(part)) {
    throw new UserError(
      `Cannot use ${quote(part)}: it was there before this peer was (move it away, or use another --dir)`,
    );
  }
}

/**
 * Reads which share the folder of peer `peerId` belongs to.
 *
 * @returns undefined when there is no folder or no manifest in it
 * @throws {UserError} the manifest there cannot be used
 */
export async function readStoredManifest(dir: string, peerId: number): Promise<StoredManifest | undefined> {
  const path = manifestPath(dir, peerId);
  const manifestBytes = readManifestBytes(dir, peerId);
  if (manifestBytes === undefined) {
    return undefined;
  }
  try {
    return { manifest: parseManifest(manifestBytes, { platform: process.platform }), manifestBytes };
  } catch (error) {
    if (error instanceof ManifestError) {
      const text = `Cannot use ${quote(path)}: ${error.message} (remove its folder, or use another --dir)`;
      throw new UserError(text, { cause: error });
    }
    throw error;
  }
}

/** Reads `block_count.txt`, which is no block though it lies among them; undefined without a usable one. */
export async function readBlockCount(folder: string): Promise<number | undefined> {
  const text = countText(folder)?.trim();
  return text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) : undefined;
}

/** Whatever is in the place of the count and is none is written over: it says nothing that the manifest does not. */
function countText(folder: string): string | undefined {
  try {
    return readKeptFile(join(folder, BLOCK_COUNT_FILE), { maxBytes: MAX_BLOCK_COUNT_BYTES })?.toString();
  } catch {
    return undefined;
  }
}

/** Writes `block_count.txt`: a bare number, as in the original. */
function writeBlockCount(folder: string, blockCount: number): void {
  writeWhole(join(folder, BLOCK_COUNT_FILE), Buffer.from(String(blockCount)));
}

/** The numbers of the `block_<i>` files in a folder, rising. */
export function listBlocks(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => Number(BLOCK_NAME.exec(name)?.[1]))
    .filter((block) => !Number.isNaN(block))
    .sort((a, b) => a - b);
}

/**
 * Writes a file so that it is there whole or not at all, replacing an older one.
 *
 * @param options.synced whether that must hold after a power cut too
 * @throws {UserError} naming the file
 */
export function writeWhole(path: string, bytes: Uint8Array, options: { readonly synced?: boolean } = {}): void {
  const temporary = temporaryOf(path);
  try {
    writeFileSync(temporary, bytes, { flush: options.synced === true });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw diskError(`Cannot write ${quote(path)}`, error);
  }
}

/** The name a file has until it is whole. */
export function temporaryOf(path: string): string {
  return `${path}.${process.pid}.tmp`;
}

/** Removes temporary files that nobody is writing any more. */
function removeStale(folder: string): void {
  for (const name of readdirSync(folder)) {
    const writer = /\.(\d+)\.tmp$/.exec(name)?.[1];
    if (writer !== undefined && !isOtherProcess(Number(writer))) {
      rmSync(join(folder, name), { force: true, recursive: true });
    }
  }
}

function isOtherProcess(pid: number): boolean {
  if (pid === process.pid) {
    return false;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
