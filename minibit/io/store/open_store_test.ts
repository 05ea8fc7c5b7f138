import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DIRECT_STORE_FROM_BYTES } from "../../core/base/limits.ts";
import { blockHash, geometryOf, parseManifest } from "../../core/share/manifest.ts";
import { describeSource, randomBytes, useTempFolders, writeTree } from "../testing/temp_share.ts";
import { sameDigest, sha256 } from "./block_hasher.ts";
import { DirectStore } from "./direct_store.ts";
import { FolderStore } from "./folder_store.ts";
import { type OpenSeed, openSeed, openStore, type StoreKind } from "./open_store.ts";

const tempFolder = useTempFolders();

function makeSource(): string {
  const source = join(tempFolder(), "shared");
  writeTree(source, { a: randomBytes(1500, 1), "b/c": randomBytes(8000, 2), empty: "" });
  return source;
}

function expectServesAll({ manifest, store }: OpenSeed): void {
  expect(store.found.complete).toBe(true);
  for (let block = 0; block < manifest.blockCount; block++) {
    const bytes = new Uint8Array(geometryOf(manifest).lengthOf(block));
    store.readInto(block, 0, bytes);
    expect(sameDigest(sha256(bytes), blockHash(manifest, block))).toBe(true);
  }
}

describe("openSeed()", () => {
  test("direct: serves straight from the source and writes only what describes the share", async () => {
    const source = makeSource();
    const dir = tempFolder();
    const seed = await openSeed(source, { dir, peerId: 0, store: "direct", blockSizeBytes: 1024 });
    expectServesAll(seed);
    expect(parseManifest(seed.manifestBytes)).toEqual(seed.manifest);
    expect(readdirSync(dir)).toEqual(["blocos_peer_0"]);
    expect(readdirSync(join(dir, "blocos_peer_0")).sort()).toEqual(["block_count.txt", "manifest.json"]);
    expect(await seed.store.finish()).toBe(source);
    await seed.store.close();
  });

  test("folder: cuts the source into block files, and mends those that were damaged since", async () => {
    const source = makeSource();
    const dir = tempFolder();
    const options = { dir, peerId: 0, store: "folder", blockSizeBytes: 1024 } as const;
    for (let run = 0; run < 2; run++) {
      const seed = await openSeed(source, options);
      expectServesAll(seed);
      expect(readdirSync(join(dir, "blocos_peer_0"))).toHaveLength(seed.manifest.blockCount + 2);
      expect(await seed.store.finish()).toBe(source);
      await seed.store.close();
      writeFileSync(join(dir, "blocos_peer_0/block_3"), randomBytes(1024, 9));
    }
    expect(readdirSync(dir)).toEqual(["blocos_peer_0"]);
  });

  test("shares nothing as well as something", async () => {
    for (const store of ["folder", "direct"] as const) {
      const seed = await openSeed(tempFolder(), { dir: tempFolder(), peerId: 0, store });
      expect(seed.store.found.complete).toBe(true);
      expect(seed.manifest.blockCount).toBe(0);
      await seed.store.close();
    }
  });

  test("refuses a source that changed since an earlier run described it", async () => {
    const source = makeSource();
    const dir = tempFolder();
    await (await openSeed(source, { dir, peerId: 0, store: "direct" })).store.close();
    writeFileSync(join(source, "a"), "changed");
    await expect(openSeed(source, { dir, peerId: 0, store: "direct" })).rejects.toThrow("it holds another share");
  });

  test("refuses a source that holds --dir, before it writes anything there", async () => {
    const source = makeSource();
    await expect(openSeed(source, { dir: source, peerId: 0, store: "auto" })).rejects.toThrow("(use another --dir)");
    expect(readdirSync(source)).not.toContain("blocos_peer_0");
  });
});

describe("openStore()", () => {
  test("auto takes the folder store for small shares and the direct store for big ones", async () => {
    const small = await describeSource(makeSource());
    const big = join(tempFolder(), "big");
    writeFileSync(big, "");
    truncateSync(big, DIRECT_STORE_FROM_BYTES + 1);
    const large = await describeSource(big);
    const open = async (stored: typeof small, store: StoreKind) => {
      const opened = await openStore({ ...stored, dir: tempFolder(), peerId: 1, store });
      await opened.close();
      return opened;
    };
    expect(await open(small, "auto")).toBeInstanceOf(FolderStore);
    expect(await open(large, "auto")).toBeInstanceOf(DirectStore);
    expect(await open(small, "direct")).toBeInstanceOf(DirectStore);
    expect(await open(large, "folder")).toBeInstanceOf(FolderStore);
  });
});

test("a seed and a store agree on the bytes of a share of many small files", async () => {
  const source = join(tempFolder(), "many");
  const files = Array.from({ length: 150 }, (_, i) => [`f${i}`, randomBytes(i * 7, i)] as const);
  writeTree(source, Object.fromEntries(files));
  const dir = tempFolder();
  const seed = await openSeed(source, { dir, peerId: 0, store: "direct", blockSizeBytes: 4096 });
  const store = await openStore({ ...seed, dir, peerId: 1, store: "direct" });
  const into = new Uint8Array(4096);
  for (let block = 0; block < seed.manifest.blockCount; block++) {
    const bytes = into.subarray(0, geometryOf(seed.manifest).lengthOf(block));
    seed.store.readInto(block, 0, bytes);
    await store.write(block, 0, bytes);
    await store.commit(block);
  }
  const result = await store.finish();
  for (const [name, bytes] of files) {
    expect(readFileSync(join(result, name)).equals(bytes)).toBe(true);
  }
  await store.close();
  await seed.store.close();
});
