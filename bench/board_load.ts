/**
 * What viewers cost a tracker: processor time and memory with many made-up peers, with and without viewers. Prints JSON.
 *
 *     bun bench/board_load.ts [--peers 100] [--blocks 2048] [--viewers 3] [--seconds 20] [--rounds 3]
 *     bun bench/board_load.ts --minutes 10
 *
 * Every peer reports once a second, as real ones do. Rounds alternate between no viewer and `--viewers`, the last of
 * which reads slowly. With `--minutes` they watch all the time, and the tracker's memory is printed. Linux only.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROTOCOL_VERSION } from "../minibit/core/base/limits.ts";
import { createRng, type Rng, shuffle } from "../minibit/core/base/rng.ts";
import { Bitfield } from "../minibit/core/share/bitfield.ts";
import { NO_STATS } from "../minibit/core/tracker/tracker_peer.ts";
import { PEER_MESSAGES } from "../minibit/core/wire/peer_wire.ts";
import { parseCommandLine } from "../minibit/io/cli/cli.ts";
import { runMain } from "../minibit/io/cli/run_main.ts";
import { TrackerClient } from "../minibit/io/driver/tracker_client.ts";
import { parseTrackerReport } from "../minibit/io/driver/tracker_report.ts";
import { type Address, parseInteger } from "../minibit/io/os/units.ts";
import { ProcessGroup } from "../minibit/launch/process_group.ts";
import { median } from "./median.ts";

const TICK_MS = 1000;
/** A tracker that has just started is busy with its own compiler. */
const WARM_UP_MS = 5000;
/** What the slow viewer reads before it pauses, and how long until it goes on. */
const SLOW_BYTES = 16 * 1024;
const SLOW_MS = 20_000;
const TICKS_PER_SECOND = 100;

/** A made-up peer: verifies blocks at an even pace, and reports what a busy peer reports. */
class FakePeer {
  readonly #client: TrackerClient;
  readonly #order: number[];
  #timer: Timer | undefined;
  #told = 0;

  constructor(
    id: number,
    options: {
      readonly tracker: Address;
      readonly peers: number;
      readonly blocks: number;
      readonly pace: number;
      readonly rng: Rng;
    },
  ) {
    const { tracker, peers, blocks, pace, rng } = options;
    const seed = id === 0;
    const share = { name: "load", sizeBytes: blocks * 65_536, blockSizeBytes: 65_536, blockCount: blocks };
    const held = seed ? Bitfield.full(blocks) : new Bitfield(blocks);
    this.#order = seed
      ? []
      : shuffle(
          Array.from({ length: blocks }, (_, block) => block),
          rng,
        );
    const others = (count: number): number[] => Array.from({ length: count }, () => rng.below(peers));
    this.#client = new TrackerClient({
      tracker,
      register: () => ({
        ...{ version: PROTOCOL_VERSION, swarmId: new Uint8Array(32).fill(7), share, peerId: id, name: `peer ${id}` },
        ...{ hosts: [tracker.host], port: 6000 + id, blocks: held, instance: id, done: seed },
      }),
      stats: () => ({
        ...NO_STATS,
        ...{ downBytesPerSecond: rng.below(1_000_000), upBytesPerSecond: rng.below(1_000_000) },
        ...{ downBytes: this.#told * 65_536, upBytes: rng.below(1_000_000_000), chokedBy: 20, neighbours: 30 },
        ...{ unchoked: [...new Set(others(5))], optimistic: [], activity: seed ? "complete" : "fetching" },
        flows: [...new Set(others(5))].map((peer) => ({ peer, bytesPerSecond: rng.below(200_000) })),
        fetching: this.#order.slice(0, 8).map((block, i) => ({ block, peer: i % peers })),
        messages: [
          { type: PEER_MESSAGES.REQUEST.code, count: 40 },
          { type: PEER_MESSAGES.BLOCK.code, count: 40 },
        ],
      }),
      onRegistered: () => {
        this.#timer ??= setInterval(() => this.#verify(pace), TICK_MS);
      },
      onPeers: () => undefined,
      onSwarmDone: () => undefined,
      onRefused: ({ text }) => console.error(text),
    });
  }

  #verify(pace: number): void {
    const due = Math.min(this.#order.length, Math.max(1, Math.round(pace)));
    if (due > 0) {
      this.#told += due;
      this.#client.announce(this.#order.splice(0, due).sort((a, b) => a - b));
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#client.close();
  }
}

/** Reads `/events` until it is closed; a slow one a little now and then. */
class Viewer {
  bytes = 0;
  #isClosed = false;
  #socket: Bun.Socket | undefined;
  #timer: Timer | undefined;

  constructor(url: URL, isSlow: boolean) {
    void this.#watch(url, isSlow);
  }

  async #watch(url: URL, isSlow: boolean): Promise<void> {
    let since = 0;
    this.#socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        open: (socket) => void socket.write(`GET /events HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`),
        data: (socket, chunk) => {
          this.bytes += chunk.length;
          since += chunk.length;
          if (isSlow && since > SLOW_BYTES) {
            socket.pause();
          }
        },
        close: () => void (this.#isClosed || this.#watch(url, isSlow)),
      },
    });
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      since = 0;
      this.#socket?.resume();
    }, SLOW_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#socket?.terminate();
  }
}

