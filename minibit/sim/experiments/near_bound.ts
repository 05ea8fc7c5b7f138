import { build, fluidBoundMs, slowestMs, timesBound } from "../engine/scenario.ts";
import { atMost, type Check, type Experiment, type Row } from "./experiment.ts";

const BLOCKS = 1024;
const SEED = 1;
/** Most that the product may take, as a multiple of the bound. */
const TARGET = 1.03;
const DISCRETE_TARGET = 1.02;

/** T over the bound for swarms of equal peers. */
export const nearBound: Experiment = {
  name: "near-bound",
  title: "How close to the bound?",
  question: "Equal peers, one of them with the share: how much longer than the shortest time possible does it take?",
  setting:
    "1 seed and N - 1 leechers with 1 MB/s up and no limit down, 1 ms away; 1024 blocks of 64 KiB; peers found by the tracker. " +
    "The fluid bound is max{F/u_s, F/d_min, N F/(u_s + sum u_i)}. In the second half all know all, and the time is compared with that " +
    "of the best schedule of whole blocks, tau (M + ceil(log2 N) - 1), where one upload takes tau and nobody does two at a time.",
  literature:
    "Kumar and Ross 2006: the fluid bound. Mundinger, Weber and Weiss 2008: the discrete one. Event simulations with one upload at a time: 1.018 at N = 50.",
  reading:
    "What is lost is lost at the start, until every uplink has something to give (log2 N blocks at the very least), and in small gaps later when two " +
    "neighbours hold nothing the other lacks.",
  seed: SEED,
  run: (progress) => {
    const rows: Row[] = [];
    const checks: Check[] = [];
    const points = [];
    for (const peers of [4, 10, 25, 50, 100]) {
      const swarm = build({ peers, blocks: BLOCKS, seed: SEED });
      swarm.run();
      const ratio = timesBound(swarm);
      progress(`N = ${peers}: ${ratio.toFixed(3)}`);
      rows.push(["tracker", peers, ratio, "-"]);
      checks.push(atMost(`T / fluid bound, N = ${peers}`, ratio, TARGET));
      points.push({ x: peers, y: ratio, series: "T / fluid bound" });
    }
    for (const peers of [4, 8, 16, 32, 50]) {
      const swarm = build({ peers, blocks: BLOCKS, seed: SEED, latencyMs: 0.1, neighbours: "all" });
      swarm.run();
      const tauMs = swarm.geometry.blockSizeBytes / (swarm.peers[0]?.upBytesPerMs ?? 0);
      const tookMs = slowestMs(swarm.peers);
      const ratio = tookMs / (tauMs * (BLOCKS + Math.ceil(Math.log2(peers)) - 1));
      progress(`full mesh, N = ${peers}: ${ratio.toFixed(3)}`);
      rows.push(["full mesh", peers, tookMs / fluidBoundMs(swarm), ratio]);
      checks.push(atMost(`T / discrete bound, full mesh, N = ${peers}`, ratio, DISCRETE_TARGET));
      points.push({ x: peers, y: ratio, series: "T / discrete bound, full mesh" });
    }
    return {
      table: {
        columns: [
          { title: "neighbours" },
          { title: "N" },
          { title: "T / fluid bound", digits: 3 },
          { title: "T / discrete bound", digits: 3 },
        ],
        rows,
      },
      chart: {
        kind: "lines",
        x: { title: "peers N", log: true },
        y: { title: "time over bound", zero: false },
        points,
      },
      checks,
    };
  },
};
