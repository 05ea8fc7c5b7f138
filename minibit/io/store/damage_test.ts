/** Damage at rest, as each store notices and mends it. */
import { describe, expect, test } from "bun:test";
import { appendFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { geometryOf } from "../../core/share/manifest.ts";
import { changeByte, fetchMissing, randomBytes, readTree, TempShare, useTempFolders } from "../testing/temp_share.ts";
import type { BlockStore } from "./block_store.ts";
import { DirectStore } from "./direct_store.ts";
import { FolderStore } from "./folder_store.ts";
import { type OpenSeed, openSeed } from "./open_store.ts";
import { blockPath, partPath, peerFolder } from "./peer_folder.ts";

const BLOCK = 1024;
const BLOCKS = 8;
const PEER = 3;
const tempFolder = useTempFolders();

/** A share of 8 blocks in two files. */
function share(): Promise<TempShare> {
  return TempShare.folder(tempFolder(), { a: randomBytes(3 * BLOCK, 1), b: randomBytes(5 * BLOCK, 2) });
}

/** Damages a file later than it was written, as the clock tells that files are stamped with: it ticks every few milliseconds. */
async function damageLater(path: string, damage: (path: string) => void): Promise<void> {
  const nowMs = Date.now();
  const probe = join(tempFolder(), "probe");
  do {
    await Bun.sleep(1);
    writeFileSync(probe, "");
  } while (statSync(probe).ctimeMs <= nowMs + 1);
  damage(path);
}

/** The blocks of which a part would not be given away unseen. */
function needingRecheck(store: BlockStore): number[] {
  return Array.from({ length: BLOCKS }, (_, block) => block).filter((block) => store.needsRecheck(block, 100, 200));
}

function isRightAt(store: BlockStore, of: { readonly share: TempShare; readonly block: number }): boolean {
  const into = new Uint8Array(BLOCK);
  store.readInto(of.block, 0, into);
  return Buffer.compare(into, of.share.block(of.block)) === 0;
}

describe("the folder store", () => {
  async function openedSeed(): Promise<{ seed: OpenSeed; used: TempShare; folder: string }> {
    const used = await share();
    const dir = tempFolder();
    const seed = await openSeed(used.source, { dir, peerId: 0, store: "folder", blockSizeBytes: BLOCK });
    return { seed, used, folder: peerFolder(dir, 0) };
  }

  test("of a seed rechecks a block file that was written to, and cuts it anew from the source", async () => {
    const { seed, used, folder } = await openedSeed();
    expect(needingRecheck(seed.store)).toEqual([]);
    await damageLater(blockPath(folder, 3), (path) => changeByte(path, 17));
    expect(needingRecheck(seed.store)).toEqual([3]);
    expect(seed.store.recheck(3)).toBe("mended");
    expect(isRightAt(seed.store, { share: used, block: 3 })).toBe(true);
    expect(needingRecheck(seed.store)).toEqual([0, 1, 2, 4, 5, 6, 7]); // one was damaged: the others are looked at once more
    expect(seed.store.recheck(4)).toBe("intact");
    expect(needingRecheck(seed.store)).toEqual([0, 1, 2, 5, 6, 7]);
    await seed.store.close();
  });

  test("of a seed mends a block file that was cut or removed", async () => {
    const { seed, used, folder } = await openedSeed();
    await damageLater(blockPath(folder, 1), (path) => truncateSync(path, 10));
    rmSync(blockPath(folder, 2));
    expect(needingRecheck(seed.store)).toEqual([1, 2]);
    for (const block of [1, 2]) {
      expect(seed.store.recheck(block)).toBe("mended");
      expect(isRightAt(seed.store, { share: used, block })).toBe(true);
    }
    await seed.store.close();
  });

  test("of a seed stops giving a damaged block when the source has changed", async () => {
    const { seed, used, folder } = await openedSeed();
    await damageLater(blockPath(folder, 3), (path) => changeByte(path, 17));
    appendFileSync(join(used.source, "b"), "x");
    expect(seed.store.recheck(3)).toBe("withdrawn");
    await seed.store.close();
  });

  test("of a fetching peer gives a damaged block up, and takes it again", async () => {
    const used = await share();
    const dir = tempFolder();
    const store = await FolderStore.open({ ...used.stored, dir, peerId: PEER });
    await fetchMissing(store, used);
    expect(needingRecheck(store)).toEqual([]);
    await damageLater(blockPath(peerFolder(dir, PEER), 5), (path) => changeByte(path, 0));
    expect(needingRecheck(store)).toEqual([5]);
    expect(store.recheck(5)).toBe("lost");
    await store.write(5, 0, used.block(5));
    await store.commit(5);
    expect(store.needsRecheck(5)).toBe(false);
    expect(readTree(await store.finish())).toEqual(readTree(used.source));
    await store.close();
  });

  test("of a complete peer mends a damaged block from the copy", async () => {
    const used = await share();
    const dir = tempFolder();
    const store = await FolderStore.open({ ...used.stored, dir, peerId: PEER });
    await fetchMissing(store, used);
    const result = await store.finish();
    await damageLater(blockPath(peerFolder(dir, PEER), 5), (path) => changeByte(path, 0));
    expect(store.recheck(5)).toBe("mended");
    expect(isRightAt(store, { share: used, block: 5 })).toBe(true);
    await damageLater(blockPath(peerFolder(dir, PEER), 5), (path) => changeByte(path, 0));
    changeByte(join(result, "b"), 2 * BLOCK + 1);
    expect(store.recheck(5)).toBe("withdrawn");
    await store.close();
  });

  test("does not lose a block whose file was only touched", async () => {
    const { seed, folder } = await openedSeed();
    await damageLater(blockPath(folder, 3), (path) => utimesSync(path, 1, 1));
    expect(needingRecheck(seed.store)).toEqual([3]);
    expect(seed.store.recheck(3)).toBe("intact");
    expect(needingRecheck(seed.store)).toEqual([]);
    await seed.store.close();
  });
});

describe("the direct store", () => {
  async function openedCopy(): Promise<{ store: DirectStore; used: TempShare; result: string; part: string }> {
    const used = await share();
    const dir = tempFolder();
    const result = join(tempFolder(), "copy");
    const store = await DirectStore.open({ ...used.stored, dir, peerId: PEER, to: result });
    await fetchMissing(store, used);
    return { store, used, result, part: partPath(used.resultOf({ dir, peerId: PEER })) };
  }

  test("rechecks the blocks of a finished copy's file that its owner writes to, serves them no more, and leaves them", async () => {
    const { store, result } = await openedCopy();
    await store.finish();
    await damageLater(join(result, "b"), (path) => changeByte(path, 10));
    const edited = readTree(result);
    expect(store.needsRecheck(2, 0, BLOCK)).toBe(false);
    expect(store.needsRecheck(3, 0, BLOCK)).toBe(true);
    expect(needingRecheck(store)).toEqual([3, 4, 5, 6, 7]);
    expect(store.recheck(4)).toBe("intact");
    expect(store.recheck(3)).toBe("withdrawn");
    expect(readTree(result)).toEqual(edited);
    await store.close();
  });

  test("gives no block of a finished copy that was cut", async () => {
    const { store, result } = await openedCopy();
    await store.finish();
    expect(needingRecheck(store)).toEqual([]);
    await damageLater(join(result, "b"), (path) => truncateSync(path, 10));
    expect(store.needsRecheck(7, 0, BLOCK)).toBe(true);
    expect(store.recheck(7)).toBe("withdrawn");
    expect(store.recheck(1)).toBe("intact");
    await store.close();
  });

  test("gives up a damaged block of a copy in the making, and takes it again", async () => {
    const { store, used, part } = await openedCopy();
    changeByte(join(part, "b"), geometryOf(used.stored.manifest).offsetOf(5) - 3 * BLOCK);
    expect(store.recheck(5)).toBe("lost");
    await store.write(5, 0, used.block(5));
    await store.commit(5);
    expect(store.needsRecheck(5, 0, BLOCK)).toBe(false);
    expect(readTree(await store.finish())).toEqual(readTree(used.source));
    await store.close();
  });
});

describe("a seed that serves from its source", () => {
  async function openedSource(): Promise<{ seed: OpenSeed; used: TempShare }> {
    const used = await share();
    utimesSync(join(used.source, "b"), 1000, 1000);
    const seed = await openSeed(used.source, { dir: tempFolder(), peerId: 0, store: "direct", blockSizeBytes: BLOCK });
    return { seed, used };
  }

  test("stops serving a block that its disk damaged silently, and rechecks all others before it serves them", async () => {
    const { seed, used } = await openedSource();
    const path = join(used.source, "b");
    await damageLater(path, (path) => changeByte(path, 10));
    utimesSync(path, 1000, 1000);
    expect(seed.store.recheck(3)).toBe("withdrawn");
    expect(needingRecheck(seed.store)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(seed.store.recheck(4)).toBe("intact");
    expect(seed.store.needsRecheck(4, 0, BLOCK)).toBe(false);
    await seed.store.close();
  });

  test("ends when its source was changed: nothing of it is what the swarm shares", async () => {
    const { seed, used } = await openedSource();
    appendFileSync(join(used.source, "b"), "x");
    expect(() => seed.store.recheck(3)).toThrow(UserError);
    await seed.store.close();
  });
});
