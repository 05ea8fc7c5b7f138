import { assignSlots } from "../../core/upload/choker.ts";
import { withoutVacancies } from "../engine/policies.ts";
import { build, timesBound } from "../engine/scenario.ts";
import { atLeast, atMost, type Experiment, type Row } from "./experiment.ts";

const SEED = 1;
const BLOCKS = 512;

/** How long a choke round may be. */
export const chokeRounds: Experiment = {
  name: "choke-rounds",
  title: "How long may a choke round be?",
  question:
    "Does the length of the rounds matter, if a slot that falls free is given away at once, or only when the round is over?",
  setting: `50 peers, 1 MB/s up, ${BLOCKS} blocks of 64 KiB; rounds of 1 % to 100 % of F/u, here 34 s.`,
  literature:
    "The original coursework and BitTorrent use 10 s for everything; event simulations: up to 3.5 times the bound when rounds are long and vacancies wait.",
  reading:
    "With vacancies filled at once the length hardly matters. Without, a slot whose holder has lost interest is lost until the round is over.",
  seed: SEED,
  run: (progress) => {
    const rows: Row[] = [];
    const points = [];
    const worst = { filled: 0, waiting: 0 };
    for (const percent of [1, 3, 10, 30, 100]) {
      for (const series of ["filled", "waiting"] as const) {
        const policies = series === "filled" ? {} : { assignSlots: withoutVacancies(assignSlots) };
        const unchokeIntervalMs = (percent / 100) * BLOCKS * 65.536;
        const swarm = build({ peers: 50, blocks: BLOCKS, seed: SEED, sharing: { unchokeIntervalMs, policies } });
        swarm.run();
        const ratio = timesBound(swarm);
        progress(`${percent} %, ${series}: ${ratio.toFixed(3)}`);
        rows.push([percent, series === "filled" ? "filled at once" : "wait for the round", ratio]);
        points.push({
          x: percent,
          y: ratio,
          series: series === "filled" ? "vacancies filled at once" : "vacancies wait",
        });
        worst[series] = Math.max(worst[series], ratio);
      }
    }
    return {
      table: {
        columns: [{ title: "round, % of F/u" }, { title: "vacancies" }, { title: "T / bound", digits: 3 }],
        rows,
      },
      chart: { kind: "lines", x: { title: "round, % of F/u", log: true }, y: { title: "T / bound" }, points },
      checks: [
        atMost("worst T / bound, vacancies filled at once", worst.filled, 1.1),
        atLeast("worst T / bound, vacancies wait", worst.waiting, 2),
      ],
    };
  },
};
