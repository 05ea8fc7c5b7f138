import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { changeByte, randomBytes, readTree, TempShare, useTempFolders } from "../testing/temp_share.ts";
import { partPath } from "./peer_folder.ts";
import { completeTree, findBlocks, statusOf } from "./result.ts";

const tempFolder = useTempFolders();

function share(): Promise<TempShare> {
  const tree = { a: randomBytes(3000, 1), "b/c": randomBytes(3000, 2), "b/d": "", "e/f": null };
  return TempShare.folder(tempFolder(), tree, { executables: ["b/c"] });
}

describe("findBlocks()", () => {
  test("finds all of a true copy, and nothing where nothing is", async () => {
    const { source, stored } = await share();
    expect((await findBlocks(source, stored.manifest)).complete).toBe(true);
    expect((await findBlocks(join(source, "no/such"), stored.manifest)).count).toBe(0);
    expect((await findBlocks(join(source, "a"), stored.manifest)).count).toBe(0);
  });

  test.each<[string, (copy: string) => void, number[]]>([
    ["a changed byte", (copy) => changeByte(join(copy, "a"), 0), [1, 2, 3, 4, 5]],
    ["a cut file", (copy) => truncateSync(join(copy, "b/c"), 2000), [0, 1, 2, 3]],
    ["a missing file", (copy) => rmSync(join(copy, "a")), [3, 4, 5]],
    ["a longer file", (copy) => writeFileSync(join(copy, "b/d"), "xyz"), [0, 1, 2, 3, 4, 5]],
    [
      "a link in a file's place, even to the right bytes",
      (copy) => {
        writeFileSync(join(copy, "real"), randomBytes(3000, 1));
        rmSync(join(copy, "a"));
        symlinkSync(join(copy, "real"), join(copy, "a"));
      },
      [3, 4, 5],
    ],
    [
      "a folder in a file's place",
      (copy) => {
        rmSync(join(copy, "a"));
        mkdirSync(join(copy, "a"));
      },
      [3, 4, 5],
    ],
    [
      "a FIFO in a file's place",
      (copy) => {
        rmSync(join(copy, "a"));
        Bun.spawnSync(["mkfifo", join(copy, "a")]);
      },
      [3, 4, 5],
    ],
  ])("is robust to %s", async (_, damage, expected) => {
    const { source, stored } = await share();
    damage(source);
    expect([...(await findBlocks(source, stored.manifest))]).toEqual(expected);
  });
});

describe("completeTree()", () => {
  test("adds what no block holds and mends lengths and modes", async () => {
    const { source, stored } = await share();
    const right = readTree(source);
    rmSync(join(source, "b/d"));
    rmSync(join(source, "e"), { recursive: true });
    chmodSync(join(source, "b/c"), 0o640);
    chmodSync(join(source, "a"), 0o755);
    writeFileSync(join(source, "a"), Buffer.concat([randomBytes(3000, 1), Buffer.from("more")]));
    await completeTree(source, stored.manifest);
    expect(readTree(source)).toEqual(right);
    expect(statSync(join(source, "b/c")).mode & 0o777).toBe(0o750);
  });

  test("refuses to pass off a file that lost bytes", async () => {
    const { source, stored } = await share();
    truncateSync(join(source, "a"), 2999);
    const refused = completeTree(source, stored.manifest);
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(`${join(source, "a")}': somebody else changed it`);
  });
});

test("partPath() never is the name of a finished copy, whatever its extension", () => {
  expect(partPath("reconstruido_peer_1.part")).toBe("reconstruido_peer_1.part.part");
});

test("statusOf() sees links themselves and takes a file on the way for nothing there", () => {
  const folder = tempFolder();
  symlinkSync("/no/such", join(folder, "link"));
  writeFileSync(join(folder, "file"), "");
  expect(statusOf(join(folder, "link"))?.isSymbolicLink()).toBe(true);
  expect(statusOf(join(folder, "file/below"))).toBeUndefined();
  expect(statusOf(join(folder, "none"))).toBeUndefined();
});
