import { expect, test } from "bun:test";
import { build } from "../engine/scenario.ts";
import type { SimPeer } from "../engine/sim_peer.ts";
import { Swarm } from "../engine/swarm.ts";
import { riderResult } from "./small_swarms.ts";

const SEEDS = [1, 2, 3, 4];

test.each([4, 6, 8])("in a swarm of %d a free rider is later than the others' mean, and never first", (peers) => {
  for (const faster of [1, 4]) {
    for (const seed of SEEDS) {
      const { timesMean, isFirst } = riderResult({ peers, faster, seed });
      expect({ faster, seed, isLate: timesMean > 1, isFirst }).toEqual({ faster, seed, isLate: true, isFirst: false });
    }
  }
});

test("honest peers of small swarms are never taken for free riders, however slow, and however late they come", () => {
  for (const peers of [4, 6, 8]) {
    for (const seed of SEEDS) {
      const swarm = build({
        ...{ peers, blocks: 256, seed },
        leecher: (id) => (id === 1 ? { upBytesPerSecond: 100_000 } : id === 2 ? { joinMs: 8000 } : {}),
      });
      let taken = 0;
      swarm.observer = {
        handled: ({ core }) => {
          for (const { upload } of core.liveLinks()) {
            taken += Number(upload.takesOnly);
          }
        },
      };
      swarm.run();
      expect({ peers, seed, taken }).toEqual({ peers, seed, taken: 0 });
    }
  }
});

test("a peer that knows nobody but one leecher, and so has nothing for it, is not held up", () => {
  for (const seed of SEEDS) {
    const swarm = new Swarm({ blockCount: 256, blockSizeBytes: 65_536, seed });
    const source = swarm.add({ have: "all", upBytesPerSecond: 1_000_000 });
    const [middle, end] = [1, 2].map(() => swarm.add({ upBytesPerSecond: 1_000_000 })) as [SimPeer, SimPeer];
    swarm.introduce(middle, [source]);
    swarm.introduce(end, [middle]);
    swarm.run();
    expect((end.doneMs ?? 0) / (middle.doneMs ?? 1)).toBeWithin(1, 1.1);
  }
});
