import { describe, expect, test } from "bun:test";
import { appendFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { blockHash, encodeManifest, geometryOf, parseManifest } from "../../core/share/manifest.ts";
import { randomBytes, useTempFolders, writeTree } from "../testing/temp_share.ts";
import { sha256 } from "./block_hasher.ts";
import { hashShare } from "./hash_share.ts";
import { scanShare } from "./share.ts";

const tempFolder = useTempFolders();

describe("hashShare()", () => {
  test("hashes the files as one stream, in order, and gives a manifest that parses", async () => {
    const source = join(tempFolder(), "s");
    const parts = [randomBytes(1500, 1), new Uint8Array(), randomBytes(3_000_000, 2), randomBytes(7, 3)] as const;
    writeTree(source, { a: parts[0], b: parts[1], "c/d": parts[2], e: parts[3], "f/g": null }, ["e"]);
    const manifest = await hashShare(await scanShare(source), { blockSizeBytes: 65_536 });
    const stream = Buffer.concat(parts);
    const geometry = geometryOf(manifest);
    expect(manifest.blockCount).toBe(46);
    for (let block = 0; block < manifest.blockCount; block++) {
      const from = geometry.offsetOf(block);
      const expected = sha256(stream.subarray(from, from + geometry.lengthOf(block)));
      expect(Buffer.compare(blockHash(manifest, block), expected)).toBe(0);
    }
    expect(parseManifest(encodeManifest(manifest))).toEqual(manifest);
    expect(manifest.files.map(({ executable }) => executable)).toEqual([false, false, false, true]);
  });

  test("gives equal folders on two machines the same manifest", async () => {
    const encode = async (): Promise<Uint8Array> => {
      const source = join(tempFolder(), "same");
      writeTree(source, { x: "1", "ç/ã": "2" });
      return encodeManifest(await hashShare(await scanShare(source)));
    };
    expect(Buffer.compare(await encode(), await encode())).toBe(0);
  });

  test("makes an empty share of no blocks", async () => {
    const manifest = await hashShare(await scanShare(tempFolder()));
    expect(manifest).toMatchObject({ blockCount: 0, sizeBytes: 0, blockSizeBytes: 1024, files: [] });
  });

  test("tells its progress up to the whole, and lets other work in between", async () => {
    const source = join(tempFolder(), "big");
    writeFileSync(source, new Uint8Array(40_000_000));
    const told: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await hashShare(await scanShare(source), { onProgress: (doneBytes) => told.push(doneBytes) });
    clearInterval(timer);
    expect(told.at(-1)).toBe(40_000_000);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(turns).toBeGreaterThan(0);
  });

  test.each<[string, (path: string) => void]>([
    ["grew", (path) => appendFileSync(path, "x")],
    ["shrank", (path) => truncateSync(path, 10)],
    ["was touched", (path) => utimesSync(path, 1, 1)],
    ["vanished", (path) => rmSync(path)],
  ])("refuses a file that %s since the scan, by name", async (_, change) => {
    const source = tempFolder();
    writeTree(source, { a: "a", b: randomBytes(5000) });
    const share = await scanShare(source);
    change(join(source, "b"));
    const refused = hashShare(share);
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(`Cannot share '${join(source, "b")}': `);
  });

  test("refuses a file that changes while it is read", async () => {
    const source = join(tempFolder(), "big");
    writeFileSync(source, new Uint8Array(8_000_000));
    const share = await scanShare(source);
    let changed = false;
    const refused = hashShare(share, {
      onProgress() {
        if (!changed) {
          changed = true;
          appendFileSync(source, "x");
        }
      },
    });
    await expect(refused).rejects.toThrow("it changed while it was read");
  });

  test("refuses a block size out of bounds, or that makes too many blocks", async () => {
    const source = join(tempFolder(), "sparse");
    writeFileSync(source, "");
    truncateSync(source, 2 ** 31);
    const share = await scanShare(source);
    for (const blockSizeBytes of [0, 1023, 1500.5, 2 ** 27]) {
      await expect(hashShare(share, { blockSizeBytes })).rejects.toThrow("(use another --block-size)");
    }
    await expect(hashShare(share, { blockSizeBytes: 1024 })).rejects.toThrow("(use a larger --block-size)");
  });
});
