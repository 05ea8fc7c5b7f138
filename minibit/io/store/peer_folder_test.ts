import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { describeSource, randomBytes, useTempFolders } from "../testing/temp_share.ts";
import {
  claimPeerFolder,
  listBlocks,
  peerFolder,
  readBlockCount,
  readStoredManifest,
  resultPath,
  writeWhole,
} from "./peer_folder.ts";

const tempFolder = useTempFolders();

test("resultPath() keeps a single file's extension, unless the name would be too long for a disk", () => {
  const named = (name: string, kind: Manifest["kind"]): string =>
    resultPath("d", { peerId: 1, manifest: { name, kind } as Manifest });
  expect(named("a.tar.gz", "file")).toBe(join("d", "reconstruido_peer_1.gz"));
  expect(named("a", "file")).toBe(join("d", "reconstruido_peer_1"));
  expect(named(".bashrc", "file")).toBe(join("d", "reconstruido_peer_1"));
  expect(named("a.b", "folder")).toBe(join("d", "reconstruido_peer_1"));
  expect(named(`a.${"x".repeat(250)}`, "file")).toBe(join("d", "reconstruido_peer_1"));
  expect(named(`a.${"x".repeat(200)}`, "file")).toEndWith("x");
});

test("listBlocks() knows block files by their names", () => {
  const folder = tempFolder();
  for (const name of ["block_2", "block_10", "block_count.txt", "block_007", "Block_1", "block_1.part", "xblock_1"]) {
    writeFileSync(join(folder, name), "");
  }
  expect(listBlocks(folder)).toEqual([2, 10]);
});

describe("claimPeerFolder() and readStoredManifest()", () => {
  test("keep the manifest's exact bytes and the number of blocks", async () => {
    const source = join(tempFolder(), "x");
    writeFileSync(source, randomBytes(5000));
    const stored = await describeSource(source, 1024);
    const dir = join(tempFolder(), "made/on/the/way");
    expect(await readStoredManifest(dir, 7)).toBeUndefined();
    const folder = await claimPeerFolder({ ...stored, dir, peerId: 7 });
    expect(folder).toBe(peerFolder(dir, 7));
    const read = await readStoredManifest(dir, 7);
    expect(read?.manifest).toEqual(stored.manifest);
    expect(Buffer.compare(read?.manifestBytes ?? new Uint8Array(), stored.manifestBytes)).toBe(0);
    expect(await readBlockCount(folder)).toBe(5);
    expect(await claimPeerFolder({ ...stored, dir, peerId: 7 })).toBe(folder);
  });

  test("refuse a manifest that cannot be used, with what to do", async () => {
    const dir = tempFolder();
    mkdirSync(peerFolder(dir, 1));
    writeFileSync(join(peerFolder(dir, 1), "manifest.json"), "{}");
    const refused = readStoredManifest(dir, 1);
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow("(remove its folder, or use another --dir)");
  });
});

test("readBlockCount() reads a bare number, with or without an end of line, and nothing else", async () => {
  const folder = tempFolder();
  expect(await readBlockCount(folder)).toBeUndefined();
  for (const [text, count] of [
    ["17", 17],
    ["17\n", 17],
    ["0", 0],
    ["", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["99999999", undefined],
  ] as const) {
    writeFileSync(join(folder, "block_count.txt"), text);
    expect(await readBlockCount(folder)).toBe(count);
  }
});

test("writeWhole() replaces a file, and leaves nothing behind when it cannot", () => {
  const folder = tempFolder();
  const path = join(folder, "f");
  writeWhole(path, randomBytes(10, 1));
  writeWhole(path, randomBytes(20, 2));
  expect(readFileSync(path)).toHaveLength(20);
  mkdirSync(join(folder, "taken"));
  expect(() => writeWhole(join(folder, "taken"), randomBytes(1))).toThrow(UserError);
  expect(() => writeWhole(join(folder, "no/such/folder"), randomBytes(1))).toThrow("Cannot write '");
  expect(readdirSync(folder).sort()).toEqual(["f", "taken"]);
});
