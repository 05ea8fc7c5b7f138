import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { comparePaths, findPathFault, nameFault } from "./share_paths.ts";

function faultOf(files: readonly string[], emptyFolders: readonly string[] = [], platform = "linux") {
  const sorted = files.map((path) => ({ path })).sort((a, b) => comparePaths(a.path, b.path));
  return findPathFault({ files: sorted, emptyFolders: [...emptyFolders].sort(comparePaths) }, platform);
}

test("comparePaths() orders as the UTF-8 bytes do", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(Math.sign(comparePaths(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("comparePaths() puts an emoji behind the private use area, unlike JavaScript", () => {
  expect(comparePaths("😀", "\ue000")).toBeGreaterThan(0);
  expect("😀" < "\ue000").toBe(true);
});

describe("findPathFault()", () => {
  test("accepts nested paths with spaces, newlines, Unicode, backslashes and colons", () => {
    const files = ["a b/c\nd", "ação/日本 😀.txt", "C:\\x", "...", "a.", "con", "-rf", "a/b/c/d/e"];
    expect(faultOf(files, ["empty", "a/b/none"])).toBeUndefined();
  });

  test.each([
    "",
    "/etc/passwd",
    "//x",
    "..",
    "../x",
    "a/../b",
    "a/..",
    ".",
    "./a",
    "a/./b",
    "a//b",
    "a/",
    "a\0b",
    "a\ud800",
  ])("refuses the path %j", (path) => {
    expect(faultOf([path])).toBeDefined();
    expect(faultOf([], [path])).toBeDefined();
  });

  test("counts the length of names and paths in bytes", () => {
    expect(faultOf(["x".repeat(255)])).toBeUndefined();
    expect(faultOf(["x".repeat(256)])).toContain("255 bytes");
    expect(faultOf(["ç".repeat(127)])).toBeUndefined();
    expect(faultOf(["ç".repeat(128)])).toContain("255 bytes");
    expect(faultOf([`${"xxx/".repeat(1023)}xxxx`])).toBeUndefined();
    expect(faultOf([`${"xxx/".repeat(1024)}x`])).toContain("4096 bytes");
  });

  test("refuses what Windows would not keep, on Windows only", () => {
    const names = ["a\\b", "C:x", "a:stream", "a?", "a\nb", "a.", "a ", "NUL", "con.txt", "Com1", "lpt¹", "aux .x"];
    for (const name of names) {
      expect(faultOf([`dir/${name}`], [], "win32")).toBeDefined();
      expect(faultOf([`dir/${name}`])).toBeUndefined();
    }
    expect(faultOf(["console.log", "com", "a.b.c", "ação"].sort(), [], "win32")).toBeUndefined();
  });

  test("refuses paths out of order and twice the same", () => {
    expect(findPathFault({ files: [{ path: "b" }, { path: "a" }], emptyFolders: [] }, "linux")).toContain("order");
    expect(findPathFault({ files: [], emptyFolders: ["b", "a"] }, "linux")).toContain("order");
    expect(faultOf(["a", "a"])).toContain("twice");
    expect(faultOf([], ["a", "a"])).toContain("twice");
  });

  test("refuses names that differ only in case or Unicode form", () => {
    expect(faultOf(["README", "readme"])).toContain("one name");
    expect(faultOf(["a/\u00e9", "a/e\u0301"])).toContain("one name");
    expect(faultOf(["ΣΑΣ", "σας"])).toContain("one name");
    expect(faultOf(["Dir/x", "dir/y"])).toContain("one name");
    expect(faultOf(["Dir/x"], ["dir"])).toContain("one name");
    expect(faultOf(["dir"], ["DIR"])).toContain("one name");
  });

  test("refuses a path that is file and folder, or an empty folder that is not empty", () => {
    expect(faultOf(["a", "a.b", "a/b"])).toBeDefined();
    expect(faultOf(["A", "a.b", "a/b"])).toBeDefined();
    expect(faultOf(["a"], ["a"])).toBeDefined();
    expect(faultOf(["a/b/c"], ["a"])).toBeDefined();
    expect(faultOf([], ["a", "a/b"])).toBeDefined();
  });

  test("lets no path leave the folder", () => {
    const segment = fc.oneof(fc.constantFrom("..", ".", "", "a", "b"), fc.string({ unit: "binary", maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        const path = segments.join("/");
        fc.pre(faultOf([path]) === undefined);
        expect(new URL(encodeURIComponent(path).replaceAll("%2F", "/"), "file:///root/in/").pathname).toStartWith(
          "/root/in/",
        );
        expect(path).not.toContain("\0");
      }),
    );
  });
});

test("nameFault() refuses a slash in a name", () => {
  expect(nameFault("a/b", "linux")).toBeDefined();
  expect(nameFault("a", "linux")).toBeUndefined();
});
