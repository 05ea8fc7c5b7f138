import { expect, test } from "bun:test";
import { toSvg } from "./charts.ts";
import type { Experiment, Finding } from "./experiments/experiment.ts";
import { EXPERIMENTS, LONG_EXPERIMENTS } from "./experiments/experiments.ts";
import { toMarkdown, toText } from "./report.ts";

const experiment: Experiment = {
  name: "a-name",
  title: "Is it so?",
  question: "Why?",
  setting: "So.",
  literature: "Somebody 2001.",
  reading: "It is.",
  seed: 7,
  run: () => finding,
};
const finding: Finding = {
  table: { columns: [{ title: "peers" }, { title: "ratio", digits: 2 }], rows: [["four", 1.005]] },
  chart: {
    kind: "lines",
    x: { title: "peers", log: true },
    y: { title: "ratio", zero: false },
    points: [
      { x: 4, y: 1.5, series: "measured" },
      { x: 8, y: 2, series: "measured" },
    ],
  },
  checks: [
    { what: "ratio", expected: "at most 1", measured: "1.5", holds: false },
    { what: "other", expected: "at most 2", measured: "1.5", holds: true },
  ],
};

test("the report holds question, figures, literature, chart and seed, and does not hide what failed", () => {
  const text = toMarkdown([{ experiment, finding }]);
  for (const part of [
    "## Is it so?",
    "**Why?**",
    "| four | 1.00 |",
    "Somebody 2001.",
    "](a-name.svg)",
    "seed 7",
    "**no**",
  ]) {
    expect(text).toContain(part);
  }
  expect(text).toContain("Of 2 figures that were expected, 1 came out");
  expect(text).toContain("[a-name](#is-it-so)");
  expect(toText({ experiment, finding })).toContain("NO   ratio: 1.5 (expected at most 1)");
});

test("charts are the same each time, and follow the reader's colour scheme", async () => {
  const svg = await toSvg(finding.chart);
  expect(await toSvg(finding.chart)).toBe(svg);
  expect(svg).toStartWith("<svg");
  expect(svg).toContain("prefers-color-scheme");
  const points = [{ x: "a", y: 1, series: "s" }];
  expect(await toSvg({ kind: "bars", x: { title: "x" }, y: { title: "y" }, points })).toContain("<path");
});

test("experiments have names of their own, fit for a command line and a file", () => {
  const names = [...EXPERIMENTS, ...LONG_EXPERIMENTS].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
  }
});

test("an unknown experiment is a usage error", () => {
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, `${import.meta.dir}/lab.ts`, "nothing"]);
  expect(exitCode).toBe(2);
  expect(stderr.toString()).toContain('Cannot run the experiment "nothing"');
});
