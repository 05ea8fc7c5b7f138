import { describe, expect, test } from "bun:test";
import { rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { UserError } from "../../core/base/errors.ts";
import { Geometry } from "../../core/share/geometry.ts";
import { randomBytes, useTempFolders, writeTree } from "../testing/temp_share.ts";
import { scanShare } from "./share.ts";
import { ShareReader } from "./share_reader.ts";

const tempFolder = useTempFolders();

describe("ShareReader", () => {
  test("reads any part of any block, also across files and with more files than are kept open", async () => {
    const source = tempFolder();
    const files = Array.from({ length: 200 }, (_, i) => [`f${String(i).padStart(3, "0")}`, randomBytes(i, i)] as const);
    writeTree(source, Object.fromEntries(files));
    const stream = Buffer.concat(files.map(([, bytes]) => bytes));
    const share = await scanShare(source);
    const geometry = new Geometry(share.sizeBytes, 1024);
    const reader = new ShareReader(share, geometry);
    fc.assert(
      fc.property(fc.nat(geometry.blockCount - 1), fc.nat(), fc.nat(), (block, a, b) => {
        const length = geometry.lengthOf(block);
        const offset = a % length;
        const into = new Uint8Array((b % (length - offset)) + 1);
        reader.readInto(block, offset, into);
        const from = geometry.offsetOf(block) + offset;
        expect(Buffer.compare(into, stream.subarray(from, from + into.length))).toBe(0);
      }),
    );
    reader.close();
  });

  test.each<[string, (path: string) => void]>([
    ["was cut", (path) => truncateSync(path, 100)],
    ["was written to", (path) => writeFileSync(path, randomBytes(5000, 2))],
    ["was touched", (path) => utimesSync(path, 1, 1)],
  ])("notices that a file %s while it is shared, open or not", async (_, change) => {
    const source = join(tempFolder(), "data.bin");
    writeFileSync(source, randomBytes(5000, 1));
    utimesSync(source, 1000, 1000);
    const share = await scanShare(source);
    const used = new ShareReader(share, new Geometry(5000, 1024));
    const unused = new ShareReader(share, new Geometry(5000, 1024));
    used.readInto(0, 0, new Uint8Array(10));
    change(source);
    for (const reader of [used, unused]) {
      const read = (): void => reader.readInto(4, 0, new Uint8Array(10));
      expect(read).toThrow(UserError);
      expect(read).toThrow(`Cannot read '${source}': it changed while it is shared (start peer 0 again)`);
      reader.close();
    }
  });

  test("tells that a file vanished", async () => {
    const source = join(tempFolder(), "data.bin");
    writeFileSync(source, randomBytes(5000));
    const reader = new ShareReader(await scanShare(source), new Geometry(5000, 1024));
    rmSync(source);
    expect(() => reader.readInto(0, 0, new Uint8Array(10))).toThrow(UserError);
    reader.close();
  });
});
