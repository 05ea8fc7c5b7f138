/** The parts started by hand, each a process of its own: in the original's order and in others, all end up complete. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { freePort } from "../minibit/io/net/listening.ts";
import { readTree } from "../minibit/io/testing/temp_share.ts";
import type { Script } from "./support/script.ts";
import { HOST, type TrackerScript, useTestBed } from "./support/test_bed.ts";

const SAMPLE = join(import.meta.dir, "..", "arquivos");
const PEERS = [1, 2, 3, 4];

const bed = useTestBed();

type Step = "peer 0" | "dist_block" | "tracker" | "others" | "peers 1, 2" | "peers 3, 4";

const ORDERS: readonly (readonly Step[])[] = [
  ["peer 0", "dist_block", "tracker", "others"],
  ["tracker", "others", "peer 0", "dist_block"],
  ["dist_block", "others", "tracker", "peer 0"],
  ["peers 3, 4", "peer 0", "tracker", "peers 1, 2"],
];

test.each(ORDERS.map((order) => [order.join(", "), order] as const))("in the order %s", async (_, order) => {
  const port = freePort(HOST);
  const address = `${HOST}:${port}`;
  const others: Script[] = [];
  const dealt: Script[] = [];
  let seed: Script | undefined;
  let tracker: TrackerScript | undefined;
  const startOthers = (...ids: readonly number[]): void => {
    others.push(...ids.map((id) => bed.peer(id, { tracker: address, flags: ["--linger", "0s"] })));
  };
  const start: { readonly [S in Step]: () => Promise<unknown> | unknown } = {
    "peer 0": async () => {
      seed = bed.peer(0, { tracker: address, flags: ["--source", SAMPLE] });
      await seed.reported("ready");
    },
    dist_block: () => {
      dealt.push(bed.start("dist_block.ts", "--source", SAMPLE));
    },
    tracker: async () => {
      tracker = await bed.tracker({ port });
    },
    others: () => startOthers(...PEERS),
    "peers 1, 2": () => startOthers(1, 2),
    "peers 3, 4": () => startOthers(3, 4),
  };
  for (const step of order) {
    await start[step]();
  }

  // without --expect the tracker counts nobody out: each leaves when it sees that nobody needs it
  await Promise.all(others.map((peer) => peer.succeeded()));
  for (const id of PEERS) {
    expect(readTree(bed.path(`reconstruido_peer_${id}`))).toEqual(readTree(SAMPLE));
  }
  for (const script of dealt) {
    await script.succeeded();
  }
  const swarm = await tracker?.untilSwarm("all to be seen as complete", ({ complete }) => complete === 5);
  expect(swarm).toMatchObject({ name: "arquivos", blockCount: 17, complete: 5, expected: 0 });
  expect(swarm?.peers.map(({ id, complete, seed }) => ({ id, complete, seed }))).toEqual(
    [0, ...PEERS].map((id) => ({ id, complete: true, seed: id === 0 })),
  );
  expect(seed?.running).toBe(true);
  expect(await seed?.kill("SIGINT")).toBe(130);
});
