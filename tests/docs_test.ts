/** The documents are true where a program can tell: files, flags, commands and links that they name exist. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { PROTOCOL_FILE, protocolDocument } from "../docs/protocol.ts";
import packageFile from "../package.json" with { type: "json" };

const ROOT = join(import.meta.dir, "..");
/** More than this is no page for newcomers. */
const MAX_README_LINES = 150;
const DOCUMENTS = ["README.md", "CHANGELOG.md", ...filesOf("docs", "*.md").map((name) => `docs/${name}`)];
const SOURCES = [
  ...["*.ts", "*.json", "{minibit,tests,bench,docs}/**/*.{ts,py,grit,json,css}"].flatMap((pattern) =>
    filesOf(".", pattern),
  ),
  ".ci/run",
];
/** Flags of other people's programs, and of our tools that have no `--help` of their own. */
const OTHER_FLAGS = [
  "--timeout",
  "--noEmit",
  "--frozen-lockfile",
  "--write",
  "--help",
  "--report",
  "--seed",
  "--speed",
  "--ask",
];
/** Scripts that tell of their flags. */
const SCRIPTS = ["run_full.ts", "peer.ts", "tracker.ts", "dist_block.ts", "bench/speed.ts", "bench/board_load.ts"];
const PYTHON_FLAGS = /"(--[a-z][a-z0-9-]+)"/g;

function filesOf(folder: string, pattern: string): string[] {
  const found = new Bun.Glob(pattern).scanSync({ cwd: join(ROOT, folder), onlyFiles: true });
  return [...found].filter((path) => !path.includes("node_modules")).sort();
}

function textOf(document: string): string {
  return readFileSync(join(ROOT, document), "utf8");
}

/** What `pattern`'s first group finds in a text. */
function namesIn(text: string, pattern: RegExp): string[] {
  return [...new Set(Array.from(text.matchAll(pattern), (match) => match[1] ?? ""))].filter((name) => name !== "");
}

function flagsIn(text: string): string[] {
  return namesIn(text, /(?<![\w-])(--[a-z][A-Za-z0-9-]*[A-Za-z0-9])/g);
}

const flagsOf = new Map(
  SCRIPTS.map((script) => {
    const { stdout } = Bun.spawnSync([process.execPath, join(ROOT, script), "--help"]);
    return [script, flagsIn(stdout.toString())];
  }),
);

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(document: string): string[] {
  return namesIn(textOf(document), /^#+ (.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test(`README.md has at most ${MAX_README_LINES} lines`, () => {
  expect(textOf("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(MAX_README_LINES);
});

test("docs/protocol.md is what the message tables say", () => {
  expect(readFileSync(PROTOCOL_FILE, "utf8"), "write it anew: bun run protocol").toBe(protocolDocument());
});

const CODE = SOURCES.map(textOf).join("\n");
/** Folders of source files under minibit/, those of tests' helpers apart. */
const ROOMS = [...new Set(SOURCES.filter((path) => /^minibit\/(launch|\w+\/\w+)\/\w+\.ts$/.test(path)).map(dirname))]
  .map((folder) => folder.replace("minibit/", ""))
  .filter((room) => !room.endsWith("/testing"));

test("every room of the house is in docs/architecture.md", () => {
  const text = textOf("docs/architecture.md");
  expect(ROOMS.length).toBeGreaterThan(20);
  expect(ROOMS.filter((room) => !text.includes(`| \`${room}\` |`))).toEqual([]);
});

test("one file of each room begins with what the room is for", () => {
  const heads = SOURCES.filter((path) => path.startsWith("minibit/") && path.endsWith(".ts"))
    .map((path) => [path, textOf(path).match(/^\/\/ Room ([\w/]+): /)?.[1]] as const)
    .filter(([, room]) => room !== undefined);
  expect(heads.map(([, room]) => room).sort()).toEqual([...ROOMS].sort());
  expect(heads.filter(([path, room]) => dirname(path) !== `minibit/${room}`)).toEqual([]);
});

for (const document of DOCUMENTS) {
  const text = textOf(document);

  test(`${document}: every link to a file or heading of ours resolves`, () => {
    const broken = namesIn(text, /\]\(([^)\s]+)\)/g)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path = "", anchor] = target.split("#");
        const file = path === "" ? document : normalize(join(dirname(document), path));
        return !existsSync(join(ROOT, file)) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
      });
    expect(broken).toEqual([]);
  });

  test(`${document}: every source file and folder it names exists`, () => {
    const files = namesIn(text, /(?<![\w/<.-])((?:[\w.-]+\/)*[\w-]+\.(?:ts|py|grit))\b/g);
    const missing = files.filter((file) => {
      const path = file.replace(/^(\.\.\/)+/, "");
      return !SOURCES.some((source) => source === path || source.endsWith(`/${path}`));
    });
    const folders = namesIn(text, /`((?:minibit|tests|bench|docs|\.ci)\/[\w./-]*)`/g);
    expect([...missing, ...folders.filter((path) => !existsSync(join(ROOT, path)))]).toEqual([]);
  });

  test(`${document}: every name of the code's that it quotes stands in the code`, () => {
    const quoted = namesIn(text, /`([A-Z][a-z]+[A-Z]\w*|[A-Z][A-Z_]+[A-Z]|[a-z]+[A-Z]\w*)(?:\([^`]*\))?`/g);
    expect(quoted.filter((name) => !new RegExp(`\\b${name}\\b`).test(CODE))).toEqual([]);
  });

  test(`${document}: every flag it names exists, and the script of a command line has it`, () => {
    const python = filesOf("bench", "*.py").flatMap((file) => namesIn(textOf(`bench/${file}`), PYTHON_FLAGS));
    const known = new Set([...[...flagsOf.values()].flat(), ...python, ...OTHER_FLAGS]);
    expect(flagsIn(text).filter((flag) => !known.has(flag))).toEqual([]);
    for (const [command = "", script = ""] of text.matchAll(/bun ((?:bench\/)?\w+\.ts)\b[^`\n#]*/g)) {
      const flags = flagsOf.get(script);
      const wrong = flagsIn(command).filter((flag) => flags !== undefined && !flags.includes(flag));
      expect({ command, wrong }).toEqual({ command, wrong: [] });
    }
  });

  test(`${document}: every script of package.json it names exists`, () => {
    const names = namesIn(text, /bun run ([a-z]+)/g);
    expect(names.filter((name) => !Object.hasOwn(packageFile.scripts, name))).toEqual([]);
  });
}
