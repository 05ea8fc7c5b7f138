import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Manifest } from "../../core/share/manifest.ts";
import { describeSource, readTree, type Tree, useTempFolders, writeTree } from "../testing/temp_share.ts";
import { readRecord } from "./copy_record.ts";
import { RECORD_FILE } from "./peer_folder.ts";
import { type CopyPlace, putInPlace } from "./put_in_place.ts";

const tempFolder = useTempFolders();
/** A disk of its own on Linux: nothing can be renamed from there to another one. */
const OTHER_DISK = "/dev/shm";

/** A finished copy at `part`, and the place it goes to. */
async function setUp(newer: Tree, older: Tree | undefined, partDir = tempFolder()) {
  const dir = tempFolder();
  const part = join(partDir, "x");
  writeTree(partDir, newer);
  const { manifest } = await describeSource(part);
  const place = { result: join(dir, "x"), home: join(dir, "home") };
  mkdirSync(place.home);
  if (older !== undefined) {
    writeTree(dir, older);
  }
  return { part, manifest, ...place };
}

function put(at: { readonly part: string; readonly manifest: Manifest } & CopyPlace): Promise<number> {
  return putInPlace(at.part, at, { manifest: at.manifest, check: async () => undefined, sync: true, mayLose: true });
}

describe("putInPlace()", () => {
  test("replaces files and folders by each other and leaves nothing but a record behind", async () => {
    const kinds = [{ x: "file" }, { "x/in": "folder" }, undefined] as const;
    for (const older of kinds) {
      for (const newer of kinds.filter((kind) => kind !== undefined)) {
        const at = await setUp(newer, older);
        const right = readTree(at.part);
        expect(await put(at)).toBeGreaterThanOrEqual(0);
        expect(readTree(at.result)).toEqual(right);
        expect(readdirSync(at.home)).toEqual([RECORD_FILE]);
        expect(readRecord(join(at.home, RECORD_FILE))?.size).toBe(right.size);
        expect(existsSync(at.part)).toBe(false);
      }
    }
  });

  test.skipIf(!existsSync(OTHER_DISK))(
    "puts the older copy back when the newer one cannot take its place",
    async () => {
      const partDir = mkdtempSync(join(OTHER_DISK, "minibit-test-"));
      try {
        for (const older of [{ "x/old": "older" }, undefined]) {
          const at = await setUp({ "x/new": "newer" }, older, partDir);
          const before = existsSync(at.result) ? readTree(at.result) : undefined;
          await expect(put(at)).rejects.toThrow(
            `Cannot rename '${at.part}' to '${at.result}': another disk is mounted there`,
          );
          expect(existsSync(at.result) ? readTree(at.result) : undefined).toEqual(before);
          expect(readdirSync(at.part)).toEqual(["new"]);
        }
      } finally {
        rmSync(partDir, { recursive: true });
      }
    },
  );

  test("looks once more right before, and then leaves both copies as they are", async () => {
    const at = await setUp({ "x/new": "newer" }, { "x/old": "older" });
    const check = () => Promise.reject(new Error("somebody added a file"));
    const failed = putInPlace(at.part, at, { manifest: at.manifest, check, sync: true });
    await expect(failed).rejects.toThrow("somebody added a file");
    expect(readdirSync(at.result)).toEqual(["old"]);
    expect(readdirSync(at.part)).toEqual(["new"]);
  });

  test("opens to nobody what somebody has closed since it was put there", async () => {
    const at = await setUp({ "x/key": "k", "x/open": "o" }, { "x/key": "older", "x/open": "older" });
    await put(at);
    chmodSync(at.result, 0o700);
    chmodSync(join(at.result, "key"), 0o600);
    const next = { ...(await setUp({ "x/key": "k2", "x/open": "o2" }, undefined)), result: at.result, home: at.home };
    await put(next);
    const modes = ["", "key", "open"].map((path) => statSync(join(at.result, path)).mode & 0o777);
    expect(modes.slice(0, 2)).toEqual([0o700, 0o600]);
    expect(modes[2]).toBe(0o666 & ~process.umask());
  });

  test("keeps closed what was closed, however many updates come", async () => {
    const at = await setUp({ "x/key": "1" }, { "x/key": "0" });
    await put(at);
    chmodSync(join(at.result, "key"), 0o600);
    for (const version of ["2", "3", "4"]) {
      await put({ ...(await setUp({ "x/key": version }, undefined)), result: at.result, home: at.home });
      expect(statSync(join(at.result, "key")).mode & 0o777).toBe(0o600);
    }
  });

  test("keeps what somebody saves into the older copy between the last look and the exchange", async () => {
    const at = await setUp({ "x/new": "newer" }, undefined);
    await put({ ...(await setUp({ "x/old": "older" }, undefined)), result: at.result, home: at.home });
    const notes: string[] = [];
    await putInPlace(at.part, at, {
      manifest: at.manifest,
      check: async () => writeTree(at.result, { thesis: "saved just now" }),
      sync: true,
      onNote: (text) => notes.push(text),
    });
    expect(readdirSync(at.result)).toEqual(["new"]);
    const [kept = ""] = readdirSync(join(at.result, "..")).filter((name) => name.startsWith("x.changed-"));
    expect(readdirSync(join(at.result, "..", kept)).sort()).toEqual(["old", "thesis"]);
    expect(notes.join()).toContain(kept);
  });

  test("puts a copy at a place to which links lead", async () => {
    const at = await setUp({ "x/a": "a" }, undefined);
    const link = join(tempFolder(), "link");
    symlinkSync(join(at.result, ".."), link);
    await put({ ...at, result: join(link, "x") });
    expect(readdirSync(at.result)).toEqual(["a"]);
    expect(readdirSync(at.home)).toEqual([RECORD_FILE]);
  });

  test("refuses a copy that is not the whole share", async () => {
    const at = await setUp({ "x/new": "newer", "x/sub/two": "2" }, { "x/old": "older" });
    rmSync(join(at.part, "sub"), { recursive: true });
    await expect(put(at)).rejects.toThrow("'sub/two' is missing (start again to fetch it anew)");
    expect(readdirSync(at.result)).toEqual(["old"]);
  });

  test("keeps the mode of an empty folder that somebody made for the copy", async () => {
    const at = await setUp({ "x/a": "a" }, { x: null });
    chmodSync(at.result, 0o750);
    await put(at);
    expect(statSync(at.result).mode & 0o777).toBe(0o750);
  });
});

