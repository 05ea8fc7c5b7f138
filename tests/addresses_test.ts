/** Peers and trackers with several addresses, some of them of no use. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { freePort } from "../minibit/io/net/listening.ts";
import { randomBytes, readTree } from "../minibit/io/testing/temp_share.ts";
import { useTestBed } from "./support/test_bed.ts";

const bed = useTestBed();

test("a tracker and a seed are called at whichever of their addresses answers", async () => {
  const source = bed.path("data.bin");
  writeFileSync(source, randomBytes(100_000));
  const hosts = ["--host", "127.0.0.2", "--host", "127.0.0.3"];
  const tracker = bed.start("tracker.ts", "--port", "0", "--http-port", "0", "--expect", "2", ...hosts);
  const [, port = ""] = await tracker.said(/listening on 127\.0\.0\.2:(\d+),/);
  const seed = bed.peer(0, {
    tracker: `127.0.0.2:${port}`,
    flags: [...["--source", source], ...hosts, "--advertise", "127.0.0.9", "--advertise", "127.0.0.3"],
  });
  await seed.reported("ready");
  const leecher = bed.peer(1, { tracker: `127.0.0.9:${port},127.0.0.3:${port}`, flags: ["--dir", bed.path("there")] });
  await leecher.succeeded();
  expect(readTree(bed.path("there", "reconstruido_peer_1.bin"))).toEqual(readTree(source));
});

test("another peer at an address of a peer is passed by", async () => {
  const source = bed.path("data.bin");
  writeFileSync(source, randomBytes(100_000));
  const tracker = await bed.tracker({ flags: ["--expect", "3"] });
  const port = String(freePort("127.0.0.2"));
  // both are known at 127.0.0.2, as machines are that have a network of their own inside; peer 2 is the one that is there
  const flags = ["--port", port, "--advertise", "127.0.0.2"];
  const other = bed.peer(2, { tracker: tracker.address, flags: [...flags, "--host", "127.0.0.2"] });
  const hosts = ["--host", "127.0.0.3", "--advertise", "127.0.0.3", "--source", source];
  const seed = bed.peer(0, { tracker: tracker.address, flags: [...flags, ...hosts] });
  await seed.reported("ready");
  const leecher = bed.peer(1, { tracker: tracker.address, flags: ["--dir", bed.path("there")] });
  await leecher.succeeded();
  await other.succeeded();
  expect(readTree(bed.path("there", "reconstruido_peer_1.bin"))).toEqual(readTree(source));
});

test("a line of the process that started it has a tracker listen at one more address", async () => {
  const tracker = bed.start("tracker.ts", "--port", "0", "--http-port", "0", "--host", "127.0.0.2");
  const [, port = ""] = await tracker.said(/listening on 127\.0\.0\.2:(\d+),/);
  await tracker.tell("listen 127.0.0.3\n");
  const leecher = bed.peer(1, { tracker: `127.0.0.3:${port}` });
  await tracker.complained(/Peer 1 at \S+ waits for a swarm/);
  await tracker.tell("listen 192.0.2.1\n");
  await tracker.complained(/Cannot listen on 192\.0\.2\.1:\d+: this is not an address of this machine \(try --host\)/);
  expect(tracker.running && leecher.running).toBe(true);
});
