import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useTempFolders, writeTree } from "../testing/temp_share.ts";
import { writeRecord } from "./copy_record.ts";
import { Destination, workFolderOf } from "./destination.ts";
import { RECORD_FILE } from "./peer_folder.ts";
import { OLDER_COPY } from "./put_in_place.ts";

const tempFolder = useTempFolders();

test("workFolderOf() is beside the copy, hidden, and never longer than a name may be", () => {
  expect(workFolderOf("/data/set")).toBe("/data/.set.minibit");
  expect(workFolderOf("/data/set/")).toBe("/data/.set.minibit");
  const long = workFolderOf(`/data/${"n".repeat(250)}`);
  expect(long).toMatch(/^\/data\/\.[0-9a-f]{32}\.minibit$/);
  expect(workFolderOf(`/data/${"n".repeat(249)}m`)).not.toBe(long);
});

describe("Destination", () => {
  test("is for one run at a time, and lets the next one in when it is released", async () => {
    const to = join(tempFolder(), "set");
    const first = await Destination.claim(to);
    const refused = Destination.claim(to);
    await expect(refused).rejects.toThrow(`Cannot use '${to}': process ${process.pid} on `);
    await expect(refused).rejects.toThrow("(wait until it has ended, or use another --to)");
    await first.release({ keepParts: false });
    await (await Destination.claim(to)).release({ keepParts: false });
  });

  test("works in a folder that is closed to others, and leaves nothing where nothing was", async () => {
    const dir = tempFolder();
    const to = join(dir, "not/yet/there/set");
    const destination = await Destination.claim(to);
    expect(statSync(workFolderOf(to)).mode & 0o777).toBe(0o700);
    writeTree(workFolderOf(to), { "blocos_peer_0/manifest.json": "{}" });
    await destination.release({ keepParts: false });
    expect(readdirSync(dir)).toEqual([]);
  });

  test("keeps the record of a copy that stands, and what was fetched when told to", async () => {
    const to = join(tempFolder(), "set");
    for (const keepParts of [true, false]) {
      const destination = await Destination.claim(to);
      writeTree(workFolderOf(to), { [RECORD_FILE]: "record", "blocos_peer_0/manifest.json": "{}" });
      await destination.release({ keepParts });
      expect(existsSync(join(workFolderOf(to), RECORD_FILE))).toBe(true);
      expect(existsSync(join(workFolderOf(to), "blocos_peer_0"))).toBe(keepParts);
    }
  });

  test("puts back the older copy that a killed run had moved away", async () => {
    const to = join(tempFolder(), "set");
    writeTree(join(workFolderOf(to), OLDER_COPY), { a: "older" });
    await (await Destination.claim(to)).release({ keepParts: false });
    expect(readdirSync(to)).toEqual(["a"]);
  });

  test("removes the older copy when the newer one stands", async () => {
    const to = join(tempFolder(), "set");
    const home = workFolderOf(to);
    writeTree(join(home, OLDER_COPY), { a: "older" });
    writeTree(to, { a: "newer" });
    await writeRecord(join(home, "copy_next.txt"), { root: to });
    await (await Destination.claim(to)).release({ keepParts: false });
    expect(readdirSync(to)).toEqual(["a"]);
    expect(readdirSync(home)).toContain(RECORD_FILE);
    expect(existsSync(join(home, OLDER_COPY))).toBe(false);
  });

  test("touches neither when something else is in the place of an older copy that was moved away", async () => {
    const to = join(tempFolder(), "set");
    const home = workFolderOf(to);
    writeTree(join(home, OLDER_COPY), { a: "older" });
    writeTree(to, { b: "theirs" });
    await expect(Destination.claim(to)).rejects.toThrow("something else is there now (move one of them away)");
    expect(readdirSync(to)).toEqual(["b"]);
    expect(readdirSync(join(home, OLDER_COPY))).toEqual(["a"]);
  });

  test("refuses places that no copy can take, before anything is made there", async () => {
    const dir = tempFolder();
    for (const [to, why] of [
      [".", "it is the folder this runs in (name the copy itself: --to "],
      ["/", "it is the root of the file system"],
      ["/proc", "a disk is mounted there"],
      ["/proc/minibit/x", "Cannot put a copy at '/proc/minibit/x': "],
      [join(dir, `${"n".repeat(256)}`), "the path is too long (use a shorter place)"],
      [join(dir, "file/x"), "something else is in its place (move it away)"],
    ] as const) {
      writeFileSync(join(dir, "file"), "");
      await expect(Destination.claim(to)).rejects.toThrow(why);
    }
    expect(readdirSync(dir)).toEqual(["file"]);
  });

  test("takes a name that has no room for ours behind it", async () => {
    const dir = tempFolder();
    const to = join(dir, "n".repeat(255));
    const destination = await Destination.claim(to);
    mkdirSync(join(workFolderOf(to), "x.part"));
    renameSync(join(workFolderOf(to), "x.part"), to);
    await destination.release({ keepParts: false });
    expect(readdirSync(dir)).toEqual(["n".repeat(255)]);
  });
});
