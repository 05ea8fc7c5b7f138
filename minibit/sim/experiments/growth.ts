import { build, slowestMs } from "../engine/scenario.ts";
import { atMost, between, type Check, type Experiment, type Row } from "./experiment.ts";

const SEED = 1;
const BLOCKS = 50;
const BLOCK_BYTES = 16 * 1024;
const SIZES = [10, 30, 100, 300, 1000, 3000, 10_000];

/** How the time over the bound, and the load of the tracker, grow with the swarm. */
export const growth: Experiment = {
  name: "growth",
  title: "How does it grow?",
  question: "Ten peers or ten thousand: what does each doubling of the swarm cost?",
  setting:
    "1 seed and N - 1 leechers with 1 MB/s up, 1 ms away; 50 blocks of 16 KiB, one unit each; peers found by the tracker; units queue at the uplinks. " +
    "T - F/u is what the swarm takes longer than one upload of the share. Tracker messages are those to and from one peer.",
  literature:
    "Yang and de Veciana 2004; Mundinger et al. 2008: the time grows like log N, for each doubling costs one block at the least.",
  reading:
    "From each size to the next three times larger one, the time grows by about the same: like log N. What the tracker is told depends on the time, not on the number of peers.",
  seed: SEED,
  run: (progress) => {
    const rows: Row[] = [];
    const checks: Check[] = [];
    const points = [];
    const messages: number[] = [];
    const perDoubling: number[] = [];
    for (const peers of SIZES) {
      const swarm = build({ peers, blocks: BLOCKS, blockSizeBytes: BLOCK_BYTES, seed: SEED, links: "queued" });
      swarm.run();
      const blockMs = BLOCK_BYTES / 1000;
      const overBlocks = slowestMs(swarm.peers) / blockMs - BLOCKS;
      const perPeer = swarm.peers.reduce((sum, peer) => sum + peer.trackerMessages, 0) / peers;
      progress(`N = ${peers}: ${overBlocks.toFixed(1)} blocks over F/u, ${swarm.clock.events} events`);
      rows.push([peers, slowestMs(swarm.peers) / 1000, overBlocks, overBlocks / Math.log2(peers), perPeer]);
      points.push({ x: peers, y: overBlocks, series: "measured" });
      points.push({ x: peers, y: Math.ceil(Math.log2(peers)) - 1, series: "the least possible, ceil(log2 N) - 1" });
      perDoubling.push(overBlocks / Math.log2(peers));
      messages.push(perPeer);
    }
    checks.push(
      atMost("largest over smallest (T - F/u) / log2 N", Math.max(...perDoubling) / Math.min(...perDoubling), 2),
    );
    checks.push(
      between(
        "tracker messages a peer, N = 10,000 over N = 10",
        (messages.at(-1) ?? 0) / (messages[0] ?? 1),
        [0.5, 1.5],
      ),
    );
    return {
      table: {
        columns: [
          { title: "N" },
          { title: "T in s", digits: 2 },
          { title: "T - F/u in blocks", digits: 1 },
          { title: "... over log2 N", digits: 2 },
          { title: "tracker messages a peer", digits: 1 },
        ],
        rows,
      },
      chart: { kind: "lines", x: { title: "peers N", log: true }, y: { title: "T - F/u, in blocks" }, points },
      checks,
    };
  },
};
