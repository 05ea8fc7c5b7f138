import { expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useTempFolders } from "../testing/temp_share.ts";
import { exchange, renameIfFree, tryLock } from "./libc.ts";

const tempFolder = useTempFolders();

test("tryLock() tells a lock of another's from a file that cannot be locked", () => {
  const path = join(tempFolder(), "lock");
  const [first, second] = [openSync(path, "w"), openSync(path, "w")];
  expect(tryLock(first)).toBe(true);
  expect(tryLock(second)).toBe(false);
  closeSync(first);
  expect(tryLock(second)).toBe(true);
  closeSync(second);
  expect(tryLock(second)).toBeUndefined(); // not open any more
});

test.skipIf(process.platform !== "linux")(
  "exchange() swaps, renameIfFree() replaces nothing, and both tell what they did not do",
  () => {
    const dir = tempFolder();
    const [a, b, none] = [join(dir, "a é\n"), join(dir, "b"), join(dir, "none")];
    writeFileSync(a, "a");
    writeFileSync(b, "b");
    expect(exchange(a, b)).toBe(true);
    expect([readFileSync(a, "utf8"), readFileSync(b, "utf8")]).toEqual(["b", "a"]);
    expect(exchange(a, none)).toBe(false);
    expect(renameIfFree(a, b)).toBe(false);
    expect([readFileSync(a, "utf8"), readFileSync(b, "utf8")]).toEqual(["b", "a"]);
    expect(renameIfFree(a, none)).toBe(true);
    expect(readFileSync(none, "utf8")).toBe("b");
  },
);
