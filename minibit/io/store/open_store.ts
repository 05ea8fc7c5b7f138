import { ManifestError, UserError } from "../../core/base/errors.ts";
import { DIRECT_STORE_FROM_BYTES, MAX_MANIFEST_BYTES } from "../../core/base/limits.ts";
import { quote } from "../../core/base/quote.ts";
import { encodeManifest, geometryOf } from "../../core/share/manifest.ts";
import { sameDigest } from "./block_hasher.ts";
import type { BlockStore } from "./block_store.ts";
import { setDamagedManifestAside } from "./damaged_manifest.ts";
import { DirectStore, type DirectStoreOptions } from "./direct_store.ts";
import { FolderStore } from "./folder_store.ts";
import { type HashShareOptions, hashShare } from "./hash_share.ts";
import { peerFolder, readStoredManifest, type StoredManifest } from "./peer_folder.ts";
import { remove } from "./result.ts";
import { scanShare, swarmIdOf } from "./share.ts";
import { ShareReader } from "./share_reader.ts";
import { SourceStore } from "./source_store.ts";

export { readStoredManifest };

/** How blocks are kept: `folder` a file a block, `direct` each at its place in the result, `auto` by the share's size. */
export type StoreKind = "auto" | "folder" | "direct";

/** Whose store to open, of which share. */
export interface OpenStoreOptions extends DirectStoreOptions {
  readonly store: StoreKind;
}

/** How to open a seed's store. */
export interface OpenSeedOptions extends HashShareOptions, Pick<OpenStoreOptions, "dir" | "peerId" | "store"> {
  /** Called once the source was looked at and can be shared, before anything is written. */
  readonly onScanned?: () => void;
}

/** A share that was hashed, and the store that serves it. */
export interface OpenSeed extends StoredManifest {
  readonly store: BlockStore;
}

/**
 * Opens the store of a peer that fetches, and finds what earlier runs left in it.
 *
 * @throws {UserError} another share is there, or the folder may not be written to
 */
export async function openStore(options: OpenStoreOptions): Promise<BlockStore> {
  await setDamagedManifestAside(options);
  return await (kindFor(options) === "folder" ? FolderStore.open(options) : DirectStore.open(options));
}

/**
 * Opens the store of a peer that was here before, of the swarm it is to join now.
 *
 * @returns undefined when it keeps nothing yet, or its manifest is damaged: the right one comes from the neighbours
 * @throws {UserError} what it keeps is another share
 */
export async function openKept(
  swarmId: Uint8Array,
  place: Omit<OpenStoreOptions, keyof StoredManifest>,
): Promise<OpenSeed | undefined> {
  const { dir, peerId, to } = place;
  const kept = await readUndamaged(dir, peerId);
  if (kept === undefined) {
    return undefined;
  }
  if (sameDigest(swarmIdOf(kept.manifestBytes), swarmId)) {
    return { ...kept, store: await openStore({ ...place, ...kept }) };
  }
  if (to === undefined) {
    throw new UserError(
      `Cannot use 'blocos_peer_${peerId}' in '${dir}': another share is in it, "${kept.manifest.name}" (remove it, or use another --dir)`,
    );
  }
  // the source has changed since the last run to this place; what was fetched then may still hold the same blocks
  await remove(peerFolder(dir, peerId));
  return undefined;
}

async function readUndamaged(dir: string, peerId: number): Promise<StoredManifest | undefined> {
  try {
    return await readStoredManifest(dir, peerId);
  } catch (error) {
    if (error instanceof UserError && error.cause instanceof ManifestError) {
      return undefined;
    }
    throw error;
  }
}

/**
 * Opens the store of a peer that was here before, if it keeps all blocks: then it needs nobody to make its copy.
 *
 * @throws {UserError} what it keeps cannot be used
 */
export async function openKeptWhole(
  place: Omit<OpenStoreOptions, keyof StoredManifest>,
): Promise<OpenSeed | undefined> {
  const kept = await readStoredManifest(place.dir, place.peerId);
  if (kept === undefined) {
    return undefined;
  }
  const store = await openStore({ ...place, ...kept });
  if (store.found.complete) {
    return { ...kept, store };
  }
  await store.close();
  return undefined;
}

/**
 * Hashes a source and opens the store of the peer that shares it: `direct` serves from the source, `folder` cuts it into
 * block files first.
 *
 * @throws {UserError} something in the source cannot be shared or changed meanwhile; another share is in the peer's folder
 */
export async function openSeed(source: string, options: OpenSeedOptions): Promise<OpenSeed> {
  const share = await scanShare(source, options);
  options.onScanned?.();
  const manifest = await hashShare(share, options);
  const manifestBytes = encodeManifest(manifest);
  if (manifestBytes.length > MAX_MANIFEST_BYTES) {
    const reason = `its names and hashes take ${manifestBytes.length} bytes, at most ${MAX_MANIFEST_BYTES} are sent`;
    throw new UserError(`Cannot share ${quote(source)}: ${reason} (share it in parts, or as an archive)`);
  }
  const storeOptions = { ...options, manifest, manifestBytes };
  await setDamagedManifestAside(storeOptions);
  const from = { path: share.source, reader: new ShareReader(share, geometryOf(manifest)) };
  const store =
    kindFor(storeOptions) === "folder"
      ? await FolderStore.open(storeOptions, from)
      : await SourceStore.open(storeOptions, from);
  return { manifest, manifestBytes, store };
}

function kindFor({ store, manifest, to, bases = [] }: OpenStoreOptions): "folder" | "direct" {
  if (to !== undefined || bases.length > 0) {
    return "direct"; // only there blocks are taken from older copies, and the result goes where it is wanted
  }
  if (store !== "auto") {
    return store;
  }
  return manifest.sizeBytes > DIRECT_STORE_FROM_BYTES ? "direct" : "folder";
}