/** Whether a process of ours may be watched. */
const mayTrace = Bun.which("strace") !== null && Bun.spawnSync(["strace", "true"]).exitCode === 0;

describe.skipIf(!mayTrace)("putInPlace(), watched from outside,", () => {
  /** Puts a newer folder in place of an older one in a process under strace; returns its calls of the system, and what is there then. */
  async function traced(...flags: readonly string[]) {
    const at = await setUp({ "x/new": "newer", "x/sub/two": "2" }, { "x/old": "older" });
    const program = join(at.home, "..", "program.ts");
    const { part, result, home } = at;
    const module = (name: string): string => JSON.stringify(join(import.meta.dir, name));
    await Bun.write(
      program,
      `import { putInPlace } from ${module("put_in_place.ts")};
       import { describeSource } from ${module("../testing/temp_share.ts")};
       const { manifest } = await describeSource(${JSON.stringify(part)});
       const place = ${JSON.stringify({ result, home })};
       await putInPlace(${JSON.stringify(part)}, place, { manifest, check: async () => {}, sync: true, mayLose: true })
         .catch((error) => { console.log(error.message); process.exitCode = 3; });`,
    );
    const calls = "trace=fsync,openat,open,rename,renameat2,unlink,unlinkat,rmdir";
    const child = Bun.spawn(["strace", "-f", "-y", "-e", calls, ...flags, process.execPath, program], {
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, NODE_ENV: "test" },
    });
    const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { ...at, stdout, lines: stderr.split("\n"), exitCode };
  }

  test("has every file and folder on the disk before it renames, and the rename before the older copy goes", async () => {
    const { part, result, home, lines, exitCode } = await traced();
    expect(exitCode).toBe(0);
    const at = (text: string): number => lines.findIndex((line) => line.includes(text));
    const syncOf = (path: string): number =>
      lines.findIndex((line) => line.includes("fsync(") && line.includes(`<${path}>`));
    const swap = at("renameat2(");
    expect(swap).toBeGreaterThan(0);
    for (const path of ["/new", "/sub/two", "/sub", ""]) {
      const sync = syncOf(part + path);
      expect(sync).toBeGreaterThan(0);
      expect(sync).toBeLessThan(swap);
    }
    const named = lines.findIndex(
      (line, i) => i > swap && line.includes("fsync(") && line.includes(`<${join(result, "..")}>`),
    );
    const removal = lines.findIndex((line) => /unlink|rmdir/.test(line) && line.includes(join(home, "older_copy")));
    expect(named).toBeGreaterThan(swap);
    expect(removal).toBeGreaterThan(named);
  });

  test.each([1, 2, 3, 4])("loses neither copy when the disk fails at rename %i", async (failing) => {
    const { part, result, home, stdout, exitCode } = await traced(
      ...["-e", "inject=renameat2:error=ENOSYS", "-e", `inject=rename:error=EIO:when=${failing}`],
    );
    expect(exitCode).toBe(3);
    expect(stdout).toContain("the disk failed (look at the system's log)");
    // the fourth rename is that of the record, when the newer copy stands
    const [standing, other] = failing < 4 ? ["old", part] : ["new", join(home, "older_copy")];
    expect(readdirSync(result)).toContain(standing);
    expect(readdirSync(other).length).toBeGreaterThan(0);
  });
});
