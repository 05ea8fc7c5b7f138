import { build, median } from "../engine/scenario.ts";
import { atMost, type Check, type Experiment, type Row } from "./experiment.ts";

const SEED = 1;
const BLOCKS = 256;
const CLASSES = [20_000, 50_000, 200_000];

/** Legout's classes: who gives more should be done sooner. */
export const uplinkClasses: Experiment = {
  name: "uplink-classes",
  title: "Is who gives more done sooner?",
  question: "Leechers with slow, middling and fast uplinks: in which order do they finish?",
  setting: `1 seed with 200 kB/s and 40 leechers with 20, 50 or 200 kB/s up, no limit down; ${BLOCKS} blocks of 64 KiB; peers found by the tracker.`,
  literature:
    'Legout et al. 2007, "Clustering and sharing incentives in BitTorrent systems": peers cluster by uplink, the fastest finish first.',
  reading:
    "The median of each class is done before that of the next slower one: tit-for-tat repays what was given, though a fast peer also helps the slow ones through its optimistic slot.",
  seed: SEED,
  run: (progress) => {
    const swarm = build({
      peers: 41,
      blocks: BLOCKS,
      seed: SEED,
      seedUpBytesPerSecond: 200_000,
      leecher: (id) => ({ upBytesPerSecond: CLASSES[id % CLASSES.length] ?? 0 }),
    });
    swarm.run();
    const rows: Row[] = [];
    const points = [];
    const medians: number[] = [];
    for (const up of CLASSES) {
      const times = swarm.peers
        .slice(1)
        .filter((p) => p.options.upBytesPerSecond === up)
        .map((p) => (p.doneMs ?? 0) / 1000);
      const [first, middle, last] = [Math.min(...times), median(times), Math.max(...times)];
      progress(`${up / 1000} kB/s: ${middle.toFixed(1)} s`);
      rows.push([up / 1000, first, middle, last]);
      medians.push(middle);
      for (const [series, y] of [
        ["first", first],
        ["median", middle],
        ["last", last],
      ] as const) {
        points.push({ x: `${up / 1000} kB/s`, y, series });
      }
    }
    const [slow = 0, middling = 0, fast = 0] = medians;
    const checks: Check[] = [
      atMost("median of 200 kB/s over median of 50 kB/s", fast / middling, 1),
      atMost("median of 50 kB/s over median of 20 kB/s", middling / slow, 1),
    ];
    return {
      table: {
        columns: [
          { title: "uplink in kB/s" },
          { title: "first done, s", digits: 1 },
          { title: "median", digits: 1 },
          { title: "last", digits: 1 },
        ],
        rows,
      },
      chart: { kind: "bars", x: { title: "uplink" }, y: { title: "done after, s" }, points },
      checks,
    };
  },
};
