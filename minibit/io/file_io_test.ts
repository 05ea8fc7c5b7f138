import { expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileStreamer, READ_FLAGS, readAt, WRITE_FLAGS, writeAt } from "./file_io.ts";
import { useTempFolders } from "./temp_share.ts";

const folder = useTempFolders()();

test("writeAt() and readAt() reach any place, small and large, and do not empty the file", async () => {
  const path = join(folder, "sparse");
  const large = new Uint8Array(300_000).map((_, i) => i);
  let fd = openSync(path, WRITE_FLAGS);
  await writeAt(fd, large, 1000);
  closeSync(fd);
  fd = openSync(path, WRITE_FLAGS);
  await writeAt(fd, new Uint8Array([1, 2, 3]), 10);
  const back = new Uint8Array(large.length);
  expect(readAt(fd, back, 1000)).toBe(large.length);
  expect(Buffer.compare(back, large)).toBe(0);
  expect(readAt(fd, new Uint8Array(10), 300_995)).toBe(5);
  closeSync(fd);
  expect([...readFileSync(path).subarray(9, 14)]).toEqual([0, 1, 2, 3, 0]);
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
    expect(await streamer.read(fd, asked, (piece) => pieces.push(piece.slice()))).toBe(expected);
    expect(Buffer.compare(Buffer.concat(pieces), bytes.subarray(0, expected))).toBe(0);
  }
  closeSync(fd);
});
