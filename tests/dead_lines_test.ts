/** Lines that fall silent without a word, as when a cable is pulled: noticed at both ends, and what counts is true in the end. */
import { describe, expect, test } from "bun:test";
import { Bitfield } from "../minibit/core/share/bitfield.ts";
import { readTree } from "../minibit/io/testing/temp_share.ts";
import { BlackHole, type Loss } from "./support/black_hole.ts";
import { RawPeer } from "./support/raw_peer.ts";
import type { Script } from "./support/script.ts";
import { type TrackerScript, useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const BLOCK_BYTES = 16 * 1024;
const BLOCKS = 64;
/** Within this a dead line is noticed; and what a busy machine may add. */
const NOTICED_MS = 5000;
const SLACK_MS = 2000;

const bed = useTestBed();

function startSeed(tracker: string, ...flags: readonly string[]): Promise<Script> {
  return bed.seed({ tracker, blocks: BLOCKS, flags });
}

function blackHole(to: TrackerScript): BlackHole {
  const hole = new BlackHole(to.port);
  bed.defer(() => hole.close());
  return hole;
}

function expectCopy(id: number): void {
  expect(readTree(bed.path(`reconstruido_peer_${id}.bin`))).toEqual(readTree(bed.path("data.bin")));
}

describe("the line of a peer to its tracker", () => {
  test.each(["to the target", "from the target", "both ways"] as const)(
    "that loses packets %s is called again, and the group is confirmed",
    async (lost: Loss) => {
      const tracker = await bed.tracker({ flags: ["--expect", "2", "--exit-when-done"] });
      const hole = blackHole(tracker);
      await startSeed(tracker.address, "--upload-limit", "128KiB/s"); // 8 s
      const leecher = bed.peer(1, { tracker: hole.address });
      await leecher.reported("progress", ({ blocks }) => blocks > 0);
      hole.swallow(lost);
      const silentSinceMs = performance.now();
      await until("a second call", () => (hole.calls > 1 ? true : undefined));
      expect(performance.now() - silentSinceMs).toBeLessThan(NOTICED_MS + SLACK_MS);
      await leecher.succeeded();
      expectCopy(1);
      expect(await tracker.script.ended()).toBe(0);
    },
    60_000,
  );

  test("that dies just before the deadline does not make the group fail: who comes back complete counts", async () => {
    const tracker = await bed.tracker({ flags: ["--expect", "2", "--deadline", "8s"] });
    const deadlineMs = performance.now() + 8000;
    const hole = blackHole(tracker);
    await startSeed(tracker.address, "--upload-limit", "256KiB/s"); // 4 s
    const leecher = bed.peer(1, { tracker: hole.address });
    await leecher.reported("progress", ({ blocks }) => blocks > 0);
    hole.newLines = "both ways";
    hole.swallow("both ways");
    const gone = await tracker.untilSwarm("peer 1 to be gone", ({ peers }) => peers[1]?.state === "gone");
    expect(gone.peers[1]?.complete).toBe(false);
    await leecher.reported("complete");
    await until("the deadline to pass", () => (performance.now() > deadlineMs ? true : undefined));
    hole.newLines = undefined;
    expect(await tracker.script.ended()).toBe(0);
    expect(performance.now()).toBeGreaterThan(deadlineMs);
    expectCopy(1);
  }, 60_000);

  test("that dies for good, with the tracker's machine, keeps nobody for ever", async () => {
    const tracker = await bed.tracker();
    const hole = blackHole(tracker);
    await startSeed(hole.address);
    const leechers = [1, 2].map((id) => bed.peer(id, { tracker: hole.address, flags: ["--linger", "2s"] }));
    await Promise.all(leechers.map((leecher) => leecher.reported("progress")));
    hole.newLines = "both ways";
    hole.swallow("both ways");
    await Promise.all(leechers.map((leecher) => leecher.succeeded()));
    for (const id of [1, 2]) {
      expectCopy(id);
    }
  }, 60_000);

  test("that died is no reason to take a peer that is started anew for another one", async () => {
    const tracker = await bed.tracker({ flags: ["--expect", "2"] });
    const hole = blackHole(tracker);
    await startSeed(tracker.address, "--upload-limit", "256KiB/s");
    const before = bed.peer(1, { tracker: hole.address });
    await before.reported("progress", ({ blocks }) => blocks > 0);
    hole.swallow("both ways");
    await before.kill("SIGKILL");
    const again = bed.peer(1, { tracker: tracker.address });
    await again.succeeded();
    expectCopy(1);
  }, 60_000);
});

describe("the line to a neighbour", () => {
  async function swarmIdAt(tracker: TrackerScript): Promise<Uint8Array> {
    const { id } = await tracker.untilSwarm("the seed", ({ peers }) => peers.length > 0);
    return Uint8Array.fromHex(id);
  }

  async function greet(port: number, swarmId: Uint8Array): Promise<RawPeer> {
    const peer = await RawPeer.call(port, { swarmId, id: 9 });
    bed.defer(() => peer.close());
    peer.send({ type: "GET_BLOCKS" });
    return peer;
  }

  test("that owes a block and says nothing is given up within 5 s, and the block is fetched elsewhere", async () => {
    const tracker = await bed.tracker({ flags: ["--expect", "2"] });
    await startSeed(tracker.address, "--upload-limit", "128KiB/s");
    const swarmId = await swarmIdAt(tracker);
    const leecher = bed.peer(1, { tracker: tracker.address });
    await leecher.reported("progress", ({ blocks }) => blocks > 0);
    const { port } = await leecher.reported("ready");
    const dead = await greet(port, swarmId);
    await dead.received("GET_BLOCKS");
    dead.send({ type: "BLOCKS", blocks: Bitfield.full(BLOCKS) });
    dead.send({ type: "UNCHOKE" });
    await dead.received("REQUEST");
    const askedMs = performance.now();
    await until("the leecher to hang up", () => dead.closed || undefined);
    expect(performance.now() - askedMs).toBeLessThan(NOTICED_MS + SLACK_MS);
    expect(leecher.report("complete")).toBeUndefined();
    await leecher.succeeded();
    expectCopy(1);
  }, 60_000);

  test("that was asked for blocks, is owed them and says nothing loses its slot to others", async () => {
    const tracker = await bed.tracker();
    const seed = await startSeed(tracker.address, "--upload-limit", "1KiB/s");
    const { port } = await seed.reported("ready");
    const dead = await greet(port, await swarmIdAt(tracker));
    await dead.received("GET_BLOCKS");
    dead.send({ type: "BLOCKS", blocks: new Bitfield(BLOCKS) });
    dead.send({ type: "INTERESTED" });
    await dead.received("UNCHOKE");
    for (const block of [0, 1, 2]) {
      dead.request(block, BLOCK_BYTES);
    }
    const askedMs = performance.now();
    await until("the seed to hang up", () => dead.closed || undefined);
    expect(performance.now() - askedMs).toBeLessThan(NOTICED_MS + SLACK_MS);
  }, 60_000);

  test("stays while nobody owes anything, and while a slow one says now and then that it is there", async () => {
    const tracker = await bed.tracker();
    const seed = await startSeed(tracker.address, "--upload-limit", "2KiB/s"); // a unit of 16 KiB in 8 s
    const { port } = await seed.reported("ready");
    const peer = await greet(port, await swarmIdAt(tracker));
    await peer.received("GET_BLOCKS");
    peer.send({ type: "BLOCKS", blocks: new Bitfield(BLOCKS) });
    peer.send({ type: "INTERESTED" });
    await peer.received("UNCHOKE");
    peer.request(0, BLOCK_BYTES);
    peer.request(1, BLOCK_BYTES);
    // a limit lets the first unit go at once; the second waits until that is paid for
    await peer.received("BLOCK", 1);
    const speaks = setInterval(() => peer.send({ type: "KEEP_ALIVE" }), 1000);
    bed.defer(() => clearInterval(speaks));
    await peer.received("KEEP_ALIVE", 5);
    expect(peer.closed).toBe(false);
    await peer.received("BLOCK", 2);
  }, 60_000);
});
