import { expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, write, writeSync } from "node:fs";
import { join } from "node:path";
import { useTempFolders } from "../testing/temp_share.ts";
import { errorCode } from "./disk_error.ts";
import { DiskWriter, type WriteCalls } from "./disk_writer.ts";
import { readAt, WRITE_FLAGS } from "./file_io.ts";

const folder = useTempFolders()();

test("reaches any place, small and large, and does not empty the file", async () => {
  const path = join(folder, "sparse");
  const writer = new DiskWriter();
  const large = new Uint8Array(300_000).map((_, i) => i);
  let fd = openSync(path, WRITE_FLAGS);
  await writer.write(fd, large, 1000);
  closeSync(fd);
  fd = openSync(path, WRITE_FLAGS);
  await writer.write(fd, new Uint8Array([1, 2, 3]), 10);
  const back = new Uint8Array(large.length);
  expect(readAt(fd, back, 1000)).toBe(large.length);
  expect(Buffer.compare(back, large)).toBe(0);
  expect(readAt(fd, new Uint8Array(10), 300_995)).toBe(5);
  closeSync(fd);
  expect([...readFileSync(path).subarray(9, 14)]).toEqual([0, 1, 2, 3, 0]);
});

test("writes at once while the disk follows, aside for a second after a write that took long", async () => {
  const path = join(folder, "slow");
  const fd = openSync(path, WRITE_FLAGS);
  let nowMs = 0;
  let writeTakesMs = 1;
  let asked = 0;
  // the clock is looked at before and after each write
  const writer = new DiskWriter(() => {
    nowMs += asked++ % 2 === 0 ? 0 : writeTakesMs;
    return nowMs;
  });
  const isWrittenAtOnce = async (byte: number): Promise<boolean> => {
    const writing = writer.write(fd, new Uint8Array([byte]), 0);
    const atOnce = writing === undefined;
    expect(!atOnce || readFileSync(path)[0] === byte).toBe(true);
    await writing;
    expect(readFileSync(path)[0]).toBe(byte);
    return atOnce;
  };

  expect(await isWrittenAtOnce(1)).toBe(true);
  writeTakesMs = 150;
  expect(await isWrittenAtOnce(2)).toBe(true);
  writeTakesMs = 1;
  await Promise.all([writer.write(fd, new Uint8Array(1_000_000), 1), writer.write(fd, new Uint8Array([9]), 2_000_000)]);
  nowMs += 2000;
  expect(await isWrittenAtOnce(3)).toBe(true);
  closeSync(fd);
});

test.each([
  ["a Uint8Array", (length: number) => new Uint8Array(length)],
  ["a Buffer, whose slices are views", (length: number) => Buffer.from(new ArrayBuffer(length))],
])("the bytes of %s may change after the call, also when they are left to another thread", async (_, make) => {
  const path = join(folder, "reused");
  const fd = openSync(path, WRITE_FLAGS);
  let nowMs = 0;
  const writer = new DiskWriter(() => {
    nowMs += 150; // every write is slow
    return nowMs;
  });
  const chunkBytes = 50_000;
  const writes: (Promise<void> | undefined)[] = [];
  for (let i = 0; i < 5; i++) {
    const chunk = make(chunkBytes).fill(i + 1);
    writes.push(writer.write(fd, chunk, i * chunkBytes));
    chunk.fill(99);
    (chunk.buffer as ArrayBuffer).transfer(0);
  }
  await Promise.all(writes);
  closeSync(fd);
  const written = readFileSync(path);
  expect(written.length).toBe(5 * chunkBytes);
  for (let i = 0; i < 5; i++) {
    expect(written.subarray(i * chunkBytes, (i + 1) * chunkBytes).every((byte) => byte === i + 1)).toBe(true);
  }
});

test("tells what the system tells", async () => {
  const writer = new DiskWriter();
  expect(() => writer.write(999, new Uint8Array([1]), 0)).toThrow("EBADF");
});

/** A system whose writes take a few bytes at a time, as many as `takes` says: for the next at once and aside. */
function stingySystem(takes: () => number): WriteCalls {
  const few = (bytes: Uint8Array, offset: number, length: number) =>
    bytes.subarray(offset, offset + Math.min(length, takes()));
  return {
    writeSync: ((fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
      const part = few(bytes, offset, length);
      return part.length === 0 ? 0 : writeSync(fd, part, 0, part.length, position);
    }) as WriteCalls["writeSync"],
    write: ((fd: number, bytes: Uint8Array, offset: number, length: number, position: number, done: WriteDone) => {
      const part = few(bytes, offset, length);
      part.length === 0 ? setImmediate(done, null, 0) : write(fd, part, 0, part.length, position, done);
    }) as WriteCalls["write"],
  };
}

type WriteDone = (error: NodeJS.ErrnoException | null, written: number) => void;

test.each([
  ["at once", 1],
  ["aside", 150],
])("writes all of it %s, also when the system takes a few bytes at a time", async (_, writeTakesMs) => {
  const path = join(folder, `stingy-${writeTakesMs}`);
  const fd = openSync(path, WRITE_FLAGS);
  let nowMs = 0;
  let round = 0;
  const clock = () => {
    nowMs += writeTakesMs;
    return nowMs;
  };
  const writer = new DiskWriter(
    clock,
    stingySystem(() => 1 + (round++ % 7)),
  );
  const bytes = new Uint8Array(1000).map((_, i) => i);
  await writer.write(fd, bytes, 5);
  closeSync(fd);
  expect(Buffer.compare(readFileSync(path).subarray(5), bytes)).toBe(0);
});

test.each([
  ["at once", 1],
  ["aside", 150],
])("a system that takes nothing and tells no error is an error %s, not a loop", async (_, writeTakesMs) => {
  const fd = openSync(join(folder, `dead-${writeTakesMs}`), WRITE_FLAGS);
  let nowMs = 0;
  let taken = 0;
  const clock = () => {
    nowMs += writeTakesMs;
    return nowMs;
  };
  const writer = new DiskWriter(
    clock,
    stingySystem(() => (taken++ === 0 ? 3 : 0)),
  );
  const outcome = await (async () => writer.write(fd, new Uint8Array(10), 0))().catch((error: unknown) => error);
  expect(errorCode(outcome)).toBe("EIO");
  closeSync(fd);
});
