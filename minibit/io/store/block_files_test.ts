import { expect, test } from "bun:test";
import { readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { randomBytes, TempShare, useTempFolders, writeTree } from "../testing/temp_share.ts";
import { blockBuffer, checkBlockFiles, readBlockFile } from "./block_files.ts";

const tempFolder = useTempFolders();

test("checkBlockFiles() passes on the intact files and deletes all others with the name of a block", async () => {
  const share = await TempShare.file(tempFolder(), randomBytes(4500));
  const { manifest } = share.stored;
  const folder = tempFolder();
  writeTree(folder, {
    block_0: share.block(0),
    block_4: share.block(4),
    block_1: share.block(0),
    block_2: share.block(2).subarray(1),
    block_5: "no such block",
    "block_count.txt": "5",
    other: share.block(3),
  });
  symlinkSync(join(folder, "other"), join(folder, "block_3"));
  const seen: number[] = [];
  await checkBlockFiles({ folder, manifest }, (block, bytes) => {
    seen.push(block);
    expect(Buffer.compare(bytes, share.block(block))).toBe(0);
  });
  expect(seen).toEqual([0, 4]);
  expect(readdirSync(folder).sort()).toEqual(["block_0", "block_4", "block_count.txt", "other"]);
});

test("readBlockFile() gives a right block's bytes, and nothing for any other", async () => {
  const share = await TempShare.file(tempFolder(), randomBytes(2500));
  const { manifest } = share.stored;
  const folder = tempFolder();
  const from = { folder, manifest, buffer: blockBuffer(manifest) };
  writeTree(folder, { block_2: share.block(2), block_1: share.block(0) });
  expect(Buffer.compare(readBlockFile(2, from) ?? new Uint8Array(), share.block(2))).toBe(0);
  expect([0, 1, 3, -1].map((block) => readBlockFile(block, from))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
