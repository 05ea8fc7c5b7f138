import type { SessionOptions } from "../../core/peer/swarm_session.ts";
import { courseworkChoker, noChoker } from "../engine/policies.ts";
import { build, mean, median } from "../engine/scenario.ts";
import { atLeast, between, type Check, type Experiment, type Row } from "./experiment.ts";

const SEEDS = [1, 2, 3];
const BLOCKS = 256;
const PEERS = 50;
const RIDERS = 3;

/** The original's claim: tit-for-tat keeps sharing balanced. */
export const titForTat: Experiment = {
  name: "tit-for-tat",
  title: "Does tit-for-tat keep free riders down?",
  question:
    "Three of fifty take and never give. How much of the share do they have when half of the honest peers are done?",
  setting:
    `${PEERS - RIDERS - 1} honest leechers and ${RIDERS} free riders, 1 MB/s up, ${BLOCKS} blocks of 64 KiB; the seed as fast as a leecher or four times; ` +
    "mean over three seeds of the random numbers. In the last rows the riders know as many peers as the limits let them, the others 12.",
  literature:
    "Cohen 2003; Piatek et al. 2007 (BitTyrant) and Sirivianos et al. 2007 (the large view exploit): tit-for-tat slows riders down, it does not stop them.",
  reading:
    "It bites where honest peers have more to win from each other than riders get from the seed and the optimistic slots. With a seed no faster than the others it bites less: " +
    "the seed's rate limits everybody, and at the end everybody has room to spare for riders. The original's choker ranks by rare blocks held, not by what was given: riders are served like anybody." +
    " What riders hold at 4x comes most of all from regular slots that nobody else wanted just then and from optimistic ones; the rest from honest peers that had finished, and from what newcomers are allowed. So they get what is left over. The seed gives them little: while some block exists nowhere else it serves those last who pass on less than others (without that they hold 0.65).",
  seed: SEEDS[0] ?? 1,
  run: (progress) => {
    const rows: Row[] = [];
    const points = [];
    const checks: Check[] = [];
    const chokers: readonly (readonly [string, SessionOptions])[] = [
      ["tit-for-tat", {}],
      ["the original's, 10 s rounds", { policies: { assignSlots: courseworkChoker }, unchokeIntervalMs: 10_000 }],
      ["none", { policies: { assignSlots: noChoker } }],
    ];
    for (const [view, faster] of [
      ["same", 1],
      ["same", 4],
      ["large", 4],
    ] as const) {
      for (const [choker, sharing] of chokers) {
        const held = SEEDS.map((seed) => heldByRiders({ sharing, faster, seed, hasLargeView: view === "large" }));
        const part = mean(held);
        progress(`seed ${faster}x, ${view} view, ${choker}: ${part.toFixed(2)}`);
        rows.push([`${faster}x`, view, choker, part]);
        points.push({ x: `seed ${faster}x, ${view} view`, y: part, series: choker });
        if (faster === 4 && view === "same" && choker === "tit-for-tat") {
          checks.push(between("riders hold at the honest median, seed 4x, tit-for-tat", part, [0.3, 0.6]));
        }
        if (choker === "none") {
          checks.push(atLeast(`... seed ${faster}x, ${view} view, no choker`, part, 0.9));
        }
      }
    }
    return {
      table: {
        columns: [
          { title: "seed" },
          { title: "view" },
          { title: "choker" },
          { title: "riders hold, of the share", digits: 2 },
        ],
        rows,
      },
      chart: { kind: "bars", x: { title: "" }, y: { title: "riders hold at the honest median" }, points },
      checks,
    };
  },
};

/** The part of the share that riders hold when half of the honest leechers are done. */
function heldByRiders(options: {
  readonly sharing: SessionOptions;
  readonly faster: number;
  readonly seed: number;
  readonly hasLargeView: boolean;
}): number {
  const { sharing, faster, seed, hasLargeView } = options;
  const isRider = (id: number): boolean => id >= PEERS - RIDERS;
  const swarm = build({
    peers: PEERS,
    blocks: BLOCKS,
    seed,
    seedUpBytesPerSecond: faster * 1_000_000,
    sharing,
    ...(hasLargeView ? { neighbours: 12 } : {}),
    leecher: (id) => (isRider(id) ? { slots: 0, policies: {} } : {}),
  });
  const honest = swarm.peers.filter((peer) => peer.id > 0 && !isRider(peer.id));
  const riders = swarm.peers.filter((peer) => isRider(peer.id));
  if (hasLargeView) {
    for (const rider of riders) {
      swarm.introduce(rider, honest);
    }
  }
  swarm.run(() => honest.filter((peer) => peer.doneMs !== undefined).length >= honest.length / 2);
  return median(riders.map(({ core }) => (core.session?.have.count ?? 0) / BLOCKS));
}
