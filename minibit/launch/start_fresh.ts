/** What a run on this machine removes before it starts, and how two of them keep out of each other's way. */
import { join, resolve } from "node:path";
import { UserError } from "../core/base/errors.ts";
import { quote } from "../core/base/quote.ts";
import { namesIn } from "../io/store/compare_tree.ts";
import { findForeign } from "../io/store/copy_record.ts";
import { isOwnName, partPath, peerFolder, readStoredManifest, resultPath } from "../io/store/peer_folder.ts";
import { lockPeerFolder, type PlaceLock } from "../io/store/place_lock.ts";
import { recordsOf } from "../io/store/put_in_place.ts";
import { remove, statusOf } from "../io/store/result.ts";

/** Lies in peer 0's folder, which every run has. */
const RUN_LOCK_FILE = "run.lock";
/** How many names of what would be lost are told. */
const SHOWN = 3;

/**
 * Makes this process the only run in a folder.
 *
 * @throws {UserError} another run is at work there, or the folder cannot be made
 */
export function lockRun(dir: string): PlaceLock {
  return lockPeerFolder(dir, 0, { file: RUN_LOCK_FILE, place: dir });
}

/**
 * Removes what an earlier run left of some peers: their blocks, and copies that are still as that run put them there.
 *
 * @param options.peers how many peers will run: 0 to `peers` - 1
 * @param options.source the file or folder that will be shared, absolute
 * @param options.replace whether copies go too that somebody changed, or that no run put there
 * @throws {UserError} something would be lost; the source would be; a peer is at work
 */
export async function startFresh(
  dir: string,
  options: { readonly peers: number; readonly source: string; readonly replace: boolean },
): Promise<void> {
  const { peers, source, replace } = options;
  const left = leftOf(dir, peers);
  if (left.some(({ path }) => `${source}/`.startsWith(`${resolve(path)}/`))) {
    throw new UserError(`Cannot share ${quote(source)}: an earlier run left it, and it would be removed (move it)`);
  }
  const locks = left.filter(({ isBlocks }) => isBlocks).map(({ peerId }) => lockPeerFolder(dir, peerId));
  try {
    const lost = replace ? [] : (await Promise.all(left.map((thing) => findLost(dir, thing)))).flat();
    if (lost.length > 0) {
      const names = lost.slice(0, SHOWN).map((path) => quote(path));
      const more = lost.length > names.length ? ` and ${lost.length - names.length} more` : "";
      throw new UserError(
        `Cannot start fresh in ${quote(dir)}: ${names.join(", ")}${more} would be lost, put there by no earlier run, or changed since (move them away, use another --dir, or --replace)`,
      );
    }
    for (const { path, isBlocks } of left) {
      const inside = isBlocks ? namesIn(path).filter((name) => name !== RUN_LOCK_FILE) : [];
      await Promise.all(isBlocks ? inside.map((name) => remove(join(path, name))) : [remove(path)]);
    }
    // with their locks, which are ours until then
    const emptied = left.filter(({ isBlocks, peerId }) => isBlocks && peerId > 0);
    await Promise.all(emptied.map(({ path }) => remove(path)));
  } finally {
    for (const lock of locks) {
      lock.release();
    }
  }
}

/** Something that bears the name of a peer's blocks or copy. */
interface Left {
  readonly path: string;
  readonly peerId: number;
  readonly isBlocks: boolean;
}

function leftOf(dir: string, peers: number): Left[] {
  return namesIn(dir)
    .sort()
    .flatMap((name) => {
      const [, kind, id] = /^(blocos|reconstruido)_peer_(0|[1-9]\d*)(?:\.|$)/.exec(name) ?? [];
      const peerId = Number(id);
      const path = join(dir, name);
      const isNamedSo = kind === "blocos" && name === `blocos_peer_${id}`;
      // a link that is called so is somebody's, and never looked through
      const isBlocks = isNamedSo && statusOf(path)?.isDirectory() === true;
      const isLeft = kind !== undefined && peerId < peers && (isNamedSo || kind === "reconstruido");
      return isLeft ? [{ path, peerId, isBlocks }] : [];
    });
}

/** The paths of what is nobody's but a user's. */
async function findLost(dir: string, { path, peerId, isBlocks }: Left): Promise<string[]> {
  if (isBlocks) {
    const isOwn = (name: string): boolean =>
      name === RUN_LOCK_FILE || (isOwnName(name) && statusOf(join(path, name))?.isFile() === true);
    const names = namesIn(path).filter((name) => !isOwn(name));
    return names.map((name) => join(path, name));
  }
  if (await isPartOf(dir, { path, peerId })) {
    return [];
  }
  const { count, first } = await findForeign(path, recordsOf({ result: path, home: peerFolder(dir, peerId) }));
  const named = first.map((name) => join(path, name));
  return [...named, ...Array.from({ length: count - named.length }, () => path)];
}

/** Whether this is the copy that a peer was making of the share in its folder. */
async function isPartOf(dir: string, { path, peerId }: Pick<Left, "path" | "peerId">): Promise<boolean> {
  try {
    const stored = await readStoredManifest(dir, peerId);
    return stored !== undefined && path === partPath(resultPath(dir, { peerId, manifest: stored.manifest }));
  } catch (error) {
    if (error instanceof UserError) {
      return path.endsWith(".part"); // of which share is not to be known: its manifest is damaged
    }
    throw error;
  }
}
