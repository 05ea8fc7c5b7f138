/** What may be shared arrives as it was, through both stores; what may not is refused by name before anything starts. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, extname } from "node:path";
import { randomBytes, readTree, type Tree, writeTree } from "../minibit/io/testing/temp_share.ts";
import { useTestBed } from "./support/test_bed.ts";

const bed = useTestBed();

const NAMES: Tree = {
  "plain.txt": "a file\n",
  "a name with spaces": "spaces",
  "new\nline": "a line\nfeed in a name",
  " leading and trailing ": "spaces at both ends",
  "-rf": "a name like a flag",
  "café/naïve.txt": "Unicode",
  "日本語/ファイル 🎉.txt": "more Unicode",
  ".hidden/.file": "hidden",
  "a/b/c/d/e/f/deep": "nested",
  "run.sh": "#!/bin/sh\n",
  "empty file": "",
  "empty folder": null,
  "folder/with/empty/ones": null,
  "big.bin": randomBytes(150_000),
};

const MANY: Tree = Object.fromEntries(
  Array.from({ length: 400 }, (_, i) => [`d${i % 20}/f${i}`, `the content of file ${i}\n`.repeat(i % 5)]),
);

describe.each([
  ["the folder store", ["--store", "folder"]],
  ["the direct store", ["--store", "direct"]],
  // a run that goes on deals nothing: each receiver gets the manifest and all blocks from others
  ["the direct store, with nothing dealt", ["--store", "direct", "--resume"]],
] as const)("through %s", (_, flags) => {
  /** Shares `source` with two peers and compares. */
  async function expectCopies(source: string): Promise<void> {
    const run = bed.runFull("--peers", "3", "--source", source, ...flags);
    await run.succeeded();
    for (const id of [1, 2]) {
      const result = bed.path(`reconstruido_peer_${id}${extname(basename(source))}`);
      expect(readTree(result)).toEqual(readTree(source));
    }
    const kept = [0, 1, 2].map((id) => `blocos_peer_${id}`);
    const results = [1, 2].map((id) => `reconstruido_peer_${id}${extname(basename(source))}`);
    expect(readdirSync(bed.folder).sort()).toEqual([...kept, ...results, basename(source)].sort());
    for (const folder of kept) {
      expect(readdirSync(bed.path(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    }
  }

  test("all kinds of names, nested, empty, executable", async () => {
    writeTree(bed.path("shared"), NAMES, ["run.sh", "a/b/c/d/e/f/deep"]);
    await expectCopies(bed.path("shared"));
  });

  test("many small files", async () => {
    writeTree(bed.path("many"), MANY);
    await expectCopies(bed.path("many"));
  });

  test.each([
    ["one file keeps its extension", "letter.txt", "a letter\n".repeat(2000)],
    ["one byte", "byte.bin", "x"],
    ["an empty file", "nothing.log", ""],
    ["a file without an extension", "README", "read me"],
  ])("%s", async (_, name, content) => {
    writeFileSync(bed.path(name), content);
    await expectCopies(bed.path(name));
  });

  test("an executable file", async () => {
    writeFileSync(bed.path("run.sh"), "#!/bin/sh\n");
    chmodSync(bed.path("run.sh"), 0o755);
    await expectCopies(bed.path("run.sh"));
  });

  test.each<[string, Tree]>([
    ["an empty folder", {}],
    ["nothing but empty folders and files", { a: null, "b/c": null, d: "" }],
  ])("%s", async (_, tree) => {
    writeTree(bed.path("share"), tree);
    await expectCopies(bed.path("share"));
  });
});

describe("before anything starts", () => {
  /** Makes something that is no plain file at `path`. */
  const SPECIAL: { readonly [kind: string]: (path: string) => unknown } = {
    "a symbolic link": (path) => symlinkSync("nowhere", path),
    "a socket": (path) => Bun.listen({ unix: path, socket: { data: () => undefined } }),
    "a FIFO": (path) => expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0),
  };

  test.each(Object.entries(SPECIAL))("%s is refused by its name", async (kind, make) => {
    writeTree(bed.path("share"), { "good.txt": "good" });
    const made = make(bed.path("share", "odd one"));
    const run = bed.runFull("--source", bed.path("share"));
    expect(await run.ended()).toBe(1);
    expect(run.complaints.join("\n")).toContain(`Cannot share '${bed.path("share", "odd one")}': it is ${kind}`);
    expect(readdirSync(bed.folder)).toEqual(["share"]);
    (made as { stop?: (close: boolean) => void } | undefined)?.stop?.(true);
  });

  test.skipIf(process.getuid?.() === 0)("a file that may not be read is refused by its name", async () => {
    writeTree(bed.path("share"), { secret: "secret" });
    chmodSync(bed.path("share", "secret"), 0);
    const run = bed.runFull("--source", bed.path("share"));
    expect(await run.ended()).toBe(1);
    expect(run.complaints.join("\n")).toContain(`Cannot share '${bed.path("share", "secret")}': permission denied`);
    expect(existsSync(bed.path("blocos_peer_0"))).toBe(false);
  });
});
