import { build, timesBound } from "../engine/scenario.ts";
import { atMost, type Experiment } from "./experiment.ts";

const SEED = 1;
const PEERS = 10_000;
const BLOCKS = 1000;
const NEIGHBOURS = 8;
const BLOCK_BYTES = 4 * 1024;
/** So many do not share one switch. It also is how far the simulator may run one peer ahead of the others. */
const LATENCY_MS = 4;

/** A swarm that no machine here could run for real. Not in the report: it takes minutes. */
export const scale: Experiment = {
  name: "scale",
  title: "Ten thousand peers",
  question: "Does a swarm of 10,000 peers and 1,000 blocks stay close to the bound?",
  setting: `${PEERS} peers, 1 MB/s up, ${LATENCY_MS} ms from each other, ${NEIGHBOURS} neighbours each, ${BLOCKS} blocks of 4 KiB; units queue at the uplinks.`,
  literature: "Yang and de Veciana 2004; Mundinger et al. 2008: the time grows like log N.",
  reading: "How long the simulation takes, and how many events a second it handles, is told while it runs.",
  seed: SEED,
  run: (progress) => {
    const swarm = build({
      peers: PEERS,
      blocks: BLOCKS,
      blockSizeBytes: BLOCK_BYTES,
      seed: SEED,
      neighbours: NEIGHBOURS,
      links: "queued",
      latencyMs: LATENCY_MS,
      lookahead: true,
    });
    const startMs = performance.now();
    let tellMs = startMs;
    const isDone = (): boolean => {
      const nowMs = performance.now();
      if (nowMs >= tellMs + 10_000) {
        tellMs = nowMs;
        const perSecond = Math.round((swarm.clock.events * 1000) / (nowMs - startMs));
        const memoryMiB = Math.round(process.memoryUsage.rss() / 1024 / 1024);
        progress(`${(swarm.clock.nowMs / 1000).toFixed(2)} virtual s, ${perSecond} events/s, ${memoryMiB} MiB`);
      }
      return swarm.unfinished === 0;
    };
    swarm.run(isDone);
    const ratio = timesBound(swarm);
    const { events, hash } = swarm.clock;
    return {
      table: {
        columns: [
          { title: "N" },
          { title: "blocks" },
          { title: "T / bound", digits: 3 },
          { title: "events" },
          { title: "log hash" },
        ],
        rows: [[PEERS, BLOCKS, ratio, events, hash]],
      },
      chart: {
        kind: "bars",
        x: { title: "N" },
        y: { title: "T / bound" },
        points: [{ x: String(PEERS), y: ratio, series: "T / bound" }],
      },
      checks: [atMost("T / bound", ratio, 1.15)],
    };
  },
};
