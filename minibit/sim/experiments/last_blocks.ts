import { build, median, timesBound } from "../engine/scenario.ts";
import type { SimPeer } from "../engine/sim_peer.ts";
import { atMost, type Experiment, type Row } from "./experiment.ts";

const SEED = 1;
const BLOCKS = 1024;
const LAST = Math.ceil(BLOCKS / 100);

/** Whether peers wait for their last blocks. */
export const lastBlocks: Experiment = {
  name: "last-blocks",
  title: "Is there a last-block problem?",
  question: "Do the last 1 % of the blocks come more slowly than the others?",
  setting: `1 MB/s up, ${BLOCKS} blocks of 64 KiB, peers found by the tracker. Compared are the mean time between two of a peer's last ${LAST} blocks and the median time between any two.`,
  literature:
    "Bharambe et al. 2006; Legout et al. 2006: with rarest first there is a first-blocks problem, but no last-block problem.",
  reading:
    "Blocks come from several neighbours at once, so the median gap is shorter than the mean one (0.7 of it, if they came at random); the end is no slower than the rest.",
  seed: SEED,
  run: (progress) => {
    const rows: Row[] = [];
    const points = [];
    const checks = [];
    for (const peers of [10, 25, 50]) {
      const swarm = build({ peers, blocks: BLOCKS, seed: SEED });
      swarm.run();
      const leechers = swarm.peers.slice(1);
      const [usual, last] = [median(leechers.map(medianGapMs)), median(leechers.map(lastGapMs))];
      progress(`N = ${peers}: ${(last / usual).toFixed(2)}`);
      rows.push([peers, usual, last, last / usual, timesBound(swarm)]);
      points.push(
        { x: String(peers), y: usual, series: "median gap" },
        { x: String(peers), y: last, series: "gap of the last 1 %" },
      );
      checks.push(atMost(`gap of the last 1 % over the median gap, N = ${peers}`, last / usual, 2));
    }
    return {
      table: {
        columns: [
          { title: "N" },
          { title: "median gap in ms", digits: 1 },
          { title: "gap of the last 1 % in ms", digits: 1 },
          { title: "ratio", digits: 2 },
          { title: "T / bound", digits: 3 },
        ],
        rows,
      },
      chart: { kind: "bars", x: { title: "peers N" }, y: { title: "ms between two blocks" }, points },
      checks,
    };
  },
};

function medianGapMs({ storedAtMs }: SimPeer): number {
  return median(storedAtMs.slice(1).map((atMs, i) => atMs - (storedAtMs[i] ?? 0)));
}

function lastGapMs({ storedAtMs }: SimPeer): number {
  const [before = 0, end = 0] = [storedAtMs.at(-1 - LAST), storedAtMs.at(-1)];
  return (end - before) / LAST;
}
