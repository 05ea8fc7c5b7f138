/** The swarms as Prometheus reads them. Nothing outside this file knows the library underneath. */
import { Counter, Gauge, Registry } from "prom-client";
import { ACTIVITIES } from "../../core/wire/activity.ts";
import { PEER_STATS, RATE_NAMES, TOTAL_NAMES } from "../../core/wire/peer_stats_table.ts";
import type { BoardFeed } from "../model/feed.ts";
import type { PeerModel, SwarmModel } from "../model/swarm_model.ts";
import type { SwarmTotals } from "../model/totals.ts";

/** How much of a swarm's id its label shows: enough to tell the few of one tracker apart. */
const LABEL_DIGITS = 12;

const STATES = ["here", "left", "gone"] as const;
/** What moves the slots. */
const CHOKE_CHANGES = ["CHOKE", "UNCHOKE"] as const;

/** Values of one metric, by its labels but `swarm`. */
type Values = readonly (readonly [value: number, labels?: { readonly [label: string]: string }])[];

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly values: (swarm: SwarmModel, totals: SwarmTotals) => Values;
}

const GAUGES: readonly Metric[] = [
  {
    name: "minibit_peers",
    help: "Peers of the swarm: here, left (connection ended) or gone (fell silent)",
    labels: ["state"],
    values: (swarm) => STATES.map((state) => [count(swarm, (p) => (p.departure?.how ?? "here") === state), { state }]),
  },
  {
    name: "minibit_peers_complete",
    help: "Peers that hold the whole share, or did before they left, the seeds among them",
    values: (swarm) => [[count(swarm, (peer) => peer.completeMs !== undefined)]],
  },
  {
    name: "minibit_peers_expected",
    help: "Peers that make the group complete, the seed among them; 0 for any number",
    values: (swarm) => [[swarm.expected]],
  },
  {
    name: "minibit_peers_doing",
    help: "Peers that are here, by what they do or wait for",
    labels: ["activity"],
    values: (swarm) =>
      ACTIVITIES.map((activity) => [
        count(swarm, (peer) => peer.departure === undefined && peer.stats.activity === activity),
        { activity: activity.replaceAll(" ", "_") },
      ]),
  },
  { name: "minibit_share_bytes", help: "Size of the share", values: ({ share }) => [[share.sizeBytes]] },
  { name: "minibit_share_blocks", help: "Blocks of the share", values: ({ share }) => [[share.blockCount]] },
  ...RATE_NAMES.map((name): Metric => {
    const { metric, help } = PEER_STATS[name];
    return { name: metric, help, values: (swarm) => [[sum(swarm, (peer) => peer.stats[name])]] };
  }),
  {
    name: "minibit_block_copies_min",
    help: "Copies of the rarest block among the peers that are here, or were in the end",
    values: ({ copies }) => [[copies.length === 0 ? 0 : copies.reduce((a, b) => Math.min(a, b))]],
  },
  {
    name: "minibit_block_copies_mean",
    help: "Copies of a block among the peers that are here, or were in the end, on average",
    values: ({ copies }) => [[copies.reduce((a, b) => a + b, 0) / Math.max(1, copies.length)]],
  },
  {
    name: "minibit_block_copies_max",
    help: "Copies of the commonest block among the peers that are here, or were in the end",
    values: ({ copies }) => [[copies.reduce((a, b) => Math.max(a, b), 0)]],
  },
  {
    name: "minibit_done",
    help: "Whether as many peers as expected are complete",
    values: ({ doneMs }) => [[doneMs === undefined ? 0 : 1]],
  },
];

const COUNTERS: readonly Metric[] = [
  ...TOTAL_NAMES.map((name): Metric => {
    const { metric, help } = PEER_STATS[name];
    return { name: metric, help, values: (_, totals) => [[totals[name]]] };
  }),
  {
    name: "minibit_choke_changes_total",
    help: "Slots that peers gave to each other or took away",
    values: (_, totals) => [[CHOKE_CHANGES.reduce((changes, name) => changes + (totals.messages[name] ?? 0), 0)]],
  },
  {
    name: "minibit_messages_total",
    help: "Messages that peers sent to each other",
    labels: ["type"],
    values: (_, totals) => Object.entries(totals.messages).map(([type, sent]) => [sent, { type }]),
  },
];

/** The answer to a scrape: made of the models when it is asked for, kept nowhere. */
export async function metricsText(feed: BoardFeed): Promise<{ readonly type: string; readonly text: string }> {
  const registry = new Registry();
  const viewers = new Gauge({ name: "minibit_viewers", help: "Who watches the board", registers: [registry] });
  viewers.set(feed.viewers);
  for (const { name, help, labels = [], values } of GAUGES) {
    const gauge = new Gauge({ name, help, labelNames: ["swarm", ...labels], registers: [registry] });
    eachValue(feed, values, (of, value) => gauge.set(of, value));
  }
  for (const { name, help, labels = [], values } of COUNTERS) {
    const counter = new Counter({ name, help, labelNames: ["swarm", ...labels], registers: [registry] });
    eachValue(feed, values, (of, value) => counter.inc(of, value));
  }
  return { type: registry.contentType, text: await registry.metrics() };
}

function eachValue(
  feed: BoardFeed,
  values: Metric["values"],
  set: (labels: { [label: string]: string }, value: number) => void,
): void {
  for (const [id, swarm] of feed.model.swarms) {
    for (const [value, labels] of values(swarm, feed.totals.of(id))) {
      set({ swarm: id.slice(0, LABEL_DIGITS), ...labels }, value);
    }
  }
}

function count(swarm: SwarmModel, which: (peer: PeerModel) => boolean): number {
  return sum(swarm, (peer) => Number(which(peer)));
}

function sum(swarm: SwarmModel, of: (peer: PeerModel) => number): number {
  let total = 0;
  for (const peer of swarm.peers.values()) {
    total += of(peer);
  }
  return total;
}
