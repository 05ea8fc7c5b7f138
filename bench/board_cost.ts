/**
 * What it costs a swarm to be watched, and to be recorded: the same swarm in turns, each on fresh processes. Prints JSON.
 *
 *     bun bench/board_cost.ts [--rounds 5] [--peers 4] [--mib 4] [--upload-limit 512KiB/s]
 *
 * A viewer here reads and parses all that a page would, but draws nothing: a page is drawn on the viewer's machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BoardModel } from "../minibit/board/model/board_model.ts";
import { createRng } from "../minibit/core/base/rng.ts";
import { parseCommandLine, parseText } from "../minibit/io/cli/cli.ts";
import { runMain } from "../minibit/io/cli/run_main.ts";
import { parseReport } from "../minibit/io/driver/peer_report.ts";
import { parseTrackerReport } from "../minibit/io/driver/tracker_report.ts";
import { formatAddress, parseInteger } from "../minibit/io/os/units.ts";
import { ProcessGroup } from "../minibit/launch/process_group.ts";
import { median } from "./median.ts";

const WAYS = ["alone", "watched", "recorded"] as const;
type Way = (typeof WAYS)[number];

interface Swarm {
  readonly folder: string;
  readonly peers: number;
  readonly flags: readonly string[];
}

/** Runs a swarm; returns how many seconds its last peer took. */
async function run(way: Way, { folder, peers, flags }: Swarm): Promise<number> {
  const group = new ProcessGroup();
  const stop = new AbortController();
  const script = (name: string, ...args: readonly string[]): string[] => [
    ...[process.execPath, join(import.meta.dir, "..", name), "--log-level", "off", "--events", "--port", "0", ...args],
  ];
  try {
    const tracker = group.start({
      name: "tracker",
      command: script(
        "tracker.ts",
        "--http-port",
        "0",
        ...(way === "recorded" ? ["--record", join(folder, "run")] : []),
      ),
      readyWhen: parseTrackerReport,
    });
    const { host, port, boardUrl } = await tracker.ready;
    if (way === "watched") {
      void watch(new URL("events", boardUrl), stop.signal);
    }
    const seconds = Array.from({ length: peers }, (_, id) => {
      const complete = Promise.withResolvers<number>();
      const source = id === 0 ? ["--source", join(folder, "data.bin")] : [];
      group.start({
        name: `peer ${id}`,
        command: script(
          ...["peer.ts", String(id), "--dir", join(folder, way), "--tracker", formatAddress({ host, port })],
          ...[...source, ...flags],
        ),
        onLine: (line) => {
          const report = parseReport(line);
          if (report?.event === "complete") {
            complete.resolve(report.seconds);
          }
        },
      });
      return complete.promise;
    });
    return Math.max(...(await Promise.all(seconds)));
  } finally {
    stop.abort();
    await group.stopAll();
    for (const left of ["run", way]) {
      rmSync(join(folder, left), { recursive: true, force: true });
    }
  }
}

/** Keeps a model of all that happens, as a page does. */
async function watch(url: URL, signal: AbortSignal): Promise<void> {
  const model = new BoardModel();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    const { body } = await fetch(url, { signal });
    for await (const chunk of body as ReadableStream<Uint8Array>) {
      const messages = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = messages.pop() ?? "";
      for (const data of messages.map((message) => /^data: (.*)$/m.exec(message)?.[1])) {
        for (const event of data === undefined ? [] : JSON.parse(data).events) {
          model.apply(event);
        }
      }
    }
  } catch {
    // the tracker or this process has ended
  }
}

async function main(): Promise<number> {
  const whole = (text: string): number => parseInteger(text, { min: 1, max: 65536 });
  const { rounds, peers, mib, uploadLimit } = parseCommandLine({
    name: "bench/board_cost.ts",
    summary: "Measures how much longer a swarm takes when it is watched, or recorded.",
    flags: {
      rounds: { value: "n", help: "runs of each kind", parse: whole, default: "5" },
      peers: { value: "n", help: "peers, the seed among them", parse: whole, default: "4" },
      mib: { value: "n", help: "size of the file in MiB", parse: whole, default: "4" },
      uploadLimit: { value: "rate", help: "what each peer sends", parse: parseText, default: "512KiB/s" },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "minibit-cost-"));
  const rng = createRng(1);
  writeFileSync(
    join(folder, "data.bin"),
    Uint8Array.from({ length: mib * 1024 ** 2 }, () => rng.below(256)),
  );
  const swarm = { folder, peers, flags: ["--upload-limit", uploadLimit] };
  const seconds: Record<Way, number[]> = { alone: [], watched: [], recorded: [] };
  try {
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < WAYS.length; turn++) {
        // the order rotates, so that no variant is always first
        const way = WAYS[(turn + round) % WAYS.length] as Way;
        const took = await run(way, swarm);
        seconds[way].push(took);
        process.stderr.write(`${way}: ${took} s\n`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const medians = Object.fromEntries(WAYS.map((way) => [way, median(seconds[way])]));
  const morePercent = (way: Way): number =>
    Number((100 * (median(seconds[way]) / median(seconds.alone) - 1)).toFixed(1));
  const more = { watchedMorePercent: morePercent("watched"), recordedMorePercent: morePercent("recorded") };
  process.stdout.write(`${JSON.stringify({ peers, mib, uploadLimit, seconds, medians, ...more }, null, 2)}\n`);
  return 0;
}

await runMain(main);
