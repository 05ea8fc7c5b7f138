/** Both stores: what stands where their copy goes, and when it may be replaced. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  fetchAll,
  fetchMissing,
  randomBytes,
  readTree,
  rotByte,
  TempShare,
  useTempFolders,
  writeTree,
} from "../testing/temp_share.ts";
import type { BlockStore } from "./block_store.ts";
import { DirectStore } from "./direct_store.ts";
import { openStore } from "./open_store.ts";
import { partPath, peerFolder } from "./peer_folder.ts";
import type { PlacementOptions } from "./placement.ts";

const PEER = 3;
const tempFolder = useTempFolders();
const nested = {
  "a/b/deep.bin": randomBytes(5000, 2),
  "a/run me.sh": "#!/bin/sh\n",
  "also/empty": "",
  "empty.txt": "",
  "nothing/in here": null,
  "-rf": "x",
};

describe.each(["folder", "direct"] as const)("the %s store", (store) => {
  const open = (share: TempShare, dir: string, options: PlacementOptions = {}): Promise<BlockStore> =>
    openStore({ ...share.stored, dir, peerId: PEER, store, ...options });

  test("mends what no block holds: empty files, executable bits, bytes behind the end", async () => {
    const share = await TempShare.folder(tempFolder(), nested, { executables: ["a/run me.sh"] });
    const dir = tempFolder();
    const result = await fetchAll(await open(share, dir), share);
    rmSync(join(result, "empty.txt"));
    rmSync(join(result, "nothing"), { recursive: true });
    chmodSync(join(result, "-rf"), 0o755);
    const mended = await open(share, dir);
    expect(mended.found.complete).toBe(true);
    expect(readTree(await fetchAll(mended, share))).toEqual(readTree(share.source));
    writeTree(result, { "-rf": "xyz" });
    await expect(open(share, dir)).rejects.toThrow("'-rf'");
    const store = await open(share, dir, { replace: true });
    expect(store.found.complete).toBe(true);
    expect(readTree(await fetchAll(store, share))).toEqual(readTree(share.source));
  });

  test("replaces somebody's folder only when told to, tells of it, and only at the end", async () => {
    const dir = tempFolder();
    const share = await TempShare.folder(tempFolder(), nested);
    const theirs = share.resultOf({ dir: dir, peerId: PEER });
    writeTree(theirs, { "old/file": "of another share" });
    await expect(open(share, dir)).rejects.toThrow("'old', 'old/file' would be lost");
    expect(readTree(theirs).size).toBe(3);
    const notes: string[] = [];
    const store = await open(share, dir, { replace: true, onNote: (text) => notes.push(text) });
    expect(notes).toEqual([`Replacing what is at '${theirs}': 'old', 'old/file'`]);
    await fetchMissing(store, share);
    expect(readFileSync(join(share.resultOf({ dir: dir, peerId: PEER }), "old/file"), "utf8")).toBe("of another share");
    expect(readTree(await fetchAll(store, share))).toEqual(readTree(share.source));
    expect(readdirSync(dir)).toHaveLength(2);
    expect(readdirSync(peerFolder(dir, PEER)).filter((name) => name.includes("old"))).toEqual([]);
  });

  test.each<[string, (result: string) => void, string]>([
    [
      "an edited file",
      (result) => writeFileSync(join(result, "a/run me.sh"), "#!/bin/sh\necho mine\n"),
      "'a/run me.sh'",
    ],
    ["a file that was added", (result) => writeFileSync(join(result, "notes"), "mine"), "'notes'"],
    ["a link that was added", (result) => symlinkSync("/", join(result, "also/link")), "'also/link'"],
    ["a folder that was added", (result) => mkdirSync(join(result, "new")), "'new'"],
  ])("does not replace a copy with %s", async (_, change, named) => {
    const dir = tempFolder();
    const share = await TempShare.folder(tempFolder(), nested);
    const result = await fetchAll(await open(share, dir), share);
    change(result);
    const before = readTree(dir);
    await expect(open(share, dir)).rejects.toThrow(`${named} would be lost`);
    expect(readTree(dir)).toEqual(before);
  });

  test("refuses a file that bears the name of a copy in the making, where it has never made one", async () => {
    const dir = tempFolder();
    const share = await TempShare.folder(tempFolder(), nested);
    const part = partPath(share.resultOf({ dir, peerId: PEER }));
    writeFileSync(part, "mine");
    await expect(open(share, dir)).rejects.toThrow(`Cannot use '${part}': it was there before`);
    expect(readFileSync(part, "utf8")).toBe("mine");
  });

  test("makes a copy of this version alone, whatever another one left half-fetched", async () => {
    const dir = tempFolder();
    const share = await TempShare.folder(tempFolder(), nested);
    const part = partPath(share.resultOf({ dir, peerId: PEER }));
    const opened = await open(share, dir);
    await fetchMissing(opened, share);
    writeTree(part, { "gone.bin": "of an earlier version", "a/gone/too": "x", "no/thing/new": null });
    await fetchAll(opened, share);
    expect(readTree(share.resultOf({ dir, peerId: PEER }))).toEqual(readTree(share.source));
  });

  test("closes only when a copy that is being put in its place stands there", async () => {
    const dir = tempFolder();
    const share = await TempShare.folder(tempFolder(), nested);
    const opened = await open(share, dir);
    await fetchMissing(opened, share);
    const finishing = opened.finish();
    await opened.close();
    expect(readTree(share.resultOf({ dir, peerId: PEER }))).toEqual(readTree(share.source));
    await finishing;
  });
});

test("a block that turns out to be damaged while the disk is waited for is not called complete", async () => {
  const dir = tempFolder();
  const share = await TempShare.folder(tempFolder(), nested);
  const store = await DirectStore.open({ ...share.stored, dir, peerId: PEER });
  await fetchMissing(store, share);
  const finishing = store.finish();
  rotByte(join(partPath(share.resultOf({ dir, peerId: PEER })), "a/b/deep.bin"), 3);
  expect(store.recheck(0)).toBe("lost");
  await expect(finishing).rejects.toThrow("it was damaged on disk (start again to fetch it anew)");
  expect(existsSync(share.resultOf({ dir, peerId: PEER }))).toBe(false);
  await store.close();
});
