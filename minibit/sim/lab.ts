import { parseArgs } from "node:util";
import { toSvg } from "./charts.ts";
import type { Experiment } from "./experiments/experiment.ts";
import { EXPERIMENTS, LONG_EXPERIMENTS } from "./experiments/experiments.ts";
import { writeDocs } from "./lab_files.ts";
import { type Outcome, toMarkdown, toText } from "./report.ts";

const HELP = `Usage: bun run lab [NAME ...] [--report]

Runs experiments with MiniBit's strategies on a virtual clock; without a name it lists them.

  --report  runs all but the last one, which takes long, and writes docs/lab.md and its charts
  --help    this text

Experiments:
`;

const ALL: readonly Experiment[] = [...EXPERIMENTS, ...LONG_EXPERIMENTS];

/** Runs an experiment, telling on the terminal how far it is. */
function conduct(experiment: Experiment): Outcome {
  const startMs = performance.now();
  process.stderr.write(`${experiment.name}\n`);
  const finding = experiment.run((text) => process.stderr.write(`  ${text}\n`));
  process.stderr.write(`  took ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
  return { experiment, finding };
}

async function report(): Promise<void> {
  const outcomes = EXPERIMENTS.map(conduct);
  const files: Record<string, string> = { "lab.md": toMarkdown(outcomes) };
  for (const { experiment, finding } of outcomes) {
    files[`${experiment.name}.svg`] = await toSvg(finding.chart);
  }
  process.stdout.write(`Wrote ${Object.keys(files).length} files to ${writeDocs(files)}\n`);
}

function list(): string {
  const width = Math.max(...ALL.map(({ name }) => name.length));
  return ALL.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}\n`).join("");
}

/** @returns the exit code: 0 done, 2 usage */
async function main(args: readonly string[]): Promise<number> {
  let parsed: {
    readonly values: { readonly report?: boolean; readonly help?: boolean };
    readonly positionals: string[];
  };
  try {
    parsed = parseArgs({
      args: [...args],
      options: { report: { type: "boolean" }, help: { type: "boolean" } },
      allowPositionals: true,
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)} (try --help)\n`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.report === true) {
    await report();
    return 0;
  }
  if (values.help === true || positionals.length === 0) {
    process.stdout.write(HELP + list());
    return 0;
  }
  const chosen: Experiment[] = [];
  for (const name of positionals) {
    const found = ALL.find((experiment) => experiment.name === name);
    if (found === undefined) {
      process.stderr.write(
        `Cannot run the experiment "${name}": there is none of that name (run without a name to list them)\n`,
      );
      return 2;
    }
    chosen.push(found);
  }
  for (const experiment of chosen) {
    process.stdout.write(`${toText(conduct(experiment))}\n`);
  }
  return 0;
}

if (import.meta.main) {
  process.exitCode = await main(Bun.argv.slice(2));
}
