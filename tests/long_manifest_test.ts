/** Shares whose manifest takes several slices, fetched by receivers that were dealt nothing: it comes through sockets. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { MANIFEST_SLICE_BYTES } from "../minibit/core/base/limits.ts";
import type { StoredManifest } from "../minibit/io/store/peer_folder.ts";
import { describeSource, randomBytes, readTree, type Tree, writeTree } from "../minibit/io/testing/temp_share.ts";
import type { Script } from "./support/script.ts";
import { type TrackerScript, useTestBed } from "./support/test_bed.ts";

const bed = useTestBed();

/** 600 small files with paths of a thousand bytes, some of them empty. */
function longPaths(): Tree {
  const long = "long ".repeat(44);
  const paths = Array.from({ length: 600 }, (_, i) => `${long}${i % 3}/${long}/${long}/${long}${i}`);
  return Object.fromEntries(paths.map((path, i) => [path, `${i}\n`.repeat(i % 5)]));
}

/** A receiver that knows nothing: no folder of its was dealt to, and at the place of its copy there is nothing. */
function receiver(id: number, tracker: TrackerScript): Script {
  return bed.peer(id, { tracker: tracker.address, flags: ["--to", bed.path(`copy ${id}`)] });
}

/** Three or more: of two the last may lie in the socket's chunk until all are joined. */
function expectSlices({ manifestBytes }: StoredManifest): void {
  expect(Math.ceil(manifestBytes.length / MANIFEST_SLICE_BYTES)).toBeGreaterThanOrEqual(3);
}

test("a share of files with long names arrives at receivers that were dealt nothing", async () => {
  const source = bed.path("source");
  writeTree(source, longPaths());
  expectSlices(await describeSource(source));
  const tracker = await bed.tracker({ flags: ["--expect", "3"] });
  const seed = bed.peer(0, { tracker: tracker.address, flags: ["--source", source] });
  await Promise.all([seed, receiver(1, tracker), receiver(2, tracker)].map((peer) => peer.succeeded()));
  for (const id of [1, 2]) {
    expect(readTree(bed.path(`copy ${id}`))).toEqual(readTree(source));
  }
});

test("a tracker that is started again under 16,384 blocks learns who holds what, and the share arrives", async () => {
  const blocks = 16_384;
  const source = bed.path("source.bin");
  writeFileSync(source, randomBytes(blocks * 1024));
  expectSlices(await describeSource(source, 1024));
  const tracker = await bed.tracker({ flags: ["--expect", "4"] });
  const seedFlags = ["--source", source, "--block-size", "1KiB", "--store", "direct", "--upload-limit", "4MiB/s"];
  const seed = bed.peer(0, { tracker: tracker.address, flags: seedFlags });
  const [first, second] = [receiver(1, tracker), receiver(2, tracker)];
  for (const peer of [first, second]) {
    await peer.reported("progress", (progress) => progress.blocks >= blocks / 8);
  }
  // the swarm is founded anew by one who tells its blocks bit by bit, since it holds neither none nor all
  seed.signal("SIGSTOP");
  expect(await tracker.script.kill("SIGKILL")).toBe("SIGKILL");
  const back = await bed.tracker({ port: tracker.port, flags: ["--expect", "4"] });
  const swarm = await back.untilSwarm("both receivers to be back", ({ peers }) => peers.length === 2);
  expect(swarm.peers.every((peer) => peer.blocks >= blocks / 8 && !peer.complete)).toBe(true);
  seed.signal("SIGCONT");
  const late = receiver(3, back);
  await Promise.all([seed, first, second, late].map((peer) => peer.succeeded()));
  for (const id of [1, 2, 3]) {
    expect(readTree(bed.path(`copy ${id}`))).toEqual(readTree(source));
  }
});
