import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import {
  fetchAll,
  fetchMissing,
  randomBytes,
  readTree,
  rotByte,
  TempShare,
  useTempFolders,
} from "../testing/temp_share.ts";
import { DirectStore } from "./direct_store.ts";

const PEER = 3;
const tempFolder = useTempFolders();

test("DirectStore moves a damaged result back to .part until it is whole again", async () => {
  const share = await TempShare.file(tempFolder(), randomBytes(5000), { name: "x.txt" });
  const dir = tempFolder();
  const options = { ...share.stored, dir, peerId: PEER };
  const result = await fetchAll(await DirectStore.open(options), share);
  rotByte(result, 0);
  const store = await DirectStore.open(options);
  expect([...store.found]).toEqual([1, 2, 3, 4]);
  expect(existsSync(result)).toBe(false);
  await fetchAll(store, share);
  expect(readTree(result)).toEqual(readTree(share.source));
});

test("DirectStore can be read from while its copy gets its final name", async () => {
  // more files than are kept open
  const files = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, randomBytes(50, i)]));
  const share = await TempShare.folder(tempFolder(), files);
  const place = { dir: tempFolder(), peerId: PEER };
  const store = await DirectStore.open({ ...share.stored, ...place });
  await fetchMissing(store, share);
  let finished = false;
  const finishing = store.finish().then(() => {
    finished = true;
  });
  while (!finished) {
    for (const block of share.blocks) {
      const right = Buffer.from(share.block(block));
      const bytes = Buffer.alloc(right.length);
      store.readInto(block, 0, bytes);
      expect(bytes.equals(right)).toBe(true);
    }
    await Bun.sleep(0);
  }
  await finishing;
  await store.close();
  expect(existsSync(`${share.resultOf(place)}.part`)).toBe(false);
  expect(readTree(share.resultOf(place))).toEqual(readTree(share.source));
});
