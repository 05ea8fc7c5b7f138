/** "Complete" means that the copy stands: who has it all needs nobody, and who lacks something is left by nobody. */
import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { freePort } from "../minibit/io/net/listening.ts";
import { readTree } from "../minibit/io/testing/temp_share.ts";
import type { Script } from "./support/script.ts";
import { HOST, useTestBed } from "./support/test_bed.ts";

const BLOCKS = 32;
const LIMIT_MS = 60_000;

const bed = useTestBed();

function startSeed(tracker: string, ...flags: readonly string[]): Promise<Script> {
  return bed.seed({ tracker, blocks: BLOCKS, flags });
}

function expectCopy(name: string): void {
  expect(readTree(bed.path(name))).toEqual(readTree(bed.path("data.bin")));
}

describe.each([
  ["the folder store", ["--store", "folder"], "reconstruido_peer_1.bin"],
  ["the direct store", ["--store", "direct"], "reconstruido_peer_1.bin"],
  ["a place of its own", ["--to", "copy.bin"], "copy.bin"],
] as const)("a receiver with %s that is killed between its last block and its copy", (_, place, copy) => {
  /** Leaves every block of a share, and no copy. */
  async function killAtTheLast(): Promise<void> {
    const tracker = await bed.tracker();
    const seed = await startSeed(tracker.address);
    const killed = bed.peer(1, { tracker: tracker.address, flags: [...place, "--kill-at", "100%"] });
    expect(await killed.ended()).toBe("SIGKILL");
    expect(killed.report("killed")).toMatchObject({ blocks: BLOCKS });
    await seed.kill("SIGTERM");
    await tracker.script.kill("SIGTERM");
  }

  test(
    "makes its copy alone where no tracker answers, and ends",
    async () => {
      await killAtTheLast();
      const again = bed.peer(1, { tracker: `${HOST}:${freePort(HOST)}`, flags: [...place, "--linger", "1s"] });
      await again.succeeded();
      expect(again.report("complete")).toMatchObject({ path: copy });
      expect(again.report("summary")).toMatchObject({ downBytes: 0 });
      expectCopy(copy);
    },
    LIMIT_MS,
  );

  test(
    "makes its copy alone at a tracker that knows no share, and then gives it to others",
    async () => {
      await killAtTheLast();
      const tracker = await bed.tracker({ flags: ["--expect", "2"] });
      const again = bed.peer(1, { tracker: tracker.address, flags: place });
      await again.reported("complete");
      await tracker.untilSwarm("it to be counted", ({ complete }) => complete === 1);
      const other = bed.peer(2, { tracker: tracker.address });
      await other.succeeded();
      await again.succeeded();
      expectCopy(copy);
      expectCopy("reconstruido_peer_2.bin");
    },
    LIMIT_MS,
  );
});

test(
  "a receiver that keeps a part only goes on waiting for the tracker",
  async () => {
    const address = `${HOST}:${freePort(HOST)}`;
    const first = await bed.tracker();
    await startSeed(first.address, "--upload-limit", "64KiB/s");
    const killed = bed.peer(1, { tracker: first.address, flags: ["--kill-at", "30%"] });
    expect(await killed.ended()).toBe("SIGKILL");
    const again = bed.peer(1, { tracker: address, flags: ["--tracker-timeout", "4s"] });
    expect(await again.ended()).toBe(1);
    expect(again.complaints.at(-1)).toContain(`Cannot reach the tracker at ${address}: no answer for 4.00s`);
    expect(again.report("complete")).toBeUndefined();
  },
  LIMIT_MS,
);

describe("with --expect", () => {
  const SLOW = ["--download-limit", "64KiB/s"] as const; // 8 s, all others are done before

  test(
    "a receiver that was complete, lost its disk and comes back is not left alone",
    async () => {
      const tracker = await bed.tracker({ flags: ["--expect", "3"] });
      const seed = await startSeed(tracker.address);
      const before = bed.peer(1, { tracker: tracker.address });
      await before.reported("complete");
      await tracker.untilSwarm("it to be counted", ({ complete }) => complete === 2);
      await before.kill("SIGKILL");
      rmSync(bed.path("blocos_peer_1"), { recursive: true });
      rmSync(bed.path("reconstruido_peer_1.bin"));

      const again = bed.peer(1, { tracker: tracker.address, flags: SLOW });
      await again.reported("share");
      const other = bed.peer(2, { tracker: tracker.address });
      await other.reported("complete");
      expect(again.report("complete")).toBeUndefined();
      await Promise.all([again, other, seed].map((peer) => peer.succeeded()));
      expectCopy("reconstruido_peer_1.bin");
    },
    LIMIT_MS,
  );

  test(
    "one receiver more than were expected is not left alone",
    async () => {
      const tracker = await bed.tracker({ flags: ["--expect", "2"] });
      const seed = await startSeed(tracker.address, "--upload-limit", "256KiB/s");
      const more = bed.peer(2, { tracker: tracker.address, flags: SLOW });
      await more.reported("share");
      const expected = bed.peer(1, { tracker: tracker.address });
      await tracker.untilSwarm("the group to be done", ({ done }) => done);
      expect(more.report("complete")).toBeUndefined();
      await Promise.all([more, expected, seed].map((peer) => peer.succeeded()));
      expectCopy("reconstruido_peer_2.bin");
    },
    LIMIT_MS,
  );
});

describe("two shares on one tracker", () => {
  async function startTwo(): Promise<{ readonly address: string; readonly ids: { readonly [name: string]: string } }> {
    const tracker = await bed.tracker();
    await startSeed(tracker.address);
    writeFileSync(bed.path("other.bin"), "another share");
    const other = bed.peer(9, { tracker: tracker.address, flags: ["--source", bed.path("other.bin")] });
    const { swarmId } = await other.reported("share");
    await other.complained(/connected to the tracker/);
    return { address: tracker.address, ids: { "other.bin": swarmId } };
  }

  test(
    "a newcomer is told how to choose one, and gets the one it names, by name or by id",
    async () => {
      const { address, ids } = await startTwo();
      const unclear = bed.peer(1, { tracker: address });
      expect(await unclear.ended()).toBe(1);
      expect(unclear.complaints.at(-1)).toMatch(
        /^Cannot choose one of 2 swarms \(name one with --swarm, by its name or id\): /,
      );
      const byName = bed.peer(2, { tracker: address, flags: ["--swarm", "data.bin", "--linger", "0s"] });
      const byId = bed.peer(3, {
        tracker: address,
        flags: ["--swarm", ids["other.bin"]?.slice(0, 12) ?? "", "--linger", "0s"],
      });
      await Promise.all([byName.succeeded(), byId.succeeded()]);
      expectCopy("reconstruido_peer_2.bin");
      expect(await Bun.file(bed.path("reconstruido_peer_3.bin")).text()).toBe("another share");
    },
    LIMIT_MS,
  );

  test("who shares something names its swarm by that", async () => {
    const seed = bed.peer(0, { tracker: `${HOST}:1`, flags: ["--swarm", "data.bin"] });
    expect(await seed.ended()).toBe(2);
    expect(seed.complaints.at(-1)).toBe("Cannot use --swarm with a source: what this peer shares names its swarm");
  });
});
