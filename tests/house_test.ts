/** The linter guards the architecture; this proves that each guard fires, and stays silent on what is allowed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { MIN_BLOCK_BYTES } from "../minibit/core/base/limits.ts";

const ROOT = join(import.meta.dir, "..");
/** A file that needs more lines holds more than one idea. */
const MAX_LINES = 400;
const IMPORTS = "lint/style/noRestrictedImports";
const GLOBALS = "lint/style/noRestrictedGlobals";
const PROPERTIES = "lint/nursery/noJsRestrictedProperties";
const PURITY = "plugin";
const CYCLES = "lint/suspicious/noImportCycles";

/** [file, or folder of a file of any name; its code; the rule that must catch it, or undefined: it is allowed]. */
const CASES: readonly (readonly [place: string, code: string, rule: string | undefined])[] = [
  ["minibit/core/wire", `export { a } from "./codec.ts"; export { b } from "../base/limits.ts";`, undefined],
  ["minibit/core/wire", `export { parse } from "valibot";`, undefined],
  ["minibit/core/wire", `import { a } from "../../io/store/store.ts";`, IMPORTS],
  ["minibit/core/wire", `import type { A } from "../../io/store/store.ts";`, IMPORTS],
  ["minibit/core/wire", `export * from "../../sim/engine/clock.ts";`, IMPORTS],
  ["minibit/core/wire", `import { a } from "../../../utils.ts";`, IMPORTS],
  ["minibit/core/wire", `import { a } from "node:fs";`, IMPORTS],
  ["minibit/core/wire", `import { a } from "bun";`, IMPORTS],
  ["minibit/core/wire", `import { a } from "hono";`, IMPORTS],
  ["minibit/core/base", `import { a } from "../share/geometry.ts";`, IMPORTS],
  ["minibit/core/share", `import { a } from "../wire/codec.ts";`, IMPORTS],
  ["minibit/core/wire", `import { a } from "../link/link.ts";`, IMPORTS],
  ["minibit/core/link", `import type { A } from "../upload/choker.ts";`, IMPORTS],
  ["minibit/core/download", `import { a } from "../upload/uploader.ts";`, IMPORTS],
  ["minibit/core/upload", `import { a } from "../download/pipeline.ts";`, IMPORTS],
  ["minibit/core/upload", `import { a } from "../peer/peer_core.ts";`, IMPORTS],
  ["minibit/core/tracker", `import { a } from "../link/link.ts";`, IMPORTS],
  [
    "minibit/core/peer",
    `export { a } from "../download/pipeline.ts"; export { b } from "../upload/choker.ts";`,
    undefined,
  ],
  ["minibit/core/peer", `import { a } from "../tracker/tracker_core.ts";`, IMPORTS],
  ["minibit/core", "Bun.nanoseconds();", GLOBALS],
  ["minibit/core", "Date.now();", GLOBALS],
  ["minibit/core", "new Date();", GLOBALS],
  ["minibit/core", "performance.now();", GLOBALS],
  ["minibit/core", "setTimeout(() => {}, 1);", GLOBALS],
  ["minibit/core", "setInterval(() => {}, 1);", GLOBALS],
  ["minibit/core", "setImmediate(() => {});", GLOBALS],
  ["minibit/core", "queueMicrotask(() => {});", GLOBALS],
  ["minibit/core", "globalThis.setTimeout(() => {}, 1);", GLOBALS],
  ["minibit/core", `console.log("a");`, GLOBALS],
  ["minibit/core", "process.exit(1);", GLOBALS],
  ["minibit/core", `fetch("http://localhost");`, GLOBALS],
  ["minibit/core", "crypto.randomUUID();", GLOBALS],
  ["minibit/core", `require("node:fs");`, GLOBALS],
  ["minibit/core", "export type A = Promise<void>;", GLOBALS],
  ["minibit/core", "Promise.resolve();", GLOBALS],
  ["minibit/core", "Math.random();", PROPERTIES],
  ["minibit/core", "export const { random } = Math;", PROPERTIES],
  ["minibit/core", "export const a = Math.floor(1.5);", undefined],
  ["minibit/core", "export const a = await 1;", PURITY],
  ["minibit/core", "export async function a() {}", PURITY],
  ["minibit/core", "export const a = async () => 1;", PURITY],
  ["minibit/core", "export const a = async function () {};", PURITY],
  ["minibit/core", "export class A { static async a() {} }", PURITY],
  ["minibit/core", "export const a = { async a() {} };", PURITY],
  ["minibit/core", "for await (const a of []) { a(); }", PURITY],
  ["minibit/core", "export function asyncLike() {}", undefined],
  ["minibit/core/base/a_test.ts", `import { a } from "../../io/store/store.ts";`, IMPORTS],
  [
    "minibit/core/base/b_test.ts",
    `export { test } from "bun:test"; export { a } from "../peer/peer_core.ts";`,
    undefined,
  ],

  ["minibit/io/net", `export { a } from "../../core/base/limits.ts"; export { b } from "../os/libc.ts";`, undefined],
  ["minibit/io/net", `export { a } from "./sockets.ts";`, undefined],
  ["minibit/io/net", `export { readFile } from "node:fs/promises";`, undefined],
  ["minibit/io/net", "export async function a() { await 1; }", undefined],
  ["minibit/io/net", `import { a } from "../store/share.ts";`, IMPORTS],
  ["minibit/io/store", `import { a } from "../net/listening.ts";`, IMPORTS],
  ["minibit/io/store", `import { a } from "../cli/cli.ts";`, IMPORTS],
  ["minibit/io/os", `import { a } from "../store/share.ts";`, IMPORTS],
  ["minibit/io/driver", `export { a } from "../store/share.ts"; export { b } from "../net/listening.ts";`, undefined],
  ["minibit/io/cli", `import { a } from "../driver/peer_driver.ts";`, IMPORTS],
  ["minibit/io/testing", `import { a } from "../../launch/host_push.ts";`, IMPORTS],
  ["minibit/core/testing", `import { a } from "../../io/os/libc.ts";`, IMPORTS],
  ["minibit/io/driver", `import { a } from "../../launch/host_push.ts";`, IMPORTS],
  ["minibit/io/driver", `import { a } from "../../sim/engine/clock.ts";`, IMPORTS],
  ["minibit/io/driver", `import { a } from "../../board/server/routes.ts";`, IMPORTS],
  ["minibit/io/driver", `import { a } from "../../../peer.ts";`, IMPORTS],
  ["minibit/io/driver", `import { a } from "../../../utils.ts";`, IMPORTS],
  ["minibit/io/driver", `import { a } from "commander";`, IMPORTS],
  ["minibit/io/driver", `import { a } from "cli-progress";`, IMPORTS],
  ["minibit/io/driver", `import { a } from "@logtape/logtape";`, IMPORTS],
  ["minibit/io/os/a_test.ts", `export { a } from "../driver/peer_driver.ts";`, undefined],
  ["minibit/io/cli/cli.ts", `export { Command } from "commander";`, undefined],
  ["minibit/io/cli/progress.ts", `export { MultiBar } from "cli-progress";`, undefined],
  ["minibit/io/os/logging.ts", `import { a } from "../../../peer.ts";`, IMPORTS],
  ["minibit/launch", `export { a } from "../core/base/limits.ts"; export { b } from "../io/os/libc.ts";`, undefined],
  ["minibit/launch", `import { a } from "../board/server/routes.ts";`, IMPORTS],
  ["minibit/launch", `import { a } from "../../peer.ts";`, IMPORTS],
  ["minibit/launch", `import { a } from "commander";`, IMPORTS],
  ["minibit/io", `console.log("a");`, "lint/suspicious/noConsole"],

  ["minibit/sim/engine", `export { a } from "../../core/base/limits.ts";`, undefined],
  ["minibit/sim/engine", `import { a } from "../../io/net/sockets.ts";`, IMPORTS],
  ["minibit/sim/engine", `import { a } from "../experiments/scale.ts";`, IMPORTS],
  ["minibit/sim/engine", `import { a } from "../../../peer.ts";`, IMPORTS],
  ["minibit/sim/experiments", `export { a } from "../engine/scenario.ts";`, undefined],
  ["minibit/sim/experiments", `import { a } from "../../io/os/libc.ts";`, IMPORTS],
  ["minibit/sim", `import { a } from "../io/os/libc.ts";`, IMPORTS],
  ["minibit/board/recording", `import { a } from "../server/routes.ts";`, IMPORTS],
  ["minibit/board/testing", `import { a } from "../server/routes.ts";`, IMPORTS],
  ["minibit/board/view", `import { a } from "../recording/playback.ts";`, IMPORTS],
  ["minibit/board/model", `export { a } from "../../core/base/limits.ts";`, undefined],
  ["minibit/board/model", `import { a } from "../view/colours.ts";`, IMPORTS],
  ["minibit/board/model", `import { a } from "../../io/os/units.ts";`, IMPORTS],
  ["minibit/board/view", `import { a } from "../server/routes.ts";`, IMPORTS],
  [
    "minibit/board/server",
    `export { a } from "../model/feed.ts"; export { b } from "../../io/os/units.ts";`,
    undefined,
  ],
  ["minibit/board/server", `import { a } from "../../launch/host_push.ts";`, IMPORTS],
  ["minibit/board/server", `import { a } from "../../../tracker.ts";`, IMPORTS],
  [
    "minibit/board/page",
    `export { a } from "../model/board_model.ts"; export { b } from "../view/colours.ts";`,
    undefined,
  ],
  ["minibit/board/page", `export { a } from "../../core/base/formats.ts";`, undefined],
  ["minibit/board/page", `import "./styles/base.css"; export { default as plot } from "uplot";`, undefined],
  ["minibit/board/page", `import { a } from "../server/page_html.ts";`, IMPORTS],
  ["minibit/board/page", `import { a } from "../../io/os/units.ts";`, IMPORTS],
  ["minibit/board/page", `import { a } from "node:fs";`, IMPORTS],
  ["minibit/board/page", `import { a } from "hono";`, IMPORTS],

  [".", `export { a } from "./utils.ts";`, undefined],
  [".", `export { a } from "./minibit/io/cli/cli.ts";`, undefined],
  [".", `import { a } from "./peer.ts";`, IMPORTS],
  [".", `const a = await import("./tracker.ts");`, IMPORTS],
  [".", `import { Command } from "commander";`, IMPORTS],
  ["tests", `export { a } from "../peer.ts";`, undefined],

  ["minibit/io", "export const a: any = 1;", "lint/suspicious/noExplicitAny"],
  ["minibit/io", "export default 1;", "lint/style/noDefaultExport"],
  ["minibit/io", `import { A } from "./a.ts"; export type B = A;`, "lint/style/useImportType"],
  ["minibit/io", `async function a(): Promise<void> {} a();`, "lint/nursery/noFloatingPromises"],
  ["minibit/io", `declare const a: Bun.Subprocess<"pipe">; a.stdin.write("b");`, PURITY],
  [".", `declare const a: Bun.Subprocess<"pipe">; void a.stdin.end();`, PURITY],
  ["minibit/io", "if (Promise.resolve(true)) { throw 1; }", "lint/nursery/noMisusedPromises"],
  ["minibit/io", `require("node:fs");`, "lint/style/noCommonJs"],
  ["minibit/io", `import "left-pad";`, "lint/correctness/noUndeclaredDependencies"],
  ["minibit/io/os/one.ts", `import type { Two } from "./two.ts"; export type One = Two;`, CYCLES],
  ["minibit/io/os/two.ts", `import type { One } from "./one.ts"; export interface Two { one: One }`, CYCLES],
  ["minibit/io/left.ts", `import { right } from "./right.ts"; export const left = right;`, CYCLES],
  ["minibit/io/right.ts", `import { left } from "./left.ts"; export const right = left;`, CYCLES],
];

