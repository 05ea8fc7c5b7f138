import { expect, test } from "bun:test";
import { closeSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownedCopy } from "../../core/base/owned_copy.ts";
import { useTempFolders } from "../testing/temp_share.ts";
import { FileStreamer, READ_FLAGS, readAt } from "./file_io.ts";

const folder = useTempFolders()();

test("readAt() reads at any place, up to the end of the file", () => {
  const path = join(folder, "read");
  const bytes = new Uint8Array(300_000).map((_, i) => i);
  writeFileSync(path, bytes);
  const fd = openSync(path, READ_FLAGS);
  const back = new Uint8Array(1000);
  expect(readAt(fd, back, 12_345)).toBe(1000);
  expect(Buffer.compare(back, bytes.subarray(12_345, 13_345))).toBe(0);
  expect(readAt(fd, back, 299_995)).toBe(5);
  closeSync(fd);
});

test("opening for reading refuses a symbolic link", () => {
  const link = join(folder, "link");
  writeFileSync(join(folder, "target"), "x");
  symlinkSync(join(folder, "target"), link);
  expect(() => openSync(link, READ_FLAGS)).toThrow("ELOOP");
});

test("FileStreamer gives every byte in order, up to the size asked or the end", async () => {
  const path = join(folder, "streamed");
  const bytes = new Uint8Array(3_500_001).map((_, i) => i >> 8);
  writeFileSync(path, bytes);
  const fd = openSync(path, READ_FLAGS);
  const streamer = new FileStreamer();
  for (const [asked, expected] of [
    [bytes.length, bytes.length],
    [bytes.length + 2_000_000, bytes.length],
    [2_000_000, 2_000_000],
    [1000, 1000],
    [0, 0],
  ] as const) {
    const pieces: Uint8Array[] = [];
    expect(await streamer.read(fd, asked, (piece) => pieces.push(ownedCopy(piece)))).toBe(expected);
    expect(Buffer.compare(Buffer.concat(pieces), bytes.subarray(0, expected))).toBe(0);
  }
  closeSync(fd);
});
