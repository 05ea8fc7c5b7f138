import type { Experiment, Finding, Table } from "./experiments/experiment.ts";

/** An experiment and its outcome. */
export interface Outcome {
  readonly experiment: Experiment;
  readonly finding: Finding;
}

/** The report of all experiments, in Markdown; their charts stand beside it as `<name>.svg`. */
export function toMarkdown(outcomes: readonly Outcome[]): string {
  const checks = outcomes.flatMap(({ finding }) => finding.checks);
  const held = checks.filter((check) => check.holds).length;
  const parts = [
    "# The strategy lab",
    "Every figure here was made by the code that ships: `minibit/sim` runs the very `minibit/core` of `peer.ts` on a virtual clock, with " +
      "a simulated network in place of sockets. The same seed makes the same run, event for event. `bun run lab` lists the experiments, " +
      "`bun run lab NAME` repeats one, `bun run lab --report` writes this page and its charts anew.",
    `Of ${checks.length} figures that were expected, ${held} came out as expected. Where one did not, its experiment says why.`,
    toMarkdownTable({
      columns: [
        { title: "experiment" },
        { title: "figure" },
        { title: "expected" },
        { title: "measured" },
        { title: "" },
      ],
      rows: outcomes.flatMap(({ experiment, finding }) =>
        finding.checks.map(({ what, expected, measured, holds }) => [
          `[${experiment.name}](#${anchorOf(experiment.title)})`,
          what,
          expected,
          measured,
          holds ? "yes" : "**no**",
        ]),
      ),
    }),
    ...outcomes.flatMap(section),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** A finding for a terminal. */
export function toText({ experiment, finding }: Outcome): string {
  const { table, checks } = finding;
  const lines = [experiment.title, experiment.question, "", alignedTable(table), ""];
  for (const { what, expected, measured, holds } of checks) {
    lines.push(`${holds ? "yes" : "NO "}  ${what}: ${measured} (expected ${expected})`);
  }
  lines.push("", experiment.reading, `Seed ${experiment.seed}.`, "");
  return lines.join("\n");
}

function section({ experiment, finding }: Outcome): string[] {
  const { name, title, question, setting, literature, reading, seed } = experiment;
  return [
    `## ${title}`,
    `**${question}**`,
    `Setting: ${setting}`,
    `![${title}](${name}.svg)`,
    toMarkdownTable(finding.table),
    `Literature: ${literature}`,
    reading,
    `Repeat it: \`bun run lab ${name}\` (seed ${seed}).`,
  ];
}

function toMarkdownTable(table: Table): string {
  const cells = cellsOf(table);
  const titles = table.columns.map(({ title }) => title);
  const rule = table.columns.map((_, i) => (isNumeric(table, i) ? "--:" : "---"));
  return [titles, rule, ...cells].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function alignedTable(table: Table): string {
  const rows = [table.columns.map(({ title }) => title), ...cellsOf(table)];
  const widths = table.columns.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const align = (cell: string, i: number): string =>
    isNumeric(table, i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  return rows.map((row) => row.map(align).join("  ").trimEnd()).join("\n");
}

function cellsOf({ columns, rows }: Table): string[][] {
  return rows.map((row) =>
    row.map((value, i) => (typeof value === "string" ? value : value.toFixed(columns[i]?.digits ?? 0))),
  );
}

function isNumeric({ rows }: Table, column: number): boolean {
  return rows.some((row) => typeof row[column] === "number");
}

/** How GitHub calls a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");
}
