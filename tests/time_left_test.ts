/** What the board says a swarm still takes, against what it took: swarms of the product's own core, on a virtual clock. */
import { expect, test } from "bun:test";
import { type BoardEvent, packRuns } from "../minibit/board/model/board_event.ts";
import { BoardModel } from "../minibit/board/model/board_model.ts";
import { figuresOf } from "../minibit/board/model/swarm_figures.ts";
import { NO_BOARD_STATS } from "../minibit/board/model/swarm_model.ts";
import { build, type Scenario } from "../minibit/sim/engine/scenario.ts";
import type { SimPeer } from "../minibit/sim/engine/sim_peer.ts";

const SHARE = { name: "a", sizeBytes: 4 * 1024 ** 2, blockSizeBytes: 4096, blockCount: 1024 };
const KIB = 1024;
/** As often as peers report. */
const REPORT_MS = 1000;
/** How far off it may be in the second half of a transfer. */
const TOLERANCE = 0.3;
/** When others are complete, those that are left have to find each other: what they will get is not to be known so soon after. */
const SETTLING_MS = 4000;
/** Or so much: reports come once a second, and when most are complete the others' rates rise within a few. */
const TOLERANCE_MS = 3000;

const SWARMS: {
  readonly [what: string]: Omit<Scenario, "blocks" | "seed"> & {
    readonly killAtMs?: number;
    readonly rightFrom?: number;
  };
} = {
  "of equal peers": { peers: 8, upBytesPerSecond: 50 * KIB },
  "with a quick seed, a slow peer, a free rider, and one that is killed half-way": {
    ...{ peers: 8, upBytesPerSecond: 50 * KIB, seedUpBytesPerSecond: 200 * KIB, killAtMs: 28_000 },
    leecher: (id) => (id === 4 ? { upBytesPerSecond: 15 * KIB } : id === 6 ? { slots: 0 } : {}),
  },
  "with two free riders": {
    ...{ peers: 6, upBytesPerSecond: 100 * KIB },
    leecher: (id) => (id > 3 ? { slots: 0 } : {}),
  },
  // that it cannot be faster when it is alone shows only then
  "of which one has a slow downlink": {
    ...{ rightFrom: 0.6, peers: 8, upBytesPerSecond: 100 * KIB },
    leecher: (id) => (id === 3 ? { downBytesPerSecond: 40 * KIB } : {}),
  },
};

/** Runs a swarm; returns, second by second, how long it had still to go and what the board said. */
function timesLeft({
  killAtMs,
  ...scenario
}: (typeof SWARMS)[string]): { leftMs: number; saidMs: number | undefined }[] {
  const swarm = build({ ...scenario, blocks: SHARE.blockCount, blockSizeBytes: SHARE.blockSizeBytes, seed: 1 });
  const model = new BoardModel();
  const tell = (event: BoardEvent): void => model.apply({ t: swarm.clock.nowMs, event });
  const told = new Map(swarm.peers.map((peer) => [peer, new Set<number>()]));
  const report = (peer: SimPeer): void => {
    const { session } = peer.core;
    const known = told.get(peer) as Set<number>;
    const news = [...(session?.have ?? [])].filter((block) => !known.has(block));
    for (const block of news) {
      known.add(block);
    }
    if (session !== undefined) {
      const neighbours = [...peer.core.liveLinks()].length;
      const { unchoked: regular, ...stats } = session.stats(swarm.clock.nowMs);
      tell({ type: "blocks", swarm: "s", peer: peer.id, blocks: packRuns(news.sort((a, b) => a - b)) });
      tell({ type: "stats", swarm: "s", peer: peer.id, stats: { ...NO_BOARD_STATS, ...stats, regular, neighbours } });
    }
  };
  tell({ type: "swarm", swarm: "s", share: SHARE, expected: 0 });
  for (const { id } of swarm.peers) {
    const peer = { id, name: "", host: "::1", port: 1, seed: id === 0 };
    tell({ type: "peer", swarm: "s", peer, blocks: id === 0 ? [0, SHARE.blockCount] : [] });
  }
  const said: { atMs: number; saidMs: number | undefined }[] = [];
  let [unfinished, settledMs] = [swarm.unfinished, 0];
  for (let atMs = REPORT_MS; swarm.unfinished > 0; atMs += REPORT_MS) {
    swarm.run(() => swarm.clock.nowMs >= atMs || swarm.unfinished === 0);
    const victim = swarm.peers[2] as SimPeer;
    if (killAtMs !== undefined && atMs >= killAtMs && victim.isAlive) {
      swarm.kill(victim);
      tell({ type: "departed", swarm: "s", peer: victim.id, how: "gone" });
    }
    swarm.peers.filter(({ isAlive }) => isAlive).forEach(report);
    const [board] = model.swarms.values();
    if (swarm.unfinished < unfinished) {
      unfinished = swarm.unfinished;
      settledMs = atMs + SETTLING_MS;
    }
    if (atMs < settledMs) {
      continue;
    }
    said.push({ atMs: swarm.clock.nowMs, saidMs: board === undefined ? undefined : figuresOf(board).etaMs });
  }
  return said.map(({ atMs, saidMs }) => ({ leftMs: swarm.clock.nowMs - atMs, saidMs }));
}

for (const [what, { rightFrom = 0.5, ...scenario }] of Object.entries(SWARMS)) {
  const when = rightFrom === 0.5 ? "in its second half" : `after ${100 * rightFrom} % of it`;
  test(`the time left of a swarm ${what} is right to ${100 * TOLERANCE} % ${when}`, () => {
    const times = timesLeft(scenario);
    const late = times.slice(Math.ceil(rightFrom * times.length));
    expect(late.length).toBeGreaterThan(10);
    const wrong = late.filter(
      ({ leftMs, saidMs = 0 }) => Math.abs(saidMs - leftMs) > Math.max(TOLERANCE * leftMs, TOLERANCE_MS),
    );
    expect(wrong).toEqual([]);
  });
}
