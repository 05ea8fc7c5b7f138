import { expect, test } from "bun:test";
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  changeByte,
  fetchAll,
  fetchMissing,
  randomBytes,
  readTree,
  rotByte,
  TempShare,
  useTempFolders,
} from "../testing/temp_share.ts";
import { FolderStore } from "./folder_store.ts";
import { partPath, peerFolder } from "./peer_folder.ts";

const PEER = 3;
const tempFolder = useTempFolders();

test("FolderStore joins its blocks again when the result is gone or damaged, without fetching", async () => {
  const share = await TempShare.file(tempFolder(), randomBytes(5000), { name: "x.txt" });
  const dir = tempFolder();
  const options = { ...share.stored, dir, peerId: PEER };
  const result = await fetchAll(await FolderStore.open(options), share);
  for (const damage of [() => rotByte(result, 0), () => rmSync(result), () => renameSync(result, partPath(result))]) {
    damage();
    const store = await FolderStore.open(options);
    expect(store.found.complete).toBe(true);
    await store.finish();
    await store.close();
    expect(readTree(result)).toEqual(readTree(share.source));
  }
  expect(readdirSync(dir)).toHaveLength(2);
});

test("FolderStore joins no block that was damaged after it came", async () => {
  const share = await TempShare.file(tempFolder(), randomBytes(5000));
  const dir = tempFolder();
  const options = { ...share.stored, dir, peerId: PEER };
  const store = await FolderStore.open(options);
  await fetchMissing(store, share);
  changeByte(join(peerFolder(dir, PEER), "block_3"), 5);
  await expect(store.finish()).rejects.toThrow("it was damaged on disk (start again to fetch it anew)");
  expect(existsSync(share.resultOf({ dir: dir, peerId: PEER }))).toBe(false);
  await store.close();
  const again = await FolderStore.open(options);
  expect([...again.found]).toEqual([0, 1, 2, 4]);
  await fetchAll(again, share);
});