/** [code; whether the compiler takes it]: a `slice()` of bytes is a view when they are a Buffer, and views do not last. */
const COPIES: readonly (readonly [code: string, passes: boolean])[] = [
  ["export const copy: Uint8Array = bytes.slice();", false],
  ["export const copy: Uint8Array = bytes.slice(1, 3);", false],
  ["export const copy: Uint8Array = buffer.slice(1);", false],
  ["export const copy: { kept: Uint8Array } = { kept: bytes.slice() };", false],
  ["export const length = bytes.slice().length;", false],
  ["export const numbers = [...buffer.slice()];", false],
  ["export const text = new TextDecoder().decode(buffer.slice());", false],
  ["export const copy: Uint8Array = ownedCopy(bytes);", true],
  ["export const copy: Uint8Array = ownedCopy(buffer);", true],
  ["export const view: Uint8Array = bytes.subarray(1);", true],
  ["export const others = [text.slice(1), [1, 2].slice(1), new Blob([]).slice(1)];", true],
];
const COPIES_BEGIN = `import { ownedCopy } from "./base/owned_copy.ts";
export const own = ownedCopy;
const text = "abc";
const buffer = Buffer.from(text);
const bytes: Uint8Array = buffer;
export const used = [text, bytes];
`;

interface Finding {
  readonly category: string;
  readonly location: { readonly path: string };
}

