import { expect, test } from "bun:test";
import { homedir } from "node:os";
import { parsePath } from "./paths.ts";
import { UnitError } from "./units.ts";

test("parsePath() takes ~ for the home, and leaves all other paths alone", () => {
  expect(parsePath("~")).toBe(homedir());
  expect(parsePath("~/data/set")).toBe(`${homedir()}/data/set`);
  expect(parsePath("~/data/")).toBe(`${homedir()}/data/`);
  for (const path of ["/data/~/x", "./~", "a b", "price $5", "a/$HOME", "-rf", "..", "é"]) {
    expect(parsePath(path)).toBe(path);
  }
});

test.each(["", "~root/x", "~x", "$HOME/set", `\${HOME}/set`, "$(pwd)", "a\0b"])("parsePath() refuses %j", (path) => {
  expect(() => parsePath(path)).toThrow(UnitError);
});
