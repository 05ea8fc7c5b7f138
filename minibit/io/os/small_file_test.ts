import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { randomBytes, useTempFolders } from "../testing/temp_share.ts";
import { readKeptFile, readNamedFile } from "./small_file.ts";

const tempFolder = useTempFolders();
const failure = "Cannot use it";

function makeFifo(path: string): void {
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
}

test("a file is read whole, up to what is allowed", () => {
  const path = join(tempFolder(), "file");
  for (const length of [0, 1, 100_000]) {
    const bytes = randomBytes(length);
    writeFileSync(path, bytes);
    expect(Buffer.compare(readKeptFile(path, { maxBytes: length }) as Buffer, bytes)).toBe(0);
    expect(Buffer.compare(readNamedFile(path, { maxBytes: length + 1, failure }), bytes)).toBe(0);
  }
  expect(() => readKeptFile(path, { maxBytes: 99_999 })).toThrow(`Cannot read '${path}': it has more than the 99999`);
  expect(() => readNamedFile(path, { maxBytes: 99_999, failure })).toThrow("Cannot use it: it has more than the 99999");
});

test("what we keep is no FIFO, device, link or folder: nobody waits for one", () => {
  const folder = tempFolder();
  const path = (name: string): string => join(folder, name);
  expect(readKeptFile(path("missing"), { maxBytes: 10 })).toBeUndefined();
  makeFifo(path("fifo"));
  mkdirSync(path("folder"));
  symlinkSync("/dev/zero", path("link"));
  for (const name of ["fifo", "folder"]) {
    expect(() => readKeptFile(path(name), { maxBytes: 10 })).toThrow(`Cannot read '${path(name)}': it is no file`);
  }
  expect(() => readKeptFile(path("link"), { maxBytes: 10 })).toThrow("a symbolic link is in its place");
  expect(() => readKeptFile("/dev/zero", { maxBytes: 10 })).toThrow(UserError);
});

test("what a user names may come through a pipe, and has an end also where there is none", async () => {
  expect(() => readNamedFile("/dev/zero", { maxBytes: 1_000_000, failure })).toThrow(
    "it has more than the 1000000 bytes",
  );
  expect(() => readNamedFile(join(tempFolder(), "missing"), { maxBytes: 10, failure })).toThrow(
    "there is no such file",
  );
  const fifo = join(tempFolder(), "fifo");
  makeFifo(fifo);
  const writer = Bun.spawn(["sh", "-c", 'printf "%0100000d" 7 > "$0"', fifo]);
  expect(readNamedFile(fifo, { maxBytes: 100_000, failure }).toString()).toBe(`${"0".repeat(99_999)}7`);
  await writer.exited;
});
