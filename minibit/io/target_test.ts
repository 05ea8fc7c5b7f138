import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { checkTarget, workFolderOf } from "./target.ts";
import { describeSource, useTempFolders, writeTree } from "./temp_share.ts";

const tempFolder = useTempFolders();

test("workFolderOf() is beside the copy, and hidden", () => {
  expect(workFolderOf("/data/set")).toBe("/data/.set.minibit");
  expect(workFolderOf("/data/set/")).toBe("/data/.set.minibit");
});

test("checkTarget() lets an older copy, an empty folder or nothing be replaced, and nothing else", async () => {
  const dir = tempFolder();
  const source = join(dir, "source");
  writeTree(source, { "a.txt": "a", "sub/b.txt": "b" });
  const { manifest } = await describeSource(source);
  const at = (name: string, replace = false) => checkTarget(join(dir, name), { manifest, replace });
  writeTree(join(dir, "older"), { "sub/b.txt": "old", more: "m" });
  mkdirSync(join(dir, "empty"));
  for (const name of ["nothing", "older", "empty"]) {
    expect(() => at(name)).not.toThrow();
  }
  writeTree(join(dir, "foreign"), { thesis: "t" });
  expect(() => at("foreign")).toThrow("holds other things");
  expect(() => at("foreign", true)).not.toThrow();
  expect(() => at("foreign/thesis")).toThrow("a file is there");
});

test("checkTarget() refuses to put a file in the place of a folder", async () => {
  const dir = tempFolder();
  writeTree(dir, { "one.bin": "1", "folder/x": "x" });
  const { manifest } = await describeSource(join(dir, "one.bin"));
  const put = () => checkTarget(join(dir, "folder"), { manifest, replace: false });
  expect(put).toThrow(`--to ${join(dir, "folder", "one.bin")}`);
});
