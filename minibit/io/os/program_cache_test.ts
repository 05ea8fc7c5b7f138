import { expect, test } from "bun:test";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { useTempFolders, writeTree } from "../testing/temp_share.ts";
import { keptProgram, tidyPrograms, touch } from "./program_cache.ts";

const tempFolder = useTempFolders();

function cacheWith(agesInDays: { readonly [name: string]: number }): string {
  const cache = tempFolder();
  for (const [name, age] of Object.entries(agesInDays)) {
    writeTree(cache, { [name]: "x" });
    const then = Date.now() / 1000 - age * 24 * 3600;
    utimesSync(join(cache, name), then, then);
  }
  return cache;
}

const version = (digit: string, target = "linux-x64"): string => `${digit.repeat(32)}.${target}.gz`;

test("the executables of the three versions used last are kept, for two weeks", () => {
  const cache = cacheWith({
    [version("1")]: 0,
    [version("2")]: 3,
    [version("2", "darwin-arm64")]: 13,
    [version("2", "linux-arm64-musl")]: 15,
    [version("3")]: 4,
    [version("4")]: 5,
  });
  tidyPrograms(cache);
  const left = [version("1"), version("2"), version("2", "darwin-arm64"), version("3")];
  expect(readdirSync(cache).sort()).toEqual(left.sort());
});

test("one that is in use is not old", () => {
  const cache = cacheWith({ [version("1")]: 20 });
  touch(keptProgram(cache, { hash: "1".repeat(32), target: "linux-x64" }));
  tidyPrograms(cache);
  expect(readdirSync(cache)).toEqual([version("1")]);
});

test("what a broken write left goes after a day; what is not ours stays", () => {
  const foreign = [
    "notes.gz",
    `${"1".repeat(31)}.linux-x64.gz`,
    `${"1".repeat(32)}.js`,
    version("g"),
    `x${version("1")}`,
  ];
  const cache = cacheWith({
    ...Object.fromEntries(foreign.map((name) => [name, 100])),
    [`${version("1")}.17.tmp`]: 2,
    [`${version("1")}.18.tmp`]: 0.5,
  });
  tidyPrograms(cache);
  expect(readdirSync(cache).sort()).toEqual([...foreign, `${version("1")}.18.tmp`].sort());
});
