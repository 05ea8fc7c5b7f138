/**
 * What the end of a big push costs a tracker: complete peers wait for the last one. Prints JSON.
 *
 *     bun bench/tracker_load.ts [--peers 2000] [--seconds 20] [--ask 2s]
 *
 * Every peer sends its heartbeat once a second, and asks for peers as `peer.ts` does while somebody lacks blocks. Another peer
 * that lacks blocks asks all the time, and the time to each answer is printed. Linux only.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROTOCOL_VERSION } from "../minibit/core/base/limits.ts";
import { Bitfield } from "../minibit/core/share/bitfield.ts";
import { NO_STATS } from "../minibit/core/tracker/tracker_peer.ts";
import { parseCommandLine } from "../minibit/io/cli/cli.ts";
import { runMain } from "../minibit/io/cli/run_main.ts";
import { TrackerClient } from "../minibit/io/driver/tracker_client.ts";
import { parseTrackerReport } from "../minibit/io/driver/tracker_report.ts";
import { type Address, parseDuration, parseInteger } from "../minibit/io/os/units.ts";
import { ProcessGroup } from "../minibit/launch/process_group.ts";

const BLOCKS = 1000;
const SHARE = { name: "load", sizeBytes: BLOCKS * 65_536, blockSizeBytes: 65_536, blockCount: BLOCKS };
/** Peers register one after the other, this long apart. */
const APART_MS = 1;
const PROBE_MS = 40;
const LOST_MS = 10_000;
/** How long the compiler is busy with a tracker that has just started. */
const WARM_UP_MS = 5000;
const TICKS_PER_SECOND = 100;

/** A made-up peer that is registered. */
async function register(
  id: number,
  options: { readonly tracker: Address; readonly done: boolean; readonly onPeers?: () => void },
): Promise<TrackerClient> {
  const { tracker, done, onPeers } = options;
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = new TrackerClient({
    tracker,
    register: () => ({
      ...{
        version: PROTOCOL_VERSION,
        swarmId: new Uint8Array(32).fill(7),
        share: SHARE,
        peerId: id,
        name: `peer ${id}`,
      },
      ...{
        hosts: [tracker.host],
        port: 1 + id,
        blocks: done ? Bitfield.full(BLOCKS) : new Bitfield(BLOCKS),
        instance: id,
        done,
      },
    }),
    stats: () => ({ ...NO_STATS, neighbours: 30, activity: done ? "complete" : "fetching", done }),
    onRegistered: () => resolve(),
    onPeers: () => onPeers?.(),
    onSwarmDone: () => undefined,
    onRefused: ({ text }) => console.error(text),
  });
  await promise;
  return client;
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Milliseconds from question to answer, one after the other, for a time. */
async function probe(ask: () => Promise<void>, durationMs: number): Promise<number[]> {
  const tookMs: number[] = [];
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    const askedMs = performance.now();
    await ask();
    tookMs.push(performance.now() - askedMs);
    await Bun.sleep(PROBE_MS);
  }
  return tookMs.sort((a, b) => a - b);
}

async function main(): Promise<number> {
  const { peers, seconds, ask } = parseCommandLine({
    name: "bench/tracker_load.ts",
    summary: "Measures what complete peers that wait cost a tracker.",
    flags: {
      peers: {
        value: "n",
        help: "complete peers",
        parse: (text) => parseInteger(text, { min: 1, max: 20_000 }),
        default: "2000",
      },
      seconds: {
        value: "n",
        help: "how long",
        parse: (text) => parseInteger(text, { min: 1, max: 600 }),
        default: "20",
      },
      ask: { value: "time", help: "how often each asks for peers", parse: parseDuration, default: "2s" },
    },
  });
  const group = new ProcessGroup();
  const script = join(import.meta.dir, "..", "tracker.ts");
  const child = group.start({
    name: "tracker",
    command: [process.execPath, script, "--port", "0", "--http-port", "0", "--log-level", "off", "--events"],
    readyWhen: parseTrackerReport,
  });
  try {
    const { host, port } = await child.ready;
    const tracker = { host, port };
    const crowd: TrackerClient[] = [];
    for (let id = 1; id <= peers; id++) {
      crowd.push(await register(id, { tracker, done: true }));
      await Bun.sleep(APART_MS);
    }
    // each at its own time, as they would
    const timers = crowd.map((client, i) =>
      setTimeout(() => setInterval(() => client.getPeers(), ask), (ask * i) / peers),
    );
    let answered = Promise.withResolvers<void>();
    const last = await register(0, { tracker, done: false, onPeers: () => answered.resolve() });
    const askOnce = (): Promise<void> => {
      answered = Promise.withResolvers();
      last.getPeers();
      // a connection that broke meanwhile never answers: it counts as the worst case
      return Promise.race([answered.promise, Bun.sleep(LOST_MS)]);
    };
    await probe(askOnce, WARM_UP_MS);
    const [beganSeconds, beganMs] = [cpuSeconds(child.pid), performance.now()];
    const tookMs = await probe(askOnce, seconds * 1000);
    const cpuPercent = (100_000 * (cpuSeconds(child.pid) - beganSeconds)) / (performance.now() - beganMs);
    const quantile = (q: number): number => Number((tookMs[Math.floor(q * (tookMs.length - 1))] ?? 0).toFixed(1));
    console.log(
      JSON.stringify({ peers, cpuPercent: Number(cpuPercent.toFixed(1)), p50Ms: quantile(0.5), p99Ms: quantile(0.99) }),
    );
    timers.forEach(clearTimeout);
    return 0;
  } finally {
    await group.stopAll();
  }
}

await runMain(main);
