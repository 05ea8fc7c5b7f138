import { expect, test } from "bun:test";
import { parseRate } from "../os/units.ts";
import { parseCommandLine } from "./cli.ts";
import { argvOf, asWritten, envOf } from "./hand_on.ts";

const FLAGS = {
  uploadLimit: { value: "rate", help: "most it sends", parse: parseRate, default: "unlimited" },
  blockSize: { value: "size", help: "size of a block", parse: Number },
  skipSync: { help: "sooner" },
  replace: { help: "replace" },
} as const;

/** What the second script makes of what the first was given. */
function handed(argv: readonly string[], by: "argv" | "env") {
  const values = parseCommandLine({ name: "first.ts", summary: "", flags: asWritten(FLAGS) }, { argv, env: {} });
  const words = by === "argv" ? { argv: argvOf(FLAGS, values), env: {} } : { argv: [], env: envOf(FLAGS, values) };
  return parseCommandLine({ name: "second.ts", summary: "", flags: FLAGS }, words);
}

test.each(["argv", "env"] as const)("flags handed on by %s mean the same to who gets them", (by) => {
  for (const argv of [[], ["--upload-limit", "1MiB/s", "--skip-sync"], ["--block-size", "512", "--replace"]]) {
    const direct = parseCommandLine({ name: "second.ts", summary: "", flags: FLAGS }, { argv, env: {} });
    expect(handed(argv, by)).toEqual(direct);
  }
});

test("what is left out or off is not handed on", () => {
  expect(argvOf(FLAGS, { skipSync: false, uploadLimit: "10KiB/s" })).toEqual(["--upload-limit", "10KiB/s"]);
  expect(envOf(FLAGS, { blockSize: undefined, replace: true })).toEqual({ MINIBIT_REPLACE: "1" });
});

test("a wrong value is refused by who hands it on", () => {
  expect(() => handed(["--upload-limit", "much"], "argv")).toThrow(/Cannot use --upload-limit "much"/);
});
