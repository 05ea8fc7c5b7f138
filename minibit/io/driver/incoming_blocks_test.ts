import { describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { geometryOf } from "../../core/share/manifest.ts";
import { DiskWriter } from "../os/disk_writer.ts";
import { WRITE_FLAGS } from "../os/file_io.ts";
import type { BlockStore } from "../store/block_store.ts";
import { WriteOrder } from "../store/write_order.ts";
import { randomBytes, TempShare, useTempFolders } from "../testing/temp_share.ts";
import { IncomingBlocks } from "./incoming_blocks.ts";

const BLOCK_BYTES = 64 * 1024;
const CHUNK_BYTES = 10_000;

const tempFolder = useTempFolders();

/** A store as the real ones are made, on a disk that never follows; and what it was told to keep. */
function slowStore(path: string, share: TempShare) {
  const geometry = geometryOf(share.stored.manifest);
  const fd = openSync(path, WRITE_FLAGS);
  let nowMs = 0;
  const writer = new DiskWriter(() => {
    nowMs += 150;
    return nowMs;
  });
  const order = new WriteOrder();
  const log: string[] = [];
  const store = {
    write: (block, offset, bytes) =>
      order.add(block, { offset, bytes }, (part) => writer.write(fd, part, geometry.offsetOf(block) + offset)),
    commit: async (block) => {
      await order.finish(block);
      log.push(`commit ${block}`);
    },
    discard: async (block) => {
      await order.abandon(block, () => undefined);
      log.push(`discard ${block}`);
    },
    close: async () => {
      await order.idle();
      closeSync(fd);
    },
  } satisfies Partial<BlockStore>;
  return { store: store as unknown as BlockStore, log };
}

/** Hands over a block as a socket does: in chunks that are Buffers, each given back at once, its memory used for the next. */
function deliver(incoming: IncomingBlocks, block: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const part = bytes.subarray(at, at + CHUNK_BYTES);
    const chunk = Buffer.from(new ArrayBuffer(13 + part.length));
    chunk.set(part, 13);
    incoming.append(block, { at, bytes: chunk.subarray(13), peerId: 1 });
    chunk.fill(0xa5);
    chunk.buffer.transfer(0);
  }
}

describe("a block that is called right", () => {
  test("is on a slow disk as it was hashed, also one that was begun anew while its first attempt was being written", async () => {
    const share = await TempShare.of(
      (await TempShare.file(tempFolder(), randomBytes(4 * BLOCK_BYTES - 5))).source,
      BLOCK_BYTES,
    );
    const path = join(tempFolder(), "copy");
    const { store, log } = slowStore(path, share);
    const { manifest } = share.stored;
    const failures: unknown[] = [];
    const incoming = new IncomingBlocks(
      { manifest, store },
      { onFull: () => undefined, onError: (error) => failures.push(error) },
    );
    for (const block of share.blocks) {
      deliver(
        incoming,
        block,
        share.block(block).map((byte) => ~byte),
      );
      incoming.discard(block); // its sender is gone: whoever comes next starts over
      deliver(incoming, block, share.block(block));
    }
    const verdicts = await Promise.all(share.blocks.map((block) => incoming.finish(block)));
    expect(verdicts.map(({ ok }) => ok)).toEqual(share.blocks.map(() => true));
    expect(failures).toEqual([]);
    expect(log.sort()).toEqual(share.blocks.map((block) => `commit ${block}`));
    await store.close();
    expect(Buffer.compare(readFileSync(path), readFileSync(share.source))).toBe(0);
  });

  test("was written without an error: a store that does not look at its writes is not told to keep it", async () => {
    const share = await TempShare.file(tempFolder(), randomBytes(100));
    const log: string[] = [];
    const failure = new Error("the disk failed");
    const store = {
      write: () => Promise.reject(failure),
      commit: async () => void log.push("commit"),
      discard: async () => void log.push("discard"),
    } satisfies Partial<BlockStore>;
    const incoming = new IncomingBlocks(
      { manifest: share.stored.manifest, store: store as unknown as BlockStore },
      { onFull: () => undefined, onError: (error) => log.push(String(error)) },
    );
    deliver(incoming, 0, share.block(0));
    expect(await incoming.finish(0).catch((error: unknown) => error)).toBe(failure);
    expect(log).toEqual(["Error: the disk failed"]);
  });
});
