/** A peer that sends wrong bytes for 5 % of its blocks: nobody keeps one, it is dropped by name, everyone finishes. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { randomBytes, readTree } from "../minibit/io/testing/temp_share.ts";
import { heldBlocks } from "../utils.ts";
import { useTestBed } from "./support/test_bed.ts";

const LIAR = 9;
const LEECHERS = [1, 2, 3];
/** What a share of 2 MiB is cut into. */
const BLOCK_BYTES = 2 * 1024;
const BLOCKS = 1024;

const bed = useTestBed();

describe.each(["folder", "direct"])("a lying peer among peers with the %s store", (store) => {
  test("harms nobody and is found out", async () => {
    const source = bed.path("data.bin");
    const content = randomBytes(BLOCKS * BLOCK_BYTES);
    writeFileSync(source, content);
    const tracker = await bed.tracker({ flags: ["--expect", "5"] });
    // an honest seed so slow that the liar is the one to fetch from
    const seed = bed.peer(0, {
      tracker: tracker.address,
      flags: ["--source", source, "--upload-limit", "1MiB/s", "--store", store],
    });
    await seed.reported("ready");
    await tracker.untilSwarm("the seed", ({ peers }) => peers.length === 1);
    const liar = bed.start("tests/support/lying_peer.ts", String(LIAR), tracker.address, source, bed.folder);
    await liar.said(/^Ready/);
    const leechers = LEECHERS.map((id) => bed.peer(id, { tracker: tracker.address, flags: ["--store", store] }));

    await Promise.all([seed, ...leechers].map((peer) => peer.succeeded()));
    for (const id of LEECHERS) {
      expect(readTree(bed.path(`reconstruido_peer_${id}.bin`))).toEqual(readTree(source));
      for (const block of heldBlocks({ dir: bed.folder, peerId: id })) {
        const right = Buffer.from(content.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES));
        expect(readFileSync(bed.path(`blocos_peer_${id}`, `block_${block}`)).equals(right)).toBe(true);
      }
    }
    const deceived = leechers.filter((leecher) => (leecher.report("summary")?.hashFailures ?? 0) > 0);
    expect(deceived.length).toBeGreaterThan(0);
    for (const leecher of leechers) {
      const banned = leecher.complaints.filter((line) => / warning .*banned peer/.test(line));
      expect(banned.map((line) => line.replace(/^.*banned/, "banned"))).toEqual(
        deceived.includes(leecher) ? [`banned peer ${LIAR}: it sent a block with a wrong hash`] : [],
      );
    }
  });
});
