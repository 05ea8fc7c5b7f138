import { build, timesBound } from "../engine/scenario.ts";
import { atMost, type Experiment, type Row } from "./experiment.ts";

const SEED = 1;
const PEERS = 50;
const SHARE_BYTES = 1600 * 16 * 1024;

/** Into how many blocks a share should be cut. */
export const blockCount: Experiment = {
  name: "block-count",
  title: "How many blocks?",
  question: "The same share, cut into few large blocks or many small ones: which is faster?",
  setting: `${PEERS} peers, 1 MB/s up; 25 MiB in 25 to 1600 blocks; peers found by the tracker.`,
  literature:
    "Mundinger et al. 2008: at least 1 + (log2 N - 1) / M, for nobody can give a block on before it has it whole; Marciniak et al. 2008: small pieces are best for small files.",
  reading:
    "A peer that holds no whole block has nothing to give: with few blocks the start takes a large part of the time. From a few hundred on little is left to win, which is why at least 1024 are the default.",
  seed: SEED,
  run: (progress) => {
    const rows: Row[] = [];
    const points = [];
    const ratios = new Map<number, number>();
    for (const blocks of [25, 50, 100, 200, 400, 800, 1600]) {
      const swarm = build({ peers: PEERS, blocks, blockSizeBytes: SHARE_BYTES / blocks, seed: SEED });
      swarm.run();
      const ratio = timesBound(swarm);
      const least = 1 + (Math.ceil(Math.log2(PEERS)) - 1) / blocks;
      progress(`${blocks} blocks: ${ratio.toFixed(3)}`);
      rows.push([blocks, SHARE_BYTES / blocks / 1024, ratio, least]);
      points.push({ x: blocks, y: ratio, series: "measured" }, { x: blocks, y: least, series: "the least possible" });
      ratios.set(blocks, ratio);
    }
    const [few = 0, many = 0] = [ratios.get(25), ratios.get(800)];
    return {
      table: {
        columns: [
          { title: "blocks" },
          { title: "block in KiB" },
          { title: "T / bound", digits: 3 },
          { title: "least possible", digits: 3 },
        ],
        rows,
      },
      chart: { kind: "lines", x: { title: "blocks", log: true }, y: { title: "T / bound", zero: false }, points },
      checks: [atMost("T / bound, 800 blocks", many, 1.06), atMost("800 blocks over 25 blocks", many / few, 0.9)],
    };
  },
};
