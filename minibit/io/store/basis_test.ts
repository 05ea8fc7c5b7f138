import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { ownedCopy } from "../../core/base/owned_copy.ts";
import { describeSource, randomBytes, readTree, type Tree, useTempFolders, writeTree } from "../testing/temp_share.ts";
import { writeRecord } from "./copy_record.ts";
import { DirectStore } from "./direct_store.ts";
import { peerFolder, RECORD_FILE } from "./peer_folder.ts";

const tempFolder = useTempFolders();
const BLOCK_BYTES = 1024;

/** Opens the store of a peer that has an older copy; returns it and how many blocks it lacks. */
async function openWith(options: { readonly share: Tree; readonly older: Tree; readonly at?: "basis" | "to" }) {
  const dir = tempFolder();
  const source = join(dir, "share");
  const [to, basis] = [join(dir, "copy"), join(dir, "older")];
  writeTree(source, options.share);
  writeTree(options.at === "to" ? to : basis, options.older);
  const described = await describeSource(source, BLOCK_BYTES);
  const work = join(dir, "work");
  mkdirSync(work);
  if (options.at === "to") {
    await writeRecord(join(work, RECORD_FILE), { root: to }); // an earlier run put it there
  }
  const store = await DirectStore.open({ ...described, dir: work, peerId: 0, to, bases: [basis] });
  const { count, size } = store.found;
  return { dir, source, to, work, store, missing: size - count, described };
}

test("blocks that did not change are taken over, those that did are not", async () => {
  const big = randomBytes(20 * BLOCK_BYTES);
  const changed = ownedCopy(big);
  changed[5 * BLOCK_BYTES] = (changed[5 * BLOCK_BYTES] ?? 0) ^ 1;
  const { store, missing } = await openWith({ share: { big }, older: { big: changed } });
  expect(missing).toBe(1);
  expect(store.found.has(5)).toBe(false);
  await store.close();
});

test("files that were added or removed beside it cost nothing of the others", async () => {
  const bytes = (seed: number) => randomBytes(4 * BLOCK_BYTES, seed);
  const older = { a: bytes(1), b: bytes(2), gone: bytes(3) };
  const { store, missing } = await openWith({ share: { aa: bytes(9), a: bytes(1), b: bytes(2) }, older });
  expect(missing).toBe(4);
  await store.close();
});

test("an older copy in the place of the new one stays until that is finished", async () => {
  const share = { a: randomBytes(3 * BLOCK_BYTES, 1), b: "b" };
  const older = { a: share.a, b: "c", extra: "x" };
  const { store, missing, to, source, described, work } = await openWith({ share, older, at: "to" });
  expect(missing).toBe(1);
  expect(readFileSync(join(to, "extra"), "utf8")).toBe("x");
  const block = described.manifest.blockCount - 1;
  const last = new Uint8Array([98]);
  await store.write(block, 0, last);
  await store.commit(block);
  expect(await store.finish()).toBe(to);
  await store.close();
  expect(readTree(to)).toEqual(readTree(source));
  expect(existsSync(join(work, "reconstruido_peer_0"))).toBe(false);
});

test("a right copy in its place is neither fetched nor written again", async () => {
  const share = { a: randomBytes(3 * BLOCK_BYTES, 1) };
  const { store, missing, to, work } = await openWith({ share, older: share, at: "to" });
  expect(missing).toBe(0);
  expect(await store.finish()).toBe(to);
  await store.close();
  expect(existsSync(join(work, "reconstruido_peer_0.part"))).toBe(false);
  expect(existsSync(peerFolder(work, 0))).toBe(true);
});

test("whatever an older copy holds, only right blocks are taken over", async () => {
  const content = fc.uint8Array({ maxLength: 5 * BLOCK_BYTES });
  const names = fc.constantFrom("a", "b", "sub/c");
  const tree = fc.dictionary(names, content, { minKeys: 1, noNullPrototype: true });
  await fc.assert(
    fc.asyncProperty(tree, tree, async (share, older) => {
      const { store, described, source } = await openWith({ share, older });
      const whole = await describeSource(source, BLOCK_BYTES);
      const buffer = new Uint8Array(BLOCK_BYTES);
      for (const block of store.found) {
        const length = Math.min(BLOCK_BYTES, described.manifest.sizeBytes - block * BLOCK_BYTES);
        store.readInto(block, 0, buffer.subarray(0, length));
        const digest = new Bun.CryptoHasher("sha256").update(buffer.subarray(0, length)).digest();
        expect(Buffer.compare(digest, whole.manifest.hashes.subarray(block * 32, block * 32 + 32))).toBe(0);
      }
      await store.close();
    }),
    { numRuns: 30 },
  );
});
