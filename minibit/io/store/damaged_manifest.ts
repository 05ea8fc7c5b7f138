import { renameSync } from "node:fs";
import { ManifestError, UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { parseManifest } from "../../core/share/manifest.ts";
import { diskError } from "../os/disk_error.ts";
import { getLogger } from "../os/logging.ts";
import { blockBuffer, hasBlockFile } from "./block_files.ts";
import {
  damagedOf,
  listBlocks,
  manifestPath,
  type PeerFolderOptions,
  partPath,
  peerFolder,
  readManifestBytes,
  resultPath,
} from "./peer_folder.ts";
import { findBlocks, statusOf } from "./result.ts";

/** Of so many block files it is looked at whether they are of a share. */
const SAMPLE = 64;

/**
 * Where a peer's manifest was cut or damaged on disk: sets it aside, so that the right one, known by now, takes its place and the blocks
 * beside it are kept. A manifest that can be read is left alone, whatever it says.
 *
 * @throws {UserError} what lies beside it is of another share, and would be lost
 */
export async function setDamagedManifestAside(options: PeerFolderOptions): Promise<void> {
  const { dir, peerId, manifestBytes, to } = options;
  const known = readManifestBytes(dir, peerId);
  if (known === undefined || Buffer.compare(known, manifestBytes) === 0 || isManifest(known)) {
    return;
  }
  const path = manifestPath(dir, peerId);
  // beside `to` any share may be in the making: what is not of this one is fetched over there
  if (to === undefined && !(await isOfShare(options))) {
    throw new UserError(
      `Cannot use ${quote(peerFolder(dir, peerId))}: another share is in it, and its manifest.json is damaged (remove it, or use another --dir)`,
    );
  }
  const aside = damagedOf(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    throw diskError(`Cannot set ${quote(path)} aside`, error);
  }
  getLogger("store").warn("{path} was damaged: it is kept as {aside}, and the blocks beside it are looked at", {
    path,
    aside,
  });
}

function isManifest(bytes: Uint8Array): boolean {
  try {
    parseManifest(bytes, { platform: process.platform });
    return true;
  } catch (error) {
    if (error instanceof ManifestError) {
      return false;
    }
    throw error;
  }
}

/** Whether what lies there is of this share, as far as its hashes tell; also when there is nothing to lose. */
async function isOfShare(options: PeerFolderOptions): Promise<boolean> {
  const { dir, peerId, manifest } = options;
  const folder = peerFolder(dir, peerId);
  const blocks = listBlocks(folder);
  if (blocks.length > 0) {
    return areMostRight(blocks, { folder, manifest });
  }
  const result = resultPath(dir, options);
  for (const copy of [partPath(result), result]) {
    if (statusOf(copy) !== undefined) {
      return (await findBlocks(copy, manifest)).count > 0;
    }
  }
  return true;
}

function areMostRight(
  blocks: readonly number[],
  from: { readonly folder: string; readonly manifest: Manifest },
): boolean {
  const buffer = blockBuffer(from.manifest);
  const step = Math.ceil(blocks.length / SAMPLE);
  const sample = blocks.filter((_, i) => i % step === 0);
  const right = sample.filter((block) => hasBlockFile(block, { ...from, buffer }));
  return right.length > sample.length / 2;
}
