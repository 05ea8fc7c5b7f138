import { shuffle } from "../../core/base/rng.ts";
import { build, duplicateRatio, fluidBoundMs, timesBound } from "../engine/scenario.ts";
import type { SimPeer } from "../engine/sim_peer.ts";
import type { Swarm } from "../engine/swarm.ts";
import { atMost, type Check, type Experiment, type Row } from "./experiment.ts";

const SEED = 1;
const BLOCKS = 512;
const PEERS = 50;
const KILLED = Math.round(0.3 * PEERS);
/** A Poisson process: one late comer each second on average. */
const MEAN_GAP_MS = 1000;

/** Peers that are slow, lie, leave or come late. */
export const roughWeather: Experiment = {
  name: "rough-weather",
  title: "What if peers are slow, lie, leave or come late?",
  question: "Do the others finish, about as soon as before, and without fetching much twice?",
  setting:
    `${PEERS} peers, 1 MB/s up, ${BLOCKS} blocks of 64 KiB; peers found by the tracker; one thing goes wrong at a time. The time is that of the slowest peer that ` +
    "counts (it lives, and is neither slow nor a liar) from its own start; the bound is that of the same peers alone. Where peers are killed the seed has 4 MB/s, so that every " +
    "block exists elsewhere when it happens, half-way.",
  literature:
    "Legout et al. 2006: an end game brings little and must cost little; the project's own limit is 1 % of duplicates.",
  reading:
    "A slow peer holds a block up only until somebody idle takes it over; where its kernel has taken 256 KiB for each neighbour already no CANCEL brings " +
    "them back, so others fetch those blocks too, at the very end, and a lone seed gives its blocks to those who pass them on. A liar is banned by each peer at its first block of wrong bytes. " +
    "When 30 % crash half-way the others lose uplinks and what was on its way, not the share; when 30 % lose their power nobody is told, and each survivor has to find out by " +
    "waiting for answers that do not come. Late comers are served as if they had come with the others, though each finds the best part of the uplinks busy with those who came before.",
  seed: SEED,
  run: (progress) => {
    const rows: Row[] = [];
    const points = [];
    const checks: Check[] = [];
    for (const [what, { limit, make, counts = () => true }] of Object.entries(WEATHERS)) {
      const swarm = make();
      swarm.run(() => swarm.peers.every((peer) => !peer.isAlive || !counts(peer) || peer.doneMs !== undefined));
      const watched = swarm.peers.filter((peer) => peer.id > 0 && peer.isAlive && counts(peer));
      const ratio = timesBound(swarm, watched);
      const twice = 100 * duplicateRatio(watched);
      progress(`${what}: ${ratio.toFixed(3)}, duplicates ${twice.toFixed(2)} %`);
      rows.push([what, watched.length, ratio, twice]);
      points.push({ x: what, y: ratio, series: "T / bound" });
      checks.push(atMost(`T / bound, ${what}`, ratio, limit), atMost("... duplicates in %", twice, 1));
    }
    return {
      table: {
        columns: [
          { title: "what goes wrong" },
          { title: "peers that count" },
          { title: "T / bound", digits: 3 },
          { title: "duplicates in %", digits: 2 },
        ],
        rows,
      },
      chart: { kind: "bars", x: { title: "" }, y: { title: "T / bound, of the peers that count" }, points },
      checks,
    };
  },
};

interface Weather {
  /** Most that T over the bound may be. */
  readonly limit: number;
  readonly make: () => Swarm;
  /** Whether this peer's time counts; left out: everybody's does. */
  readonly counts?: (peer: SimPeer) => boolean;
}

const COMMON = { peers: PEERS, blocks: BLOCKS, seed: SEED };
const SLOW = 50_000;

const WEATHERS: Readonly<Record<string, Weather>> = {
  nothing: { limit: 1.06, make: () => build(COMMON) },
  "one at 1/20": {
    limit: 1.1,
    make: () =>
      build({ ...COMMON, leecher: (id) => (id === 1 ? { upBytesPerSecond: SLOW, downBytesPerSecond: SLOW } : {}) }),
    counts: (peer) => peer.options.upBytesPerSecond !== SLOW,
  },
  "one sends at 1/20, full sockets": {
    limit: 1.12,
    make: () =>
      build({
        ...COMMON,
        sendBufferBytes: 256 * 1024,
        leecher: (id) => (id === 1 ? { upBytesPerSecond: SLOW } : {}),
      }),
    counts: (peer) => peer.options.upBytesPerSecond !== SLOW,
  },
  "two liars": {
    limit: 1.15,
    make: () => build({ ...COMMON, leecher: (id) => (id <= 2 ? { lies: () => true } : {}) }),
    counts: (peer) => peer.options.lies === undefined,
  },
  "30 % crash": { limit: 1.5, make: () => withKilled({ silent: false }) },
  "30 % lose power": { limit: 1.5, make: () => withKilled({ silent: true }) },
  "late comers": {
    limit: 1.5,
    make: () => {
      let joinMs = 0;
      const swarm = build({ ...COMMON, peers: 1 });
      for (let id = 1; id < PEERS; id++) {
        joinMs += -MEAN_GAP_MS * Math.log(1 - swarm.rng.next());
        swarm.add({ upBytesPerSecond: 1_000_000, joinMs });
      }
      return swarm;
    },
  },
};

function withKilled(options: { readonly silent: boolean }): Swarm {
  const swarm = build({ ...COMMON, seedUpBytesPerSecond: 4_000_000 });
  swarm.clock.at(fluidBoundMs(swarm) / 2, 0, () => {
    for (const victim of shuffle(swarm.peers.slice(1), swarm.rng).slice(0, KILLED)) {
      swarm.kill(victim, options);
    }
  });
  return swarm;
}