let house: string;
let findings: readonly Finding[];
let notCompiled: readonly string[];

function fileOf(index: number): string {
  const place = CASES[index]?.[0] ?? "";
  return place.endsWith(".ts") ? place : join(place, `case_${index}.ts`);
}

beforeAll(() => {
  house = mkdtempSync(join(tmpdir(), "minibit-house-"));
  const files = ["biome.json", "package.json", "minibit/core/purity.grit", "minibit/core/base/owned_copy.ts"];
  for (const file of [...files, "minibit/io/child_stdin.grit"]) {
    cpSync(join(ROOT, file), join(house, file), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(house, "node_modules"));
  for (const [index, [, code]] of CASES.entries()) {
    mkdirSync(join(house, dirname(fileOf(index))), { recursive: true });
    writeFileSync(join(house, fileOf(index)), `${code}\n`);
  }
  writeFileSync(join(house, "minibit/core/CamelCase.ts"), "export const a = 1;\n");
  for (const [index, [code]] of COPIES.entries()) {
    writeFileSync(join(house, copyOf(index)), `${COPIES_BEGIN}${code}\n`);
  }
  findings = lint();
  notCompiled = compile();
});

afterAll(() => rmSync(house, { recursive: true }));

/** Runs the linter over the temporary house, as `bun run lint` does here. */
function lint(): readonly Finding[] {
  const biome = join(ROOT, "node_modules/.bin/biome");
  const { stdout } = Bun.spawnSync([biome, "lint", "--reporter=json", "--max-diagnostics=none"], { cwd: house });
  return (JSON.parse(stdout.toString()) as { diagnostics: Finding[] }).diagnostics;
}

function copyOf(index: number): string {
  return `minibit/core/copy_${index}.ts`;
}

/** Runs the compiler over the copies, as `bun run types` does here; returns the files that it refuses. */
function compile(): string[] {
  const include = ["minibit/core/base/owned_copy.ts", "minibit/core/copy_*.ts"];
  writeFileSync(join(house, "tsconfig.json"), JSON.stringify({ extends: join(ROOT, "tsconfig.json"), include }));
  const { stdout } = Bun.spawnSync([join(ROOT, "node_modules/.bin/tsc"), "--noEmit", "--pretty", "false"], {
    cwd: house,
  });
  return [...stdout.toString().matchAll(/^(\S+)\(\d+,\d+\): error/gm)].map(([, file = ""]) => file);
}

function rulesBrokenBy(path: string): string[] {
  return findings.filter((finding) => finding.location.path === path).map((finding) => finding.category);
}

for (const [index, [place, code, rule]] of CASES.entries()) {
  test(`in ${place}: ${code} ${rule === undefined ? "passes" : `breaks ${rule}`}`, () => {
    const broken = rulesBrokenBy(fileOf(index));
    if (rule === undefined) {
      expect(broken.filter((name) => [IMPORTS, GLOBALS, PROPERTIES, PURITY].includes(name))).toEqual([]);
    } else {
      expect(broken).toContain(rule);
    }
  });
}

test("a file name that is not snake_case breaks lint/style/useFilenamingConvention", () => {
  expect(rulesBrokenBy("minibit/core/CamelCase.ts")).toEqual(["lint/style/useFilenamingConvention"]);
});

test(`no source file is longer than ${MAX_LINES} lines`, () => {
  const files = ["*.ts", "minibit/**/*.ts", "tests/**/*.ts", "bench/**/*.ts"].flatMap((pattern) => [
    ...new Bun.Glob(pattern).scanSync(ROOT),
  ]);
  expect(files).toContain("tests/house_test.ts");
  const tooLong = files.filter((file) => readFileSync(join(ROOT, file), "utf8").split("\n").length - 1 > MAX_LINES);
  expect(tooLong).toEqual([]);
});

for (const [index, [code, passes]] of COPIES.entries()) {
  test(`of bytes: ${code} ${passes ? "compiles" : "does not compile"}`, () => {
    expect(notCompiled.includes(copyOf(index))).toBe(!passes);
  });
}

test("the sample letter is the seventeen blocks it says it is", () => {
  expect(Math.ceil(statSync(join(ROOT, "arquivos/mensagem.txt")).size / MIN_BLOCK_BYTES)).toBe(17);
});
