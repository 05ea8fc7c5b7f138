import { build, mean, timesBound } from "../engine/scenario.ts";
import type { SimPeer } from "../engine/sim_peer.ts";
import { atLeast, atMost, type Check, type Experiment, type Row } from "./experiment.ts";

const SEEDS = [1, 2, 3, 4, 5];
const BLOCKS = 256;
const SIZES = [4, 6, 8];

/** How a free rider fared beside the others of its swarm. */
export interface RiderResult {
  /** When it was done, as a multiple of the mean of the honest leechers. */
  readonly timesMean: number;
  /** It was done before any of them. */
  readonly isFirst: boolean;
}

/** A swarm of `peers` in which the last one takes and never gives, and the seed has `faster` times the uplink of a leecher. */
export function riderResult(options: {
  readonly peers: number;
  readonly faster: number;
  readonly seed: number;
}): RiderResult {
  const { peers, faster, seed } = options;
  const swarm = build({
    ...{ peers, blocks: BLOCKS, seed, seedUpBytesPerSecond: faster * 1_000_000 },
    leecher: (id) => (id === peers - 1 ? { slots: 0 } : {}),
  });
  swarm.run();
  const doneMs = (peer: SimPeer | undefined): number => peer?.doneMs ?? Number.POSITIVE_INFINITY;
  const honest = swarm.peers.slice(1, -1).map(doneMs);
  const riderMs = doneMs(swarm.peers.at(-1));
  return { timesMean: riderMs / mean(honest), isFirst: riderMs <= Math.min(...honest) };
}

/** Where there are slots for all, no rank tells a free rider from the others. */
export const smallSwarms: Experiment = {
  name: "small-swarms",
  title: "And in a swarm so small that there are slots for all?",
  question: "One of 4, 6 or 8 peers takes and never gives: when is it done, and when are the others?",
  setting: `1 MB/s up, ${BLOCKS} blocks of 64 KiB; the seed as fast as a leecher or four times; means over ${SEEDS.length} seeds of the random numbers.`,
  literature: "Cohen 2003 leaves it open: where everybody is unchoked, tit-for-tat has nothing to choose.",
  reading:
    "Without a rule of its own a rider is done first here: it loses nothing by not giving, and gets what everybody has to spare. So who has been given much, holds what its giver lacks, " +
    "and returns nothing gets no slot of a leecher beyond a gift, which grows with what the giver holds: it is at about half of the others' level, and gets the rest when they are seeds. " +
    "And a lone seed serves who keeps its blocks to itself only when nobody else waits. A seed that is quick has covered the swarm before it can tell, and gives a rider its part as it does the others.",
  seed: SEEDS[0] ?? 1,
  run: (progress) => {
    const rows: Row[] = [];
    const points = [];
    const checks: Check[] = [];
    for (const faster of [1, 4]) {
      for (const peers of SIZES) {
        const results = SEEDS.map((seed) => riderResult({ peers, faster, seed }));
        const times = mean(results.map(({ timesMean }) => timesMean));
        const firsts = results.filter(({ isFirst }) => isFirst).length;
        const honest = mean(
          SEEDS.map((seed) => {
            const swarm = build({ peers, blocks: BLOCKS, seed, seedUpBytesPerSecond: faster * 1_000_000 });
            swarm.run();
            return timesBound(swarm);
          }),
        );
        progress(`seed ${faster}x, N = ${peers}: ${times.toFixed(2)} of the others' mean, first ${firsts} times`);
        rows.push([`${faster}x`, peers, times, firsts, honest]);
        points.push({ x: peers, y: times, series: `seed ${faster}x` });
        checks.push(atLeast(`rider / mean of the others, seed ${faster}x, N = ${peers}`, times, 1.01));
        checks.push(atMost(`... how often it was first, of ${SEEDS.length}`, firsts, 0));
      }
    }
    return {
      table: {
        columns: [
          { title: "seed" },
          { title: "N" },
          { title: "rider / mean of the others", digits: 2 },
          { title: `first, of ${SEEDS.length}` },
          { title: "T / bound without a rider", digits: 3 },
        ],
        rows,
      },
      chart: {
        kind: "lines",
        x: { title: "peers" },
        y: { title: "rider's time / the others' mean", zero: false },
        points,
      },
      checks,
    };
  },
};
