import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchMissing, randomBytes, readTree, TempShare, useTempFolders } from "../testing/temp_share.ts";
import { openKept, openSeed, openStore, type StoreKind } from "./open_store.ts";
import { manifestPath, peerFolder, readBlockCount } from "./peer_folder.ts";
import { swarmIdOf } from "./share.ts";

const PEER = 3;
const BLOCK = 1024;
const tempFolder = useTempFolders();

function makeFifo(path: string): void {
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
}

/** A peer that fetched some blocks of a share, and then ended. */
async function kept(store: StoreKind): Promise<{ dir: string; used: TempShare; manifest: string }> {
  const used = await TempShare.file(tempFolder(), randomBytes(20 * BLOCK));
  const dir = tempFolder();
  const opened = await openStore({ ...used.stored, dir, peerId: PEER, store });
  for (const block of [1, 4, 17]) {
    await opened.write(block, 0, used.block(block));
    await opened.commit(block);
  }
  await opened.close();
  return { dir, used, manifest: manifestPath(dir, PEER) };
}

describe.each(["folder", "direct"] as const)("a manifest.json that was damaged, with the %s store", (store) => {
  const damages = [
    ["cut", (path: string) => truncateSync(path, 100)],
    ["emptied", (path: string) => truncateSync(path, 0)],
    ["overwritten", (path: string) => writeFileSync(path, randomBytes(500))],
  ] as const;

  test.each(damages)("%s: costs no block, and is kept beside the right one", async (_, damage) => {
    const { dir, used, manifest } = await kept(store);
    damage(manifest);
    const damaged = readFileSync(manifest);
    const place = { dir, peerId: PEER, store };
    expect(await openKept(swarmIdOf(used.stored.manifestBytes), place)).toBeUndefined(); // so it is fetched
    const again = await openStore({ ...used.stored, ...place });
    expect([...again.found]).toEqual([1, 4, 17]);
    expect(readFileSync(manifest).equals(used.stored.manifestBytes)).toBe(true);
    expect(readFileSync(`${manifest}.damaged`).equals(damaged)).toBe(true);
    await fetchMissing(again, used);
    expect(readTree(await again.finish())).toEqual(readTree(used.source));
    await again.close();
  });

  test("is no reason to lose the blocks of another share", async () => {
    const { dir, manifest } = await kept(store);
    const other = await TempShare.file(tempFolder(), randomBytes(20 * BLOCK, 9));
    writeFileSync(manifest, "{");
    const before = readTree(dir);
    const opening = openStore({ ...other.stored, dir, peerId: PEER, store });
    await expect(opening).rejects.toThrow(
      "another share is in it, and its manifest.json is damaged (remove it, or use",
    );
    expect(readTree(dir)).toEqual(before);
  });
});

test("a seed whose manifest.json is damaged goes on with its blocks", async () => {
  const used = await TempShare.file(tempFolder(), randomBytes(20 * BLOCK));
  const dir = tempFolder();
  const options = { dir, peerId: 0, store: "folder", blockSizeBytes: BLOCK } as const;
  await (await openSeed(used.source, options)).store.close();
  truncateSync(manifestPath(dir, 0), 30);
  const seed = await openSeed(used.source, options);
  expect(seed.store.found.complete).toBe(true);
  await seed.store.close();
});

test("what is no file in the place of manifest.json is told in one line, and nothing is waited for", async () => {
  const { dir, used, manifest } = await kept("folder");
  const swarm = swarmIdOf(used.stored.manifestBytes);
  const place = { dir, peerId: PEER, store: "folder" } as const;
  unlinkSync(manifest);
  makeFifo(manifest);
  await expect(openKept(swarm, place)).rejects.toThrow(`Cannot read '${manifest}': it is no file (move it away)`);
  unlinkSync(manifest);
  symlinkSync("/dev/zero", manifest);
  await expect(openKept(swarm, place)).rejects.toThrow(`Cannot read '${manifest}': a symbolic link is in its place`);
  await expect(openStore({ ...used.stored, ...place })).rejects.toThrow("a symbolic link is in its place");
});

test("a FIFO in the place of block_count.txt keeps nobody waiting", async () => {
  const { dir, used } = await kept("folder");
  const folder = peerFolder(dir, PEER);
  unlinkSync(join(folder, "block_count.txt"));
  makeFifo(join(folder, "block_count.txt"));
  expect(await readBlockCount(folder)).toBeUndefined();
  const again = await openStore({ ...used.stored, dir, peerId: PEER, store: "folder" });
  expect([...again.found]).toEqual([1, 4, 17]);
  expect(await readBlockCount(folder)).toBe(20);
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  await again.close();
});
