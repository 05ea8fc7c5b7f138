import { pipelineDepth } from "../../core/download/pipeline.ts";
import { build, timesBound } from "../engine/scenario.ts";
import { atLeast, atMost, type Check, type Experiment, type Row } from "./experiment.ts";

const SEED = 1;
const BLOCKS = 256;
const PEERS = 5;
const UP = 10_000_000;
/** What early clients kept in flight on each link: four requests of 16 KiB. */
const FIXED_BYTES = 4 * 16 * 1024;

const fixedDepth: typeof pipelineDepth = (_rate, { unitBytes }) => Math.max(1, Math.floor(FIXED_BYTES / unitBytes));

/** How many requests should be in flight on a link. */
export const pipelining: Experiment = {
  name: "pipelining",
  title: "How deep should the pipeline be?",
  question: "Requests in flight as rate and round trip ask for, or always 64 KiB: what does distance cost?",
  setting: `${PEERS} peers with 10 MB/s up, all know all; ${BLOCKS} blocks of 256 KiB; the round trip from 0 to 100 ms. TCP's own windows are not simulated.`,
  literature: "Cohen 2003: keep several requests queued at once, or the pipe runs dry between two blocks.",
  reading:
    "With a fixed depth each link carries 64 KiB (four requests of 16 KiB, as the first clients had) or one unit a round trip and no more, so far peers get a fraction of their rate. The adaptive depth grows until the uploader never waits; " +
    "what distance still costs is the start and the age of the news.",
  seed: SEED,
  run: (progress) => {
    const rows: Row[] = [];
    const points = [];
    const checks: Check[] = [];
    for (const roundTripMs of [0, 20, 100]) {
      const ratios: number[] = [];
      for (const series of ["adaptive", "fixed"] as const) {
        const depth: typeof pipelineDepth = series === "adaptive" ? pipelineDepth : fixedDepth;
        const swarm = build({
          peers: PEERS,
          blocks: BLOCKS,
          blockSizeBytes: 256 * 1024,
          seed: SEED,
          upBytesPerSecond: UP,
          latencyMs: roundTripMs / 2,
          neighbours: "all",
          sharing: { policies: { pipelineDepth: depth } },
        });
        swarm.run();
        const ratio = timesBound(swarm);
        progress(`${roundTripMs} ms, ${series}: ${ratio.toFixed(3)}`);
        rows.push([roundTripMs, series === "adaptive" ? "adaptive" : "64 KiB", ratio]);
        points.push({ x: String(roundTripMs), y: ratio, series });
        ratios.push(ratio);
      }
      const [adaptive = 0, fixed = 0] = ratios;
      checks.push(atMost(`T / bound, adaptive, round trip ${roundTripMs} ms`, adaptive, 1.25));
      if (roundTripMs === 100) {
        checks.push(atLeast("fixed over adaptive, round trip 100 ms", fixed / adaptive, 1.3));
      }
    }
    return {
      table: { columns: [{ title: "round trip in ms" }, { title: "depth" }, { title: "T / bound", digits: 3 }], rows },
      chart: { kind: "bars", x: { title: "round trip in ms" }, y: { title: "T / bound" }, points },
      checks,
    };
  },
};
