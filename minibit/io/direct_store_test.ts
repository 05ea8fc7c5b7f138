import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { DirectStore } from "./direct_store.ts";
import { changeByte, fetchAll, randomBytes, readTree, TempShare, useTempFolders } from "./temp_share.ts";

const PEER = 3;
const tempFolder = useTempFolders();

test("DirectStore moves a damaged result back to .part until it is whole again", async () => {
  const share = await TempShare.file(tempFolder(), randomBytes(5000), { name: "x.txt" });
  const dir = tempFolder();
  const options = { ...share.stored, dir, peerId: PEER };
  const result = await fetchAll(await DirectStore.open(options), share);
  changeByte(result, 0);
  const store = await DirectStore.open(options);
  expect([...store.found]).toEqual([1, 2, 3, 4]);
  expect(existsSync(result)).toBe(false);
  await fetchAll(store, share);
  expect(readTree(result)).toEqual(readTree(share.source));
});
