import { build, timesBound } from "../engine/scenario.ts";
import { atMost, between, type Check, type Experiment, type Row } from "./experiment.ts";

const SEED = 1;
const BLOCKS = 512;

/** What a seed gives twice before it has given all once. */
export const smartSeed: Experiment = {
  name: "smart-seed",
  title: "Does the smart seed help?",
  question:
    "How many shares does the seed upload before every block exists elsewhere, when news of who holds what is old?",
  setting: `50 peers, 1 MB/s up, ${BLOCKS} blocks of 64 KiB, peers found by the tracker; the older the news the longer the latency.`,
  literature:
    "libtorrent's super-seeding and its criticism; event simulations with stale rarity: 1.00 with a plan, 1.04 to 1.3 without.",
  reading:
    "With the plan the seed gives each block once before any twice, however old the news is. Without it up to a quarter of its uplink is wasted, and the swarm waits for it.",
  seed: SEED,
  run: (progress) => {
    const rows: Row[] = [];
    const points = [];
    const checks: Check[] = [];
    for (const latencyMs of [1, 20, 50, 100, 200]) {
      for (const smart of [true, false]) {
        const swarm = build({
          peers: 50,
          blocks: BLOCKS,
          seed: SEED,
          latencyMs,
          sharing: { policies: { smartSeed: smart } },
        });
        swarm.run();
        const given = (swarm.coverage?.servedBytes ?? 0) / swarm.geometry.sizeBytes;
        const series = smart ? "smart" : "naive";
        progress(`${latencyMs} ms, ${series}: ${given.toFixed(3)}`);
        rows.push([latencyMs, series, given, timesBound(swarm)]);
        points.push({ x: latencyMs, y: given, series });
        const what = `shares given until coverage, ${series}, ${latencyMs} ms`;
        checks.push(smart ? atMost(what, given, 1.02) : between(what, given, [1.04, 1.3]));
      }
    }
    return {
      table: {
        columns: [
          { title: "latency in ms" },
          { title: "seed" },
          { title: "seed gave until coverage, shares", digits: 3 },
          { title: "T / bound", digits: 3 },
        ],
        rows,
      },
      chart: {
        kind: "lines",
        x: { title: "latency in ms" },
        y: { title: "shares given until coverage", zero: false },
        points,
      },
      checks,
    };
  },
};
