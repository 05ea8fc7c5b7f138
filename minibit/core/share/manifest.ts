import * as v from "valibot";
import { assert, ManifestError } from "../base/errors.ts";
import { MAX_BLOCK_BYTES, MAX_BLOCKS, MAX_MANIFEST_BYTES, MIN_BLOCK_BYTES } from "../base/limits.ts";
import { Geometry } from "./geometry.ts";
import { findPathFault, nameFault } from "./share_paths.ts";

/**
 * The description of a share: its files and the hash of every block.
 *
 * The SHA-256 of its exact bytes names the swarm, so whoever knows the name can take the manifest from any untrusted peer.
 */

/** The first field of every manifest; another value is another format. */
export const MANIFEST_FORMAT = "minibit/1";
/** Bytes of one block hash: SHA-256. */
export const HASH_BYTES = 32;

/** A file of the share; its bytes follow those of the file before it in the share's stream. */
export interface ManifestFile {
  /** Relative, with `/` between the segments. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly executable: boolean;
}

/** What is shared. Paths are in `comparePaths` order. */
export interface Manifest {
  /** Name of the file or folder at the seed. */
  readonly name: string;
  /** A share of kind `file` holds one file, whose path is the share's name. */
  readonly kind: "file" | "folder";
  readonly blockSizeBytes: number;
  readonly sizeBytes: number;
  readonly blockCount: number;
  readonly files: readonly ManifestFile[];
  /** Folders that hold nothing; all other folders follow from the files. */
  readonly emptyFolders: readonly string[];
  /** The SHA-256 of all blocks, one after the other. */
  readonly hashes: Uint8Array;
}

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const manifestSchema = v.strictObject({
  format: v.literal(MANIFEST_FORMAT),
  name: v.string(),
  kind: v.picklist(["file", "folder"]),
  blockSizeBytes: v.pipe(size, v.minValue(MIN_BLOCK_BYTES), v.maxValue(MAX_BLOCK_BYTES)),
  sizeBytes: size,
  blockCount: v.pipe(size, v.maxValue(MAX_BLOCKS)),
  files: v.array(v.strictObject({ path: v.string(), sizeBytes: size, executable: v.boolean() })),
  emptyFolders: v.array(v.string()),
  /** base64 */
  hashes: v.string(),
});

/** The manifest's bytes: compact JSON with the fields in one fixed order, so equal shares make equal swarms. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const json: v.InferOutput<typeof manifestSchema> = {
    format: MANIFEST_FORMAT,
    name: manifest.name,
    kind: manifest.kind,
    blockSizeBytes: manifest.blockSizeBytes,
    sizeBytes: manifest.sizeBytes,
    blockCount: manifest.blockCount,
    files: manifest.files.map(({ path, sizeBytes, executable }) => ({ path, sizeBytes, executable })),
    emptyFolders: [...manifest.emptyFolders],
    hashes: manifest.hashes.toBase64(),
  };
  return new TextEncoder().encode(JSON.stringify(json));
}

/**
 * Reads a manifest from an untrusted peer.
 *
 * @param options.platform where the files would be created (`process.platform`); decides which names are legal
 * @throws {ManifestError} on the first rule it breaks
 */
export function parseManifest(bytes: Uint8Array, options: { readonly platform?: string } = {}): Manifest {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    refuse(`it has ${bytes.length} bytes, at most ${MAX_MANIFEST_BYTES} are allowed`);
  }
  const { format: _, hashes, ...json } = checkShape(parseJson(bytes));
  const manifest: Manifest = { ...json, hashes: decodeHashes(hashes, json.blockCount) };
  checkSums(manifest);
  checkNames(manifest, options.platform ?? "linux");
  return manifest;
}

/** The SHA-256 that block `block` must have; not a copy. */
export function blockHash(manifest: Manifest, block: number): Uint8Array {
  assert(block >= 0 && block < manifest.blockCount, () => `block ${block} of ${manifest.blockCount}`);
  return manifest.hashes.subarray(block * HASH_BYTES, (block + 1) * HASH_BYTES);
}

/** The share's block arithmetic. */
export function geometryOf(manifest: Manifest): Geometry {
  return new Geometry(manifest.sizeBytes, manifest.blockSizeBytes);
}

function refuse(reason: string): never {
  throw new ManifestError(`Cannot use the manifest: ${reason}`);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return refuse("it is not JSON in UTF-8");
  }
}

function checkShape(json: unknown): v.InferOutput<typeof manifestSchema> {
  const result = v.safeParse(manifestSchema, json, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    return refuse(`${v.getDotPath(issue) ?? "manifest"}: ${issue.message}`);
  }
  return result.output;
}

function decodeHashes(text: string, blockCount: number): Uint8Array {
  const length = blockCount * HASH_BYTES;
  if (text.length === Math.ceil(length / 3) * 4) {
    const hashes = decodeBase64(text);
    // White space inside base64 is skipped and leaves too few bytes.
    if (hashes.length === length) {
      return hashes;
    }
  }
  return refuse(`it does not have one hash for each of its ${blockCount} blocks`);
}

function decodeBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return refuse("its hashes are not base64");
  }
}

function checkSums(manifest: Manifest): void {
  let sum = 0;
  for (const file of manifest.files) {
    sum += file.sizeBytes;
  }
  // A sum past 2^53 is rounded, but then it is no safe integer and cannot equal the one that was checked.
  if (sum !== manifest.sizeBytes) {
    refuse(`its files have ${sum} bytes, it says ${manifest.sizeBytes}`);
  }
  const { blockCount } = geometryOf(manifest);
  if (blockCount !== manifest.blockCount) {
    refuse(`its size makes ${blockCount} blocks, it says ${manifest.blockCount}`);
  }
}

function checkNames(manifest: Manifest, platform: string): void {
  const fault = nameFault(manifest.name, platform);
  if (fault !== undefined) {
    refuse(`its name ${fault}`);
  }
  const [first, ...others] = manifest.files;
  const single = first?.path === manifest.name && others.length === 0 && manifest.emptyFolders.length === 0;
  if (manifest.kind === "file" && !single) {
    refuse("a share of one file holds that file only");
  }
  const pathFault = findPathFault(manifest, platform);
  if (pathFault !== undefined) {
    refuse(pathFault);
  }
}
