/** Kill -9 of any part half-way: nothing verified is fetched twice, the others go on, the group ends properly. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { changeByte, randomBytes, readTree } from "../minibit/io/testing/temp_share.ts";
import { heldBlocks } from "../utils.ts";
import type { Script } from "./support/script.ts";
import { type TrackerScript, useTestBed } from "./support/test_bed.ts";

const BLOCK_BYTES = 16 * 1024;
const BLOCKS = 64;

const bed = useTestBed();

function writeSource(): string {
  const source = bed.path("data.bin");
  writeFileSync(source, randomBytes(BLOCKS * BLOCK_BYTES));
  return source;
}

/** A seed so slow that half-way can be hit: 48 blocks a second. */
async function slowSeed(tracker: TrackerScript, ...flags: readonly string[]): Promise<Script> {
  const seed = bed.peer(0, {
    tracker: tracker.address,
    flags: ["--source", writeSource(), "--block-size", "16KiB", "--upload-limit", "768KiB/s", ...flags],
  });
  await seed.reported("ready");
  return seed;
}

/** Kills a leecher with -9 once it holds `blocks` blocks; returns how many it was sure to hold. */
async function killHalfWay(leecher: Script, blocks = BLOCKS / 2): Promise<number> {
  const half = await leecher.reported("progress", (progress) => progress.blocks >= blocks);
  expect(await leecher.kill("SIGKILL")).toBe("SIGKILL");
  return half.blocks;
}

function expectCopy(id: number): void {
  expect(readTree(bed.path(`reconstruido_peer_${id}.bin`))).toEqual(readTree(bed.path("data.bin")));
}

/** Changes one byte of a block that a killed leecher had verified. */
function damageOneBlock(store: "folder" | "direct"): void {
  if (store === "folder") {
    const [block = -1] = heldBlocks({ dir: bed.folder, peerId: 1 });
    changeByte(bed.path("blocos_peer_1", `block_${block}`), 100);
  } else {
    const source = readFileSync(bed.path("data.bin"));
    const part = readFileSync(bed.path("reconstruido_peer_1.bin.part"));
    const isRight = (block: number): boolean => {
      const [start, end] = [block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES];
      return part.subarray(start, end).equals(source.subarray(start, end));
    };
    const block = Array.from({ length: BLOCKS }, (_, i) => i).find(isRight) ?? -1;
    changeByte(bed.path("reconstruido_peer_1.bin.part"), block * BLOCK_BYTES + 100);
  }
}

describe.each(["folder", "direct"] as const)("a leecher with the %s store", (store) => {
  async function leech(tracker: TrackerScript): Promise<Script> {
    return bed.peer(1, { tracker: tracker.address, flags: ["--store", store] });
  }

  test("that is killed half-way and started again fetches only what it lacks", async () => {
    const tracker = await bed.tracker({ flags: ["--expect", "2"] });
    const seed = await slowSeed(tracker);
    const verified = await killHalfWay(await leech(tracker));

    const again = await leech(tracker);
    const { blocks: found } = await again.reported("share");
    expect(found).toBeGreaterThanOrEqual(verified);
    await again.succeeded();
    expect(again.report("summary")).toMatchObject({
      downBytes: (BLOCKS - found) * BLOCK_BYTES,
      duplicateBytes: 0,
      hashFailures: 0,
    });
    await seed.succeeded();
    expectCopy(1);
  });

  test("whose kept block was damaged on disk meanwhile finds out and fetches it anew", async () => {
    const tracker = await bed.tracker({ flags: ["--expect", "2"] });
    await slowSeed(tracker);
    const before = await leech(tracker);
    const verified = await killHalfWay(before, 8);
    damageOneBlock(store);

    const again = await leech(tracker);
    const { blocks: found } = await again.reported("share");
    expect(found).toBeGreaterThanOrEqual(verified - 1);
    await again.succeeded();
    expect(again.report("summary")?.downBytes).toBe((BLOCKS - found) * BLOCK_BYTES);
    expectCopy(1);
  });

  test("that is started again after it was complete fetches nothing", async () => {
    const tracker = await bed.tracker({ flags: ["--expect", "3"] });
    await slowSeed(tracker, "--upload-limit", "unlimited");
    const first = await leech(tracker);
    await first.reported("complete");
    await first.kill("SIGKILL");

    const again = await leech(tracker);
    await again.reported("complete");
    const last = bed.peer(2, { tracker: tracker.address });
    await last.succeeded();
    await again.succeeded();
    expect(again.report("summary")).toMatchObject({ downBytes: 0 });
    expectCopy(1);
    expectCopy(2);
  });
});

describe("a group", () => {
  function startLeechers(tracker: TrackerScript, ...flags: readonly string[]): Script[] {
    return [1, 2, 3].map((id) => bed.peer(id, { tracker: tracker.address, flags }));
  }

  test("finishes without peer 0 once every block exists elsewhere", async () => {
    const tracker = await bed.tracker({ flags: ["--expect", "4"] });
    const seed = await slowSeed(tracker);
    const leechers = startLeechers(tracker, "--upload-limit", "256KiB/s");
    await tracker.untilSwarm("a second copy of each block", ({ copies }) => copies.min >= 2);
    expect(await seed.kill("SIGKILL")).toBe("SIGKILL");
    expect(leechers.map((leecher) => leecher.report("complete"))).toContain(undefined);

    await Promise.all(leechers.map((leecher) => leecher.succeeded()));
    for (const id of [1, 2, 3]) {
      expectCopy(id);
    }
  });

  test("goes on while the tracker is gone, and ends properly once it is back", async () => {
    const tracker = await bed.tracker({ flags: ["--expect", "4"] });
    const seed = await slowSeed(tracker);
    const leechers = startLeechers(tracker);
    const [first] = leechers;
    const before = await first?.reported("progress", ({ blocks }) => blocks >= BLOCKS / 4);
    expect(await tracker.script.kill("SIGKILL")).toBe("SIGKILL");
    await first?.reported("progress", ({ blocks }) => blocks >= (before?.blocks ?? 0) + 8);
    expect(leechers.map((leecher) => leecher.report("complete"))).toContain(undefined);

    const back = await bed.tracker({ port: tracker.port, flags: ["--expect", "4"] });
    const swarm = await back.untilSwarm("all to be back", ({ peers }) => peers.length === 4);
    expect(swarm.peers.find(({ id }) => id === 0)).toMatchObject({ seed: true, blocks: BLOCKS });
    await Promise.all([seed, ...leechers].map((peer) => peer.succeeded()));
    for (const id of [1, 2, 3]) {
      expectCopy(id);
    }
  });

  test("that finishes while the tracker is gone ends once it is back", async () => {
    const tracker = await bed.tracker({ flags: ["--expect", "4"] });
    const seed = await slowSeed(tracker, "--upload-limit", "2MiB/s");
    const leechers = startLeechers(tracker);
    await Promise.all(leechers.map((leecher) => leecher.reported("progress", ({ blocks }) => blocks > 0)));
    expect(await tracker.script.kill("SIGKILL")).toBe("SIGKILL");
    await Promise.all(leechers.map((leecher) => leecher.reported("complete")));
    expect([seed, ...leechers].map((peer) => peer.running)).toEqual([true, true, true, true]);

    const back = await bed.tracker({ port: tracker.port, flags: ["--expect", "4"] });
    await Promise.all([seed, ...leechers].map((peer) => peer.succeeded()));
    expect(await back.swarm()).toMatchObject({ complete: 4, done: true });
  });
});
