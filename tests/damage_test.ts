/** Damage at rest in whole swarms: a block that was right when it was verified, and is not when it is served. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { BlockStore } from "../minibit/io/store/block_store.ts";
import { changeByte, randomBytes, readTree } from "../minibit/io/testing/temp_share.ts";
import { type CustomSeed, startCustomSeed } from "./support/custom_seed.ts";
import type { Script } from "./support/script.ts";
import { useTestBed } from "./support/test_bed.ts";

const BLOCK_BYTES = 1024;
const BLOCKS = 64;
const ROTTEN = 3;

const bed = useTestBed();

function source(): string {
  const path = bed.path("data.bin");
  writeFileSync(path, randomBytes(BLOCKS * BLOCK_BYTES));
  return path;
}

function warnings(script: Script): string[] {
  return script.complaints.filter((line) => line.includes(" warning ")).map((line) => line.replace(/^.*? · /, ""));
}

/** A seed in this process whose disk spoils a block without a trace; `health`: what it finds when it looks again. */
async function rottenSeed(tracker: string, health: "mended" | "withdrawn"): Promise<CustomSeed> {
  let isRotten = true;
  const wrap = (store: BlockStore): BlockStore => ({
    ...Object.assign(Object.create(store), { found: store.found }),
    readInto(block: number, offset: number, into: Uint8Array) {
      store.readInto(block, offset, into);
      into[0] = block === ROTTEN && isRotten ? ~(into[0] ?? 0) : (into[0] ?? 0);
    },
    needsRecheck: () => false,
    recheck(block: number) {
      isRotten &&= health !== "mended";
      return block === ROTTEN ? health : "intact";
    },
    close: () => store.close(),
  });
  mkdirSync(bed.path("seed"));
  const seed = await startCustomSeed({
    ...{ peerId: 9, tracker, source: source(), dir: bed.path("seed"), blockSizeBytes: BLOCK_BYTES, wrap },
  });
  bed.defer(() => seed.close());
  await seed.registered;
  return seed;
}

test("a seed with block files cuts a damaged one anew from its source, says so, and nobody gets a wrong byte", async () => {
  const path = source();
  const tracker = await bed.tracker({ flags: ["--expect", "3"] });
  const seed = bed.peer(0, { tracker: tracker.address, flags: ["--source", path, "--store", "folder"] });
  await seed.reported("ready");
  changeByte(bed.path("blocos_peer_0", `block_${ROTTEN}`), 7);
  const leechers = [1, 2].map((id) => bed.peer(id, { tracker: tracker.address }));
  await Promise.all([seed, ...leechers].map((peer) => peer.succeeded()));
  for (const id of [1, 2]) {
    expect(readTree(bed.path(`reconstruido_peer_${id}.bin`))).toEqual(readTree(path));
  }
  expect(seed.complaints.filter((line) => line.includes(`block ${ROTTEN} was damaged`))).toHaveLength(1);
  for (const leecher of leechers) {
    expect(leecher.complaints.filter((line) => line.includes("wrong hash"))).toEqual([]);
  }
});

test("a block that rots without a trace is mended when a receiver complains, and the receiver forgives", async () => {
  const tracker = await bed.tracker({ flags: ["--expect", "2"] });
  await rottenSeed(tracker.address, "mended");
  const leecher = bed.peer(1, { tracker: tracker.address });
  await leecher.succeeded();
  expect(readTree(bed.path("reconstruido_peer_1.bin"))).toEqual(readTree(bed.path("data.bin")));
  await leecher.complained(new RegExp(`block ${ROTTEN} came with a wrong hash`));
  await leecher.complained(new RegExp(`peer 9 says that block ${ROTTEN} was damaged on its disk`));
});

test("a receiver whose only source cannot mend its block says what is missing and why, and has all the rest", async () => {
  const tracker = await bed.tracker();
  await rottenSeed(tracker.address, "withdrawn");
  const leecher = bed.peer(1, { tracker: tracker.address });
  await leecher.complained(/nobody here has 1 of the blocks still missing: peer 9 (sent|had) block 3 /);
  await leecher.reported("progress", ({ blocks }) => blocks === BLOCKS - 1);
});

test("a finished copy that its owner edits while it is served is given no more and not touched", async () => {
  const path = source();
  const tracker = await bed.tracker({ flags: ["--expect", "3"] });
  const seed = bed.peer(0, { tracker: tracker.address, flags: ["--source", path, "--upload-limit", "20KiB/s"] });
  await seed.reported("ready");
  const copy = bed.path("copy.bin");
  const first = bed.peer(1, { tracker: tracker.address, flags: ["--to", copy] });
  await first.reported("complete");
  changeByte(copy, ROTTEN * BLOCK_BYTES);
  const edited = readFileSync(copy);
  const second = bed.peer(2, { tracker: tracker.address });
  await Promise.all([seed, first, second].map((peer) => peer.succeeded()));
  expect(readTree(bed.path("reconstruido_peer_2.bin"))).toEqual(readTree(path));
  expect(readFileSync(copy).equals(edited)).toBe(true);
  expect(warnings(second).filter((line) => line.includes("banned"))).toEqual([]);
});
