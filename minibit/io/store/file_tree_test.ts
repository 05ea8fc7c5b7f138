import { expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describeSource, randomBytes, useTempFolders, writeTree } from "../testing/temp_share.ts";
import { FileTree } from "./file_tree.ts";

const tempFolder = useTempFolders();

test("FileTree lays any range over its files, in any order, and reads it back", async () => {
  const sizes = fc.array(fc.nat(60), { minLength: 1, maxLength: 12 });
  const cuts = fc.array(fc.nat(700), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(sizes, cuts, fc.boolean(), async (fileSizes, at, backwards) => {
      const source = join(tempFolder(), "s");
      const files = fileSizes.map(
        (size, i) => [`d${i % 3}/f${String(i).padStart(2, "0")}`, randomBytes(size, i)] as const,
      );
      writeTree(source, Object.fromEntries(files));
      const { manifest } = await describeSource(source);
      const from = new FileTree(manifest, { root: source, writable: false });
      const to = new FileTree(manifest, { root: join(tempFolder(), "copy"), writable: true });
      const borders = [...new Set([0, manifest.sizeBytes, ...at.map((cut) => Math.min(cut, manifest.sizeBytes))])];
      borders.sort((a, b) => a - b);
      const ranges = borders.slice(1).map((end, i) => [borders[i] ?? 0, end] as const);
      for (const [start, end] of backwards ? ranges.reverse() : ranges) {
        const bytes = new Uint8Array(end - start);
        expect(from.read(start, bytes)).toBe(true);
        await to.write(start, bytes);
      }
      const whole = [new Uint8Array(manifest.sizeBytes), new Uint8Array(manifest.sizeBytes)] as const;
      from.read(0, whole[0]);
      to.read(0, whole[1]);
      expect(Buffer.compare(...whole)).toBe(0);
      from.close();
      to.close();
    }),
    { numRuns: 30 },
  );
});

test("FileTree creates files as executable as they should be, and none once it is finished", async () => {
  const source = join(tempFolder(), "s");
  writeTree(source, { "a/run": "12345", b: "12345", c: "12345" }, ["a/run"]);
  const { manifest } = await describeSource(source);
  const part = join(tempFolder(), "part");
  const tree = new FileTree(manifest, { root: part, writable: true });
  await tree.write(0, new TextEncoder().encode("1234512345"));
  expect((statSync(join(part, "a/run")).mode & 0o100) !== 0).toBe(true);
  expect((statSync(join(part, "b")).mode & 0o100) !== 0).toBe(false);
  expect(tree.read(0, new Uint8Array(5))).toBe(true);
  tree.close();

  const final = join(tempFolder(), "final");
  renameSync(part, final);
  tree.finished(final, Number.POSITIVE_INFINITY);
  const into = new Uint8Array(5);
  expect(tree.read(5, into)).toBe(true);
  expect(new TextDecoder().decode(into)).toBe("12345");
  expect(() => tree.read(10, into)).toThrow("ENOENT");
  expect(existsSync(join(final, "c"))).toBe(false);
  tree.close();
});

test("FileTree tells when a file is shorter than it should be", async () => {
  const source = join(tempFolder(), "one.bin");
  writeTree(join(source, ".."), { "one.bin": randomBytes(100) });
  const { manifest } = await describeSource(source);
  const tree = new FileTree(manifest, { root: join(tempFolder(), "copy"), writable: true });
  await tree.write(0, randomBytes(50));
  expect(tree.read(0, new Uint8Array(50))).toBe(true);
  expect(tree.read(40, new Uint8Array(20))).toBe(false);
  tree.close();
  expect(readFileSync(source)).toHaveLength(100);
});
