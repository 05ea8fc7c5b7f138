/** The conformance suite of block stores: whatever is said of one holds for each. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { geometryOf, type Manifest } from "../../core/share/manifest.ts";
import {
  changeByte,
  fetchAll,
  fetchMissing,
  randomBytes,
  readTree,
  rotByte,
  TempShare,
  type Tree,
  useTempFolders,
  writeTree,
} from "../testing/temp_share.ts";
import type { BlockStore } from "./block_store.ts";
import { DirectStore } from "./direct_store.ts";
import { FolderStore } from "./folder_store.ts";
import { partPath, peerFolder, resultPath, type StoredManifest } from "./peer_folder.ts";
import type { PlacementOptions } from "./placement.ts";

const BLOCK = 1024;
const PEER = 3;
const tempFolder = useTempFolders();

/** A store under test, and how to damage a block that it keeps in `dir`. */
interface StoreKind {
  readonly name: string;
  open(options: StoredManifest & { dir: string; peerId: number } & PlacementOptions): Promise<BlockStore>;
  damage(kept: { dir: string; manifest: Manifest; block: number }): void;
}

const KINDS: readonly StoreKind[] = [
  {
    name: "FolderStore",
    open: (options) => FolderStore.open(options),
    damage: ({ dir, block }) => changeByte(join(peerFolder(dir, PEER), `block_${block}`), 0),
  },
  {
    name: "DirectStore",
    open: (options) => DirectStore.open(options),
    damage: ({ dir, manifest, block }) =>
      changeByte(partPath(resultPath(dir, { peerId: PEER, manifest })), geometryOf(manifest).offsetOf(block)),
  },
];

const nested: Tree = {
  "a/b/c/deep.bin": randomBytes(5000, 2),
  "a/run me.sh": "#!/bin/sh\necho hi\n",
  "empty.txt": "",
  "also/empty": "",
  "nothing/in here": null,
  "ação/日本 😀\nnew line.txt": randomBytes(1500, 3),
  "-rf": "x",
  "z.exact": randomBytes(BLOCK, 4),
};

