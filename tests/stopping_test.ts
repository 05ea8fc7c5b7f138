/** SIGTERM, with which services are stopped: a failure only for who has not done its work. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { randomBytes } from "../minibit/io/testing/temp_share.ts";
import { useTestBed } from "./support/test_bed.ts";

const bed = useTestBed();

test("kill -TERM of an idle tracker is no failure; Ctrl+C ends it as ever", async () => {
  const idle = await bed.tracker();
  expect(await idle.script.kill("SIGTERM")).toBe(0);
  const other = await bed.tracker();
  expect(await other.script.kill("SIGINT")).toBe(130);
  const judging = await bed.tracker({ flags: ["--expect", "2", "--deadline", "1h"] });
  expect(await judging.script.kill("SIGTERM")).toBe(143);
});

test("kill -TERM of a peer or tracker in the middle is a failure, of a complete one it is none", async () => {
  writeFileSync(bed.path("data.bin"), randomBytes(64 * 1024));
  const tracker = await bed.tracker();
  const slowly = ["--upload-limit", "10KiB/s"];
  const seed = bed.peer(0, { tracker: tracker.address, flags: ["--source", bed.path("data.bin"), ...slowly] });
  const leecher = bed.peer(1, { tracker: tracker.address });
  await leecher.reported("progress", ({ blocks }) => blocks > 0);
  expect(await leecher.kill("SIGTERM")).toBe(143);

  const again = bed.peer(2, { tracker: tracker.address });
  await again.reported("progress", ({ blocks }) => blocks > 0);
  expect(await tracker.script.kill("SIGTERM")).toBe(143);
  expect(await seed.kill("SIGTERM")).toBe(0);
  expect(await again.kill("SIGTERM")).toBe(143);
});

test("kill -TERM of a receiver that is complete, and of its tracker, is no failure", async () => {
  writeFileSync(bed.path("data.bin"), randomBytes(64 * 1024));
  const tracker = await bed.tracker();
  bed.peer(0, { tracker: tracker.address, flags: ["--source", bed.path("data.bin")] });
  const leecher = bed.peer(1, { tracker: tracker.address, flags: ["--linger", "1h"] });
  await leecher.reported("complete");
  await tracker.untilSwarm("both to be complete", ({ complete }) => complete === 2);
  expect(await leecher.kill("SIGTERM")).toBe(0);
  expect(await tracker.script.kill("SIGTERM")).toBe(0);
});
