/** How economical a swarm of eight is: what its seed sends until nobody needs it alone, and what is received twice. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { randomBytes, readTree } from "../minibit/io/testing/temp_share.ts";
import { startCustomSeed } from "./support/custom_seed.ts";
import { useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const BLOCK_BYTES = 16 * 1024;
const BLOCKS = 384;
const SIZE_BYTES = BLOCKS * BLOCK_BYTES;
const LEECHERS = [1, 2, 3, 4, 5, 6, 7, 8];

const bed = useTestBed();

test("a seed sends at most 1.05 x the share until eight leechers hold it together, who receive at most 1 % twice", async () => {
  const source = bed.path("data.bin");
  writeFileSync(source, randomBytes(SIZE_BYTES));
  const tracker = await bed.tracker({ flags: ["--expect", String(LEECHERS.length + 1)] });
  const seed = await startCustomSeed({
    ...{ peerId: 0, tracker: tracker.address, source, dir: bed.folder, blockSizeBytes: BLOCK_BYTES },
    uploadBytesPerSecond: SIZE_BYTES / 10, // slow enough that news held up by busy processors is worth few blocks
  });
  bed.defer(() => seed.close());
  await seed.registered;
  const leechers = LEECHERS.map((id) =>
    bed.peer(id, { tracker: tracker.address, flags: ["--upload-limit", "8MiB/s"] }),
  );

  const seen = new Set<number>();
  const sentBytes = await until("every block to exist elsewhere", () => {
    for (const { holds } of seed.driver.core.liveLinks()) {
      for (const block of holds ?? []) {
        seen.add(block);
      }
    }
    return seen.size === BLOCKS ? seed.driver.core.session?.stats(performance.now()).upBytes : undefined;
  });
  expect(sentBytes / SIZE_BYTES).toBeGreaterThanOrEqual(1);
  expect(sentBytes / SIZE_BYTES).toBeLessThanOrEqual(1.05);

  await Promise.all(leechers.map((leecher) => leecher.succeeded()));
  for (const leecher of leechers) {
    const summary = leecher.report("summary");
    expect(summary?.downBytes).toBeGreaterThanOrEqual(SIZE_BYTES);
    expect(summary?.duplicateBytes).toBeLessThanOrEqual(SIZE_BYTES / 100);
  }
  for (const id of LEECHERS) {
    expect(readTree(bed.path(`reconstruido_peer_${id}.bin`))).toEqual(readTree(source));
  }
});