/** What a process has used so far. */
function usageOf(pid: number): { readonly cpuSeconds: number; readonly mib: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    mib: Number((Number(kib) / 1024).toFixed(1)),
  };
}

/** Percent of a core in a time. */
async function cpuPercent(pid: number, seconds: number): Promise<number> {
  const [before, beganMs] = [usageOf(pid).cpuSeconds, performance.now()];
  await Bun.sleep(seconds * 1000);
  return (100_000 * (usageOf(pid).cpuSeconds - before)) / (performance.now() - beganMs);
}

/** The median with a digit behind the point. */
function roundedMedian(values: readonly number[]): number {
  return Number(median(values).toFixed(1));
}

async function main(): Promise<number> {
  const whole = (text: string): number => parseInteger(text, { min: 0, max: 65536 });
  const { peers, blocks, viewers, seconds, rounds, minutes } = parseCommandLine({
    name: "bench/board_load.ts",
    summary: "Measures what viewers of the board cost a tracker.",
    flags: {
      peers: { value: "n", help: "made-up peers", parse: whole, default: "100" },
      blocks: { value: "n", help: "blocks of the share", parse: whole, default: "2048" },
      viewers: { value: "n", help: "who watches; the last one reads slowly", parse: whole, default: "3" },
      seconds: { value: "n", help: "how long one turn is", parse: whole, default: "20" },
      rounds: { value: "n", help: "turns with and without viewers", parse: whole, default: "3" },
      minutes: { value: "n", help: "watch so long instead, and tell the memory", parse: whole, default: "0" },
    },
  });
  const group = new ProcessGroup();
  const tracker = group.start({
    name: "tracker",
    command: [
      process.execPath,
      join(import.meta.dir, "..", "tracker.ts"),
      "--port",
      "0",
      "--http-port",
      "0",
      "--log-level",
      "off",
      "--events",
    ],
    readyWhen: parseTrackerReport,
  });
  const { host, port, boardUrl: url } = await tracker.ready;
  const runSeconds = minutes > 0 ? minutes * 60 : 2 * rounds * seconds + WARM_UP_MS / 1000;
  const rng = createRng(1);
  const options = { tracker: { host, port }, peers, blocks, pace: blocks / runSeconds, rng };
  const crowd = Array.from({ length: peers }, (_, id) => new FakePeer(id, options));
  const watch = (): Viewer[] => Array.from({ length: viewers }, (_, i) => new Viewer(new URL(url), i === viewers - 1));
  try {
    await Bun.sleep(WARM_UP_MS);
    const told = { peers, blocks, viewers };
    const result =
      minutes > 0
        ? await memoryOver(minutes, { pid: tracker.pid, watching: watch() })
        : await cpuOf({ pid: tracker.pid, watch, seconds, rounds });
    process.stdout.write(`${JSON.stringify({ ...told, ...result }, null, 2)}\n`);
  } finally {
    for (const peer of crowd) {
      peer.close();
    }
    await group.stopAll();
  }
  return 0;
}

async function cpuOf(run: {
  readonly pid: number;
  readonly watch: () => Viewer[];
  readonly seconds: number;
  readonly rounds: number;
}): Promise<Record<string, number>> {
  const alone: number[] = [];
  const watched: number[] = [];
  const viewerMib: number[] = [];
  for (let round = 0; round < run.rounds; round++) {
    alone.push(await cpuPercent(run.pid, run.seconds));
    const viewers = run.watch();
    watched.push(await cpuPercent(run.pid, run.seconds));
    for (const viewer of viewers) {
      viewerMib.push(viewer.bytes / 1024 ** 2);
      viewer.close();
    }
  }
  return {
    cpuPercentAlone: roundedMedian(alone),
    cpuPercentWatched: roundedMedian(watched),
    viewerMib: roundedMedian(viewerMib),
  };
}

async function memoryOver(
  minutes: number,
  run: { readonly pid: number; readonly watching: readonly Viewer[] },
): Promise<Record<string, unknown>> {
  const mibByMinute = [usageOf(run.pid).mib];
  const before = usageOf(run.pid).cpuSeconds;
  for (let minute = 0; minute < minutes; minute++) {
    await Bun.sleep(60_000);
    mibByMinute.push(usageOf(run.pid).mib);
    process.stderr.write(`minute ${minute + 1}: ${mibByMinute.at(-1)} MiB\n`);
  }
  const cpuPercentOfCore = Number(((usageOf(run.pid).cpuSeconds - before) / (minutes * 0.6)).toFixed(1));
  const viewerMib = run.watching.map(({ bytes }) => Number((bytes / 1024 ** 2).toFixed(1)));
  for (const viewer of run.watching) {
    viewer.close();
  }
  return { mibByMinute, cpuPercentOfCore, viewerMib };
}

await runMain(main);
