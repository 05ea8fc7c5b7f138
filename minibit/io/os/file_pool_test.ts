import { expect, test } from "bun:test";
import { openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { useTempFolders } from "../testing/temp_share.ts";
import { DiskWriter } from "./disk_writer.ts";
import { WRITE_FLAGS } from "./file_io.ts";
import { FilePool } from "./file_pool.ts";

const folder = useTempFolders()();

/** A pool over files of its own that notes which it opened, in order. */
function createPool(name: string, capacity: number, writer?: DiskWriter) {
  const opened: number[] = [];
  const pathOf = (file: number): string => join(folder, `${name}-${file}`);
  const pool = new FilePool(
    (file) => {
      opened.push(file);
      return openSync(pathOf(file), WRITE_FLAGS);
    },
    capacity,
    writer,
  );
  return { pool, opened, pathOf };
}

test("FilePool keeps the files used last and opens each once", () => {
  const { pool, opened } = createPool("lru", 2);
  for (const file of [1, 2, 1, 2, 1, 3, 1, 2]) {
    pool.status(file);
  }
  expect(opened).toEqual([1, 2, 3, 2]);
  pool.close();
});

test("FilePool reads back what it wrote, wherever it had to close the file between", async () => {
  const { pool, pathOf } = createPool("back", 1);
  for (const file of [1, 2, 3]) {
    await pool.write(file, new Uint8Array([file, file]), 1);
  }
  const into = new Uint8Array(4);
  expect(pool.read(2, into, 0)).toBe(3);
  expect([...into]).toEqual([0, 2, 2, 0]);
  expect([...readFileSync(pathOf(3))]).toEqual([0, 3, 3]);
  expect(pool.status(1).size).toBe(3);
  pool.close();
});

test("FilePool closes no file that is being written, even above its capacity", async () => {
  let nowMs = 0;
  const slow = new DiskWriter(() => {
    nowMs += 150;
    return nowMs;
  });
  const { pool, opened, pathOf } = createPool("busy", 1, slow);
  const large = new Uint8Array(1_000_000).fill(9);
  expect(pool.write(1, large, 0)).toBeUndefined(); // found slow, so the others go to another thread
  const writes = [1, 2, 3].map((file) => pool.write(file, large, 0));
  expect(() => pool.close()).toThrow("Assertion failed");
  await Promise.all(writes);
  expect(opened).toEqual([1, 2, 3]);
  for (const file of [1, 2, 3]) {
    expect(readFileSync(pathOf(file)).equals(large)).toBe(true);
  }
  pool.status(4);
  pool.status(1);
  expect(opened).toEqual([1, 2, 3, 4, 1]);
  pool.close();
});

test("FilePool closes the files it opened", () => {
  const { pool, opened } = createPool("closed", 8);
  const openBefore = openFiles();
  for (const file of [1, 2, 3]) {
    pool.status(file);
  }
  pool.forget(2);
  pool.forget(7);
  pool.close();
  expect(openFiles()).toBe(openBefore);
  pool.status(1);
  expect(opened).toEqual([1, 2, 3, 1]);
  pool.close();
});

test("FilePool keeps nothing of a file that cannot be opened", async () => {
  const pool = new FilePool(() => {
    throw new Error("ENOENT");
  });
  expect(() => pool.read(1, new Uint8Array(1), 0)).toThrow("ENOENT");
  await expect(pool.write(1, new Uint8Array(1), 0)).rejects.toThrow("ENOENT");
  pool.close();
});

function openFiles(): number {
  return readdirSync("/proc/self/fd").filter((fd) => fd !== "").length;
}

test("FilePool does with fewer files when the system allows no more, and says so only when it has none", () => {
  let allowed = 3;
  let isOpen = 0;
  const openOne = (file: number): number => {
    if (isOpen >= allowed) {
      throw Object.assign(new Error("too many"), { code: "EMFILE" });
    }
    isOpen++;
    return openSync(join(folder, `few-${file}`), WRITE_FLAGS);
  };
  const pool = new FilePool((file) => openOne(file), 10);
  const forget = pool.forget.bind(pool);
  pool.forget = (file) => {
    isOpen--;
    forget(file);
  };
  for (const file of [1, 2, 3, 4, 5, 1]) {
    pool.status(file);
    expect(isOpen).toBeLessThanOrEqual(3);
  }
  pool.close();
  allowed = 0;
  expect(() => pool.status(6)).toThrow("too many");
});
