import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { writeRecord } from "../io/store/copy_record.ts";
import { peerFolder, RECORD_FILE } from "../io/store/peer_folder.ts";
import { lockPeerFolder } from "../io/store/place_lock.ts";
import { describeSource, readTree, useTempFolders, writeTree } from "../io/testing/temp_share.ts";
import { lockRun, startFresh } from "./start_fresh.ts";

const tempFolder = useTempFolders();

/** A folder of a user's, to which a link leads. */
function makeLinked(dir: string): string {
  writeTree(dir, { "precious/a": "mine" });
  return join(dir, "precious");
}

/** What a run of three peers left in a folder. */
async function left(): Promise<string> {
  const dir = tempFolder();
  const source = join(tempFolder(), "data.bin");
  writeTree(join(source, ".."), { "data.bin": "x" });
  const { manifestBytes } = await describeSource(source);
  for (const id of [0, 1, 2]) {
    writeTree(peerFolder(dir, id), {
      ...{ block_0: "b", "block_count.txt": "1", "manifest.json": manifestBytes, "manifest.json.damaged": "{" },
      ...{ "block_1.99.tmp": "half", lock: "" },
    });
    if (id > 0) {
      writeTree(join(dir, `reconstruido_peer_${id}`), { "a/b": "copy" });
      await writeRecord(join(peerFolder(dir, id), RECORD_FILE), { root: join(dir, `reconstruido_peer_${id}`) });
    }
  }
  writeTree(dir, { "reconstruido_peer_1.bin.part": "half", notes: "mine", "blocos_peer_x/y": "mine" });
  return dir;
}

function start(
  dir: string,
  options: { readonly peers?: number; readonly replace?: boolean; readonly source?: string } = {},
) {
  return startFresh(dir, { peers: 4, replace: false, source: "/nowhere", ...options });
}

describe("startFresh()", () => {
  test("removes what an earlier run left of the peers that will run, and nothing else", async () => {
    const dir = await left();
    await start(dir, { peers: 2 });
    expect(readdirSync(dir).sort()).toEqual(
      ["blocos_peer_0", "blocos_peer_2", "blocos_peer_x", "notes", "reconstruido_peer_2"].sort(),
    );
    expect(readdirSync(join(dir, "blocos_peer_0"))).toEqual([]);
  });

  test.each<[string, (dir: string) => void, string]>([
    ["a file among the blocks", (dir) => writeTree(peerFolder(dir, 1), { diary: "mine" }), "blocos_peer_1/diary"],
    [
      "a folder that is called as a block",
      (dir) => writeTree(peerFolder(dir, 1), { "block_7/x": "mine" }),
      "blocos_peer_1/block_7",
    ],
    [
      "a file added to a copy",
      (dir) => writeTree(dir, { "reconstruido_peer_2/new": "mine" }),
      "reconstruido_peer_2/new",
    ],
    [
      "a file that was edited",
      (dir) => writeTree(dir, { "reconstruido_peer_2/a/b": "mine" }),
      "reconstruido_peer_2/a/b",
    ],
    [
      "a file of a user's that bears a copy's name",
      (dir) => writeTree(dir, { "reconstruido_peer_2.txt": "mine" }),
      "reconstruido_peer_2.txt",
    ],
    [
      "a link that is called as a peer's blocks",
      (dir) => symlinkSync(makeLinked(dir), join(dir, "blocos_peer_3")),
      "blocos_peer_3",
    ],
    [
      "a file of a user's that ends in .part",
      (dir) => writeTree(dir, { "reconstruido_peer_2.x.part": "mine" }),
      "reconstruido_peer_2.x.part",
    ],
    [
      "a link in a copy's place",
      (dir) => symlinkSync("/etc", join(dir, "reconstruido_peer_1.d")),
      "reconstruido_peer_1.d",
    ],
  ])("refuses to remove %s, and removes nothing then; --replace does", async (_, add, path) => {
    const dir = await left();
    add(dir);
    const before = readTree(dir);
    await expect(start(dir)).rejects.toThrow(`Cannot start fresh in '${dir}': '${join(dir, path)}'`);
    // the locks that were left by a process that is gone are ours for a moment
    for (const id of [0, 1, 2]) {
      before.delete(`blocos_peer_${id}/lock`);
    }
    expect(readTree(dir)).toEqual(before);
    await start(dir, { replace: true });
    expect(existsSync(join(dir, path))).toBe(false);
    expect(!existsSync(join(dir, "precious")) || existsSync(join(dir, "precious/a"))).toBe(true);
  });

  test("refuses while a peer is at work, and to remove what is to be shared", async () => {
    const dir = await left();
    const lock = lockPeerFolder(dir, 2);
    await expect(start(dir)).rejects.toThrow(`process ${process.pid} on `);
    lock.release();
    const source = join(dir, "reconstruido_peer_1");
    await expect(start(dir, { source })).rejects.toThrow("an earlier run left it, and it would be removed (move it)");
    expect(existsSync(source)).toBe(true);
  });
});

test("lockRun() is for one run in a folder at a time, and leaves nothing", () => {
  const dir = tempFolder();
  const lock = lockRun(dir);
  expect(() => lockRun(dir)).toThrow(`Cannot use '${dir}': process ${process.pid} on `);
  lock.release();
  expect(readTree(dir)).toEqual(
    new Map([
      ["", "folder"],
      ["blocos_peer_0", "folder"],
    ]),
  );
});
