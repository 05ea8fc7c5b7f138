/**
 * The examples in the docstrings of public functions, and the programs in documents, run: each in a folder of its own, as a script of its own.
 *
 * An example of the root scripts, or one that imports something, is a whole program. What stands behind `console.log(...); //`
 * is what it prints.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { useTempFolders } from "../minibit/io/testing/temp_share.ts";

const ROOT = join(import.meta.dir, "..");
const SCRIPTS = ["dist_block.ts", "peer.ts", "run_full.ts", "tracker.ts", "utils.ts"];
/** The functions that people call: each has an example in its docstring, or in a document. */
const WITH_EXAMPLE = [
  ...["distributeBlocks", "heldBlocks", "reconstruct", "runFull", "runPeer"],
  ...["splitShare", "startTracker", "verifyResult"],
];
const EXAMPLE =
  /@example\n \* ```ts\n((?: \*.*\n)*?) \* ```\n(?: \*.*\n)*? \*\/\nexport (?:async )?(?:function|class) (\w+)/g;
const PRINTED = /^console\.log\(.*\); \/\/ (.+)$/gm;

const IN_DOCUMENT = /^```ts\n(import [\s\S]*?)^```$/gm;

const tempFolder = useTempFolders();

interface Example {
  /** What it shows: the function, or class, that it stands above. */
  readonly of: string;
  readonly file: string;
  readonly code: string;
}

const examples = [
  ...[...SCRIPTS, ...new Bun.Glob("minibit/**/*.ts").scanSync(ROOT)].flatMap(examplesIn),
  ...[...new Bun.Glob("docs/*.md").scanSync(ROOT)].flatMap(programsIn),
];

/** The whole programs among the examples of a source file. */
function examplesIn(file: string): Example[] {
  const found = Array.from(readFileSync(join(ROOT, file), "utf8").matchAll(EXAMPLE), ([, lines = "", of = ""]) => {
    return { of, file, code: lines.replace(/^ \* ?/gm, "") };
  });
  return found.filter(({ code }) => SCRIPTS.includes(file) || code.includes("import "));
}

/** The programs in a document. */
function programsIn(file: string): Example[] {
  const programs = readFileSync(join(ROOT, file), "utf8").matchAll(IN_DOCUMENT);
  return Array.from(programs, ([, code = ""], index) => ({ of: `program ${index + 1}`, file, code }));
}

/** The code with its imports, which are written relative to the file that it stands in, made absolute. */
function runnable({ file, code }: Example): string {
  return code.replace(/ from "(\..+?)";/g, (_, path) => ` from ${JSON.stringify(join(ROOT, dirname(file), path))};`);
}

describe("an example", () => {
  test("is there for every function that people call", () => {
    const isShown = (name: string): boolean =>
      examples.some(
        ({ of, file, code }) => of === name || (file.endsWith(".md") && code.includes(`import { ${name} }`)),
      );
    expect(WITH_EXAMPLE.filter((name) => !isShown(name))).toEqual([]);
  });

  for (const example of examples) {
    test.concurrent(`of ${example.of} in ${example.file} does what it says`, async () => {
      const folder = tempFolder();
      writeFileSync(join(folder, "example.ts"), runnable(example));
      const child = Bun.spawn([process.execPath, "example.ts"], { cwd: folder, stdout: "pipe", stderr: "pipe" });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      const expected = Array.from(example.code.matchAll(PRINTED), ([, printed]) => printed);
      expect({ exitCode: await child.exited, stderr: stderr.match(/error.*/i)?.[0] }).toEqual({
        exitCode: 0,
        stderr: undefined,
      });
      expect(expected.length).toBeGreaterThan(0);
      expect(stdout.trimEnd().split("\n")).toEqual(expected.map(String));
    });
  }
});
