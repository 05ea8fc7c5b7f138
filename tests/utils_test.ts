import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../minibit/core/base/errors.ts";
import { describeSource, randomBytes, readTree, useTempFolders, writeTree } from "../minibit/io/testing/temp_share.ts";
import { heldBlocks, readBlockCount, reconstruct, resultPath, splitShare, verifyResult } from "../utils.ts";

const tempFolder = useTempFolders();

function makeSource(): string {
  const source = join(tempFolder(), "shared");
  writeTree(
    source,
    {
      "a/one.txt": randomBytes(1500, 1),
      "a/run.sh": "#!/bin/sh\n",
      empty: "",
      "none/here": null,
      z: randomBytes(3000, 2),
    },
    ["a/run.sh"],
  );
  return source;
}

describe("splitShare() and reconstruct()", () => {
  test("cut a share into the original's block files and join them again", async () => {
    const source = makeSource();
    const dir = tempFolder();
    const place = { dir, peerId: 4 };
    const { manifest } = await splitShare(source, { ...place, blockSizeBytes: 1024 });
    const folder = join(dir, "blocos_peer_4");
    expect(readdirSync(folder).sort()).toEqual([
      ...["block_0", "block_1", "block_2", "block_3", "block_4"],
      ...["block_count.txt", "manifest.json"],
    ]);
    expect(heldBlocks(place)).toEqual([0, 1, 2, 3, 4]);
    expect(await readBlockCount(folder)).toBe(5);
    expect(readFileSync(join(folder, "block_0"))).toHaveLength(1024);

    const result = await reconstruct(place);
    expect(result).toBe(resultPath(dir, { peerId: 4, manifest }));
    expect(readTree(result)).toEqual(readTree(source));
  });

  test("reconstruct() tells how many blocks are missing, damaged ones among them, and makes nothing", async () => {
    const dir = tempFolder();
    await splitShare(makeSource(), { dir, peerId: 1, blockSizeBytes: 1024 });
    rmSync(join(dir, "blocos_peer_1/block_0"));
    writeFileSync(join(dir, "blocos_peer_1/block_3"), new Uint8Array(1024));
    const refused = reconstruct({ dir, peerId: 1 });
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow("2 of 5 blocks are missing");
    expect(readdirSync(dir)).toEqual(["blocos_peer_1"]);
    await expect(reconstruct({ dir, peerId: 2 })).rejects.toThrow("no manifest.json");
  });
});

test("heldBlocks() counts block files only, in the order of their numbers", () => {
  const dir = tempFolder();
  expect(heldBlocks({ dir, peerId: 2 })).toEqual([]);
  const names = [
    "block_10",
    "block_9",
    "block_0",
    "block_count.txt",
    "block_01",
    "block_1.5.tmp",
    "block_",
    "block_-1",
  ];
  writeTree(join(dir, "blocos_peer_2"), Object.fromEntries(names.map((name) => [name, "x"])));
  expect(heldBlocks({ dir, peerId: 2 })).toEqual([0, 9, 10]);
});

describe("verifyResult()", () => {
  test("accepts a true copy: a folder, a file, an empty folder", async () => {
    const sources = [makeSource(), join(makeSource(), "z"), tempFolder()];
    for (const source of sources) {
      const { manifest } = await describeSource(source);
      expect(await verifyResult(source, manifest)).toEqual({ ok: true });
    }
  });

  test.each<[string, (copy: string) => void, string]>([
    ["a missing file", (copy) => rmSync(join(copy, "a/one.txt")), "'a/one.txt' is missing"],
    ["a missing empty file", (copy) => rmSync(join(copy, "empty")), "'empty' is missing"],
    [
      "a missing empty folder",
      (copy) => rmSync(join(copy, "none/here"), { recursive: true }),
      "the folder 'none/here' is missing",
    ],
    ["a missing copy", (copy) => rmSync(copy, { recursive: true }), "'a/one.txt' is missing"],
    ["an extra file", (copy) => writeFileSync(join(copy, "a/more"), ""), "'a/more' is not in the share"],
    ["an extra folder", (copy) => mkdirSync(join(copy, "more")), "'more' is not in the share"],
    [
      "something in an empty folder",
      (copy) => writeFileSync(join(copy, "none/here/x"), ""),
      "'none/here/x' is not in the share",
    ],
    ["a lost executable bit", (copy) => chmodSync(join(copy, "a/run.sh"), 0o644), "'a/run.sh' is not executable"],
    ["an executable bit too many", (copy) => chmodSync(join(copy, "z"), 0o755), "'z' is executable"],
    ["a longer file", (copy) => writeFileSync(join(copy, "empty"), "x"), "'empty' has 1 bytes instead of 0"],
    [
      "a link in a file's place",
      (copy) => {
        rmSync(join(copy, "empty"));
        symlinkSync("/dev/null", join(copy, "empty"));
      },
      "'empty' is not a file",
    ],
    [
      "one wrong byte",
      (copy) => {
        const bytes = readFileSync(join(copy, "z"));
        bytes[2000] = ~(bytes[2000] ?? 0);
        writeFileSync(join(copy, "z"), bytes);
      },
      "block 3, in 'z', is wrong",
    ],
  ])("names %s", async (_, spoil, firstDifference) => {
    const copy = makeSource();
    const { manifest } = await describeSource(copy, 1024);
    spoil(copy);
    expect(await verifyResult(copy, manifest)).toEqual({ ok: false, firstDifference });
  });
});
