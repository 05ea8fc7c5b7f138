/**
 * Measures MiniBit beside the raw pipe and real BitTorrent clients, in turns, in one run on one machine. Prints JSON.
 *
 *     bun bench/speed.ts [--rounds 3] [--leechers 4] [--mib 1024] [--clients pipe,minibit,libtorrent,aria2]
 *
 * Needs root: each peer is a test host of its own, a network namespace (see swarm_bench.py for what it needs, and for the other clients).
 */

import { UserError } from "../minibit/core/base/errors.ts";
import { parseCommandLine, parseText } from "../minibit/io/cli/cli.ts";
import { runMain } from "../minibit/io/cli/run_main.ts";
import { parseInteger } from "../minibit/io/os/units.ts";
import { median } from "./median.ts";

/** What swarm_bench.py prints of a run. */
interface Run {
  readonly client: string;
  readonly first_s: number;
  readonly last_s: number | null;
  readonly cpu_s: number;
  readonly times_bound?: number | null;
  readonly peak_mib: readonly number[];
}

function measure(client: string, flags: readonly string[]): Run {
  const repo = `${import.meta.dir}/..`;
  const command = ["/usr/bin/python3", `${import.meta.dir}/swarm_bench.py`, client, "--repo", repo, ...flags];
  const { stdout, exitCode } = Bun.spawnSync(command, { stderr: "inherit" });
  const line = stdout.toString().trim().split("\n").at(-1) ?? "";
  if (exitCode !== 0) {
    throw new UserError(`Cannot measure ${client}: swarm_bench.py ended with exit code ${exitCode} and said ${line}`);
  }
  return JSON.parse(line) as Run;
}

function main(): number {
  const whole = (text: string): number => parseInteger(text, { min: 1, max: 65536 });
  const values = parseCommandLine({
    name: "bench/speed.ts",
    summary: "Measures MiniBit beside the raw pipe and BitTorrent clients, in turns.",
    flags: {
      rounds: { value: "n", help: "runs of each client", parse: whole, default: "3" },
      leechers: { value: "n", help: "peers that fetch", parse: whole, default: "4" },
      mib: { value: "n", help: "size of the file in MiB", parse: whole, default: "1024" },
      uplink: { value: "rate", help: "every host's uplink, such as 50mbit", parse: parseText },
      seedUplink: { value: "rate", help: "the seed's uplink, when it differs", parse: parseText },
      clients: { value: "names", help: "with commas", parse: parseText, default: "pipe,minibit,libtorrent,aria2" },
    },
  });
  if (process.getuid?.() !== 0) {
    throw new UserError("Cannot make test hosts: network namespaces need root (try sudo)");
  }
  const { rounds, leechers, mib, uplink, seedUplink, clients } = values;
  const flags = [
    "--leechers",
    `${leechers}`,
    "--mib",
    `${mib}`,
    ...(uplink === undefined ? [] : ["--uplink", uplink]),
    ...(seedUplink === undefined ? [] : ["--seed-uplink", seedUplink]),
  ];
  const runs: Run[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const client of clients.split(",")) {
      const run = measure(client, flags);
      process.stderr.write(`${JSON.stringify(run)}\n`);
      runs.push(run);
    }
  }
  const of = (client: string): Run[] => runs.filter((run) => run.client === client);
  const mine = median(of("minibit").map((run) => run.last_s ?? Number.NaN));
  const table = clients.split(",").map((client) => {
    const seconds = median(of(client).map((run) => run.last_s ?? Number.NaN));
    return {
      client,
      seconds,
      timesBound: uplink === undefined ? null : median(of(client).map((run) => run.times_bound ?? Number.NaN)),
      cpuSeconds: median(of(client).map((run) => run.cpu_s)),
      minibitToThis: Number((mine / seconds).toFixed(2)),
    };
  });
  process.stdout.write(
    `${JSON.stringify({ leechers, mib, uplink: uplink ?? null, seedUplink: seedUplink ?? null, rounds, medians: table, runs }, null, 2)}\n`,
  );
  return 0;
}

await runMain(main);