describe.each(KINDS)("$name", (kind) => {
  const open = (share: TempShare, dir: string, options: PlacementOptions = {}): Promise<BlockStore> =>
    kind.open({ ...share.stored, dir, peerId: PEER, ...options });

  test("rebuilds a file under its source's extension, and a folder with all that is in it", async () => {
    const shares = [
      await TempShare.file(tempFolder(), randomBytes(10_000), { name: "some.data.txt" }),
      await TempShare.file(tempFolder(), randomBytes(1), { name: "no extension" }),
      await TempShare.file(tempFolder(), randomBytes(3000), { name: "nested.part" }),
      await TempShare.folder(tempFolder(), nested, { executables: ["a/run me.sh", "also/empty"] }),
    ];
    for (const share of shares) {
      const dir = tempFolder();
      const store = await open(share, dir);
      expect(store.found.count).toBe(0);
      const result = await fetchAll(store, share);
      expect(readTree(result)).toEqual(readTree(share.source));
      expect(readdirSync(dir).sort()).toEqual([`blocos_peer_${PEER}`, basename(result)]);
    }
    const extensions = shares.map((share) => extname(share.resultOf({ dir: "x", peerId: PEER })));
    expect(extensions).toEqual([".txt", "", ".part", ""]);
  });

  test("rebuilds what has no blocks: an empty file, an empty folder, a folder of empty things", async () => {
    const shares = [
      await TempShare.file(tempFolder(), new Uint8Array(), { name: "none.txt" }),
      await TempShare.folder(tempFolder(), {}),
      await TempShare.folder(tempFolder(), { "a/empty": "", "b/c": null }, { executables: ["a/empty"] }),
    ];
    for (const share of shares) {
      const dir = tempFolder();
      for (let run = 0; run < 2; run++) {
        const store = await open(share, dir);
        expect(store.found.complete).toBe(true);
        expect(readTree(await fetchAll(store, share))).toEqual(readTree(share.source));
      }
    }
  });

  test("writes the number of blocks and the manifest beside the blocks", async () => {
    const share = await TempShare.file(tempFolder(), randomBytes(5000));
    const dir = tempFolder();
    await (await open(share, dir)).close();
    expect(readFileSync(join(peerFolder(dir, PEER), "block_count.txt"), "utf8")).toBe("5");
    expect(readFileSync(join(peerFolder(dir, PEER), "manifest.json")).equals(share.stored.manifestBytes)).toBe(true);
    writeFileSync(join(peerFolder(dir, PEER), "block_count.txt"), "17");
    const store = await open(share, dir);
    expect(store.found.count).toBe(0);
    await store.close();
    expect(readFileSync(join(peerFolder(dir, PEER), "block_count.txt"), "utf8")).toBe("5");
  });

  test("reads back any part of a committed block, before and after the end", async () => {
    const share = await TempShare.folder(tempFolder(), nested);
    const store = await open(share, tempFolder());
    const check = (block: number): void => {
      const bytes = share.block(block);
      for (const [from, to] of [
        [0, bytes.length],
        [10, 300],
        [bytes.length - 1, bytes.length],
      ] as const) {
        const into = new Uint8Array(to - from);
        store.readInto(block, from, into);
        expect(Buffer.compare(into, bytes.subarray(from, to))).toBe(0);
      }
    };
    for (const block of share.blocks) {
      await store.write(block, 0, share.block(block));
      await store.commit(block);
      check(block);
    }
    await store.finish();
    share.blocks.forEach(check);
    await store.close();
  });

  test("takes bytes that change after the call, also where a block lies in several files", async () => {
    const share = await TempShare.folder(tempFolder(), nested);
    const store = await open(share, tempFolder());
    const chunk = Buffer.alloc(BLOCK);
    for (const block of share.blocks) {
      const bytes = share.block(block);
      const writes: (Promise<void> | undefined)[] = [];
      for (let from = 0; from < bytes.length; from += 300) {
        const part = bytes.subarray(from, from + 300);
        chunk.set(part);
        writes.push(store.write(block, from, chunk.subarray(0, part.length)));
        chunk.fill(0x55);
      }
      await Promise.all(writes);
      await store.commit(block);
    }
    expect(readTree(await store.finish())).toEqual(readTree(share.source));
    await store.close();
  });

  test("finds after a restart what was committed, and nothing half written", async () => {
    const share = await TempShare.file(tempFolder(), randomBytes(10 * BLOCK + 10));
    const dir = tempFolder();
    const first = await open(share, dir);
    for (const block of [10, 2, 7]) {
      await first.write(block, 0, share.block(block));
      await first.commit(block);
    }
    await first.write(5, 0, share.block(5).subarray(0, 500));
    await first.close();

    const second = await open(share, dir);
    expect([...second.found]).toEqual([2, 7, 10]);
    const result = await fetchAll(second, share);
    expect(readTree(result)).toEqual(readTree(share.source));
  });

  test("throws a bad block away, also when the next attempt does not wait for it", async () => {
    const share = await TempShare.file(tempFolder(), randomBytes(200_000));
    const { manifest } = share.stored;
    const big = await TempShare.of(share.source, 128 * 1024);
    for (const used of [share, big]) {
      const store = await open(used, tempFolder());
      const wrong = new Uint8Array(Math.min(used.stored.manifest.blockSizeBytes, manifest.sizeBytes)).fill(1);
      const writes = [store.write(0, 0, wrong), store.discard(0)];
      writes.push(store.write(0, 0, wrong));
      const right = used.block(0);
      // what a socket delivered: a slice of it is a view, and it is used again at once
      const chunk = Buffer.from(right);
      writes.push(
        store.discard(0),
        store.write(0, 0, chunk.subarray(0, 100)),
        store.write(0, 100, chunk.subarray(100)),
      );
      chunk.fill(0x55);
      await Promise.all(writes);
      await store.commit(0);
      const into = new Uint8Array(right.length);
      store.readInto(0, 0, into);
      expect(Buffer.compare(into, right)).toBe(0);
      await store.close();
    }
  });

  test("finds a damaged block and has it fetched again", async () => {
    const share = await TempShare.file(tempFolder(), randomBytes(20 * BLOCK));
    const dir = tempFolder();
    const first = await open(share, dir);
    await fetchMissing(first, share);
    await first.close();
    kind.damage({ dir, manifest: share.stored.manifest, block: 4 });
    kind.damage({ dir, manifest: share.stored.manifest, block: 19 });

    const second = await open(share, dir);
    expect(share.blocks.filter((block) => !second.found.has(block))).toEqual([4, 19]);
    expect(readTree(await fetchAll(second, share))).toEqual(readTree(share.source));
  });

  test("takes dealt blocks that are right and removes those that are wrong", async () => {
    const share = await TempShare.folder(tempFolder(), nested);
    const dir = tempFolder();
    const folder = peerFolder(dir, PEER);
    writeTree(folder, {
      block_2: share.block(2),
      block_0: share.block(0),
      block_3: share.block(4),
      block_1: share.block(1).subarray(1),
      block_9999: share.block(1),
    });
    const store = await open(share, dir);
    expect([...store.found]).toEqual([0, 2]);
    expect(readdirSync(folder)).not.toContain("block_3");
    expect(readdirSync(folder)).not.toContain("block_9999");
    const into = new Uint8Array(BLOCK);
    store.readInto(2, 0, into);
    expect(Buffer.compare(into, share.block(2))).toBe(0);
    expect(readTree(await fetchAll(store, share))).toEqual(readTree(share.source));
  });

  test("is done at once where a right result is, and leaves it as it is", async () => {
    for (const share of [
      await TempShare.file(tempFolder(), randomBytes(5000)),
      await TempShare.folder(tempFolder(), nested),
    ]) {
      const dir = tempFolder();
      const result = await fetchAll(await open(share, dir), share);
      const before = statSync(result).ino;
      const again = await open(share, dir);
      expect(again.found.complete).toBe(true);
      const into = new Uint8Array(BLOCK);
      again.readInto(1, 0, into);
      expect(Buffer.compare(into, share.block(1))).toBe(0);
      expect(await again.finish()).toBe(result);
      expect(await again.finish()).toBe(result);
      await again.close();
      expect(statSync(result).ino).toBe(before);
      expect(readTree(result)).toEqual(readTree(share.source));
    }
  });

  test("mends a damaged result from what is right in it", async () => {
    const share = await TempShare.folder(
      tempFolder(),
      { ...nested, "big.bin": randomBytes(30 * BLOCK) },
      { executables: ["a/run me.sh"] },
    );
    const dir = tempFolder();
    const result = await fetchAll(await open(share, dir), share);
    // only the result is left: block files would hide the damage
    const folder = peerFolder(dir, PEER);
    for (const name of readdirSync(folder).filter((file) => /^block_\d+$/.test(file))) {
      rmSync(join(folder, name));
    }
    rotByte(join(result, "big.bin"), 10 * BLOCK);
    rotByte(join(result, "z.exact"), 100);
    rmSync(join(result, "empty.txt"));
    const store = await open(share, dir);
    expect(store.found.complete).toBe(false);
    expect(share.blocks.length - store.found.count).toBeLessThanOrEqual(4);
    expect(readTree(await fetchAll(store, share))).toEqual(readTree(share.source));
  });

  test("refuses a folder of another share, and touches nothing in it", async () => {
    const dir = tempFolder();
    const share = await TempShare.file(tempFolder(), randomBytes(3000, 1));
    await fetchAll(await open(share, dir), share);
    const before = readTree(dir);
    const other = await TempShare.file(tempFolder(), randomBytes(3000, 2));
    const refused = open(other, dir);
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow("it holds another share (remove it, or use another --dir)");
    expect(readTree(dir)).toEqual(before);
  });

  test("says which place may not be written to", async () => {
    const share = await TempShare.file(tempFolder(), randomBytes(3000));
    const dir = join(tempFolder(), "file");
    writeFileSync(dir, "");
    const refused = open(share, dir);
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(`Cannot write to '${join(dir, "blocos_peer_3")}'`);
  });

  test("removes what a crashed run left half written", async () => {
    const share = await TempShare.file(tempFolder(), randomBytes(3000));
    const dir = tempFolder();
    const gone = Bun.spawnSync(["true"]).pid;
    writeTree(peerFolder(dir, PEER), {
      [`block_1.${gone}.tmp`]: "half",
      [`block_1.1.tmp`]: "being written by another process",
      [`old_result.${gone}.tmp/a`]: "x",
      "notes.tmp": "not ours",
    });
    await (await open(share, dir)).close();
    expect(readdirSync(peerFolder(dir, PEER)).sort()).toEqual([
      "block_1.1.tmp",
      "block_count.txt",
      "manifest.json",
      "notes.tmp",
    ]);
  });

  test("makes nothing of a .part that is not of this share", async () => {
    const dir = tempFolder();
    const share = await TempShare.folder(tempFolder(), nested);
    await (await open(share, dir)).close(); // else it would be somebody's
    writeTree(partPath(share.resultOf({ dir: dir, peerId: PEER })), {
      stray: randomBytes(5000, 9),
      a: "a file where a folder belongs",
    });
    const store = await open(share, dir);
    expect(store.found.count).toBe(0);
    expect(readTree(await fetchAll(store, share))).toEqual(readTree(share.source));
  });

  test("tells when kept bytes are gone", async () => {
    const share = await TempShare.file(tempFolder(), randomBytes(3000));
    const dir = tempFolder();
    const store = await open(share, dir);
    await fetchMissing(store, share);
    const kept = join(peerFolder(dir, PEER), "block_2");
    truncateSync(existsSync(kept) ? kept : partPath(share.resultOf({ dir: dir, peerId: PEER })), 10);
    expect(() => store.readInto(2, 0, new Uint8Array(100))).toThrow(UserError);
    await expect(store.finish()).rejects.toThrow(UserError);
    await store.close();
  });

  test("keeps thousands of small files", async () => {
    const files = Array.from({ length: 1000 }, (_, i) => [`d${i % 50}/f${i}.txt`, randomBytes(i % 90, i)] as const);
    const share = await TempShare.folder(tempFolder(), Object.fromEntries(files));
    const dir = tempFolder();
    const first = await open(share, dir);
    for (const block of share.blocks.slice(0, 20)) {
      await first.write(block, 0, share.block(block));
      await first.commit(block);
    }
    await first.close();
    const store = await open(share, dir);
    expect([...store.found]).toEqual(share.blocks.slice(0, 20));
    expect(readTree(await fetchAll(store, share))).toEqual(readTree(share.source));
  });

  test("goes on with what the other kind of store kept", async () => {
    const [other] = KINDS.filter(({ name }) => name !== kind.name);
    const share = await TempShare.folder(tempFolder(), nested);
    const dir = tempFolder();
    const first = await other?.open({ ...share.stored, dir, peerId: PEER });
    for (const block of [1, 3, 4]) {
      await first?.write(block, 0, share.block(block));
      await first?.commit(block);
    }
    await first?.close();
    const store = await open(share, dir);
    expect(share.blocks.filter((block) => store.found.has(block))).toEqual([1, 3, 4]);
    expect(readTree(await fetchAll(store, share))).toEqual(readTree(share.source));
    expect(readdirSync(dir)).toHaveLength(2);
  });
});
