import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeSource, useTempFolders, writeTree } from "../testing/temp_share.ts";
import { guardCopy } from "./copy_guard.ts";
import { writeRecord } from "./copy_record.ts";
import { RECORD_FILE } from "./peer_folder.ts";

const tempFolder = useTempFolders();

/** A folder to share, and `check`, which looks at a place in a folder of its own. */
async function setUp() {
  const dir = tempFolder();
  const source = join(tempFolder(), "source");
  writeTree(source, { "a.txt": "a", "bin/run": "b" });
  const { manifest } = await describeSource(source);
  const place = { result: join(dir, "to"), home: join(dir, ".to.minibit") };
  mkdirSync(place.home);
  const check = (replace = false) => guardCopy(place, { manifest, replace, isNamed: true });
  const record = () => writeRecord(join(place.home, RECORD_FILE), { root: place.result });
  return { ...place, check, record };
}

describe("checkTarget()", () => {
  test("lets a copy go in place of nothing, of an empty folder, and of a copy that was put there and has not changed", async () => {
    const { result, check, record } = await setUp();
    expect(await check()).toBeUndefined();
    mkdirSync(result);
    expect(await check()).toBeUndefined();
    writeTree(result, { "old/b.txt": "old", more: "m" });
    await record();
    expect(await check()).toBeUndefined();
    rmSync(join(result, "more"));
    expect(await check()).toBeUndefined();
  });

  test("refuses a home that shares a name with the share, and names what would be lost", async () => {
    const { result, check } = await setUp();
    writeTree(result, { "bin/own": "x", "photos/1.jpg": "1", "photos/2.jpg": "2", thesis: "t" });
    await expect(check()).rejects.toThrow(
      `Cannot put the folder "source" at '${result}': 'bin', 'bin/own', 'photos' and 3 more would be lost`,
    );
    await expect(check()).rejects.toThrow(`(use --to ${join(result, "source")}, or --replace)`);
    expect(await check(true)).toBe(`Replacing what is at '${result}': 'bin', 'bin/own', 'photos' and 3 more`);
  });

  test.each<[string, (copy: string) => void]>([
    ["added", (copy) => writeFileSync(join(copy, "a.new"), "n")],
    ["edited", (copy) => writeFileSync(join(copy, "a.new"), "N")],
    ["made a link", (copy) => symlinkSync("/etc/passwd", join(copy, "a.new"))],
  ])("refuses an older copy in which a file was %s", async (how, change) => {
    const { result, check, record } = await setUp();
    writeTree(result, { b: "b", ...(how === "edited" ? { "a.new": "n" } : {}) });
    await record();
    change(result);
    await expect(check()).rejects.toThrow("'a.new' would be lost");
  });

  test("refuses a link, even to an older copy", async () => {
    const { result, check } = await setUp();
    symlinkSync("/tmp", result);
    await expect(check()).rejects.toThrow(
      "a symbolic link is there (name the place it leads to, or --replace the link)",
    );
    expect(await check(true)).toContain(`'${result}'`);
  });

  test("refuses a file in the place of a folder, and a folder in that of a file", async () => {
    const { result, check } = await setUp();
    writeFileSync(result, "mine");
    await expect(check()).rejects.toThrow("a file is there (use another --to)");
    rmSync(result);
    mkdirSync(result);
    const source = join(tempFolder(), "one.bin");
    writeFileSync(source, "1");
    const { manifest } = await describeSource(source);
    const place = { result, home: join(result, "..", ".to.minibit") };
    const put = guardCopy(place, { manifest, replace: false, isNamed: true });
    await expect(put).rejects.toThrow(`a folder is there (use --to ${join(result, "one.bin")})`);
  });

  test("believes no record that was cut short or is not one", async () => {
    const { result, home, check, record } = await setUp();
    writeTree(result, { b: "b" });
    await record();
    for (const text of ["", 'minibit-copy/1\n["",true', "minibit-copy/2\n", "{}", 'minibit-copy/1\n["b"']) {
      writeFileSync(join(home, RECORD_FILE), text);
      await expect(check()).rejects.toThrow("'b' would be lost");
    }
    rmSync(join(home, RECORD_FILE));
    Bun.spawnSync(["mkfifo", join(home, RECORD_FILE)]); // and waits for nobody to write one
    await expect(check()).rejects.toThrow("'b' would be lost");
  });
});
