import uPlot from "uplot";
import { formatClock, formatRate } from "../../core/base/formats.ts";
import { type ChartSeries, chartSeries } from "../view/chart_series.ts";
import { cssColour } from "../view/colours.ts";
import { make, section, setText } from "./dom.ts";
import { legend } from "./legend.ts";
import type { Scene, View } from "./scene.ts";
import type { Palette } from "./theme.ts";

const HEIGHT = 196;
/** On a phone it is low enough to see the next one below. */
const NARROW = 420;
const LOW = 150;
/** With more lines colours say nothing: all are alike, and the chosen peer's stands out. */
const MAX_COLOURED = 14;
/** Ticks that are round in KiB, MiB and so on. */
const RATE_STEPS = [0, 1, 2, 3].flatMap((power) =>
  [1, 2, 5, 10, 20, 50, 100, 200, 500].map((by) => by * 1024 ** power),
);
const DASHES: readonly (readonly number[])[] = [[], [8, 5]];

/** Throughput, percent of each peer and copies over time. */
export class Charts implements View {
  readonly everyMs = 250;
  readonly takesLong = true;
  readonly #rate = new Chart("Throughput of the swarm");
  readonly #percent = new Chart("What each peer holds");
  readonly #copies = new Chart("Copies of a block");
  readonly element = section("charts", "Over time", [
    ...this.#rate.nodes,
    ...this.#percent.nodes,
    ...this.#copies.nodes,
    legend([
      ["fewest", "fewest"],
      ["mean", "mean"],
      ["most", "most"],
    ]),
  ]);
  #drawn: unknown[] = [];

  draw({ swarm, palette, chosen, endMs }: Scene): void {
    const { samples } = swarm.history;
    const now = [swarm, palette, chosen, endMs, samples.at(-1), samples.length, this.element.clientWidth];
    if (now.every((value, i) => value === this.#drawn[i])) {
      return;
    }
    this.#drawn = now;
    const series = chartSeries(samples, swarm.beganMs);
    const seconds = endMs === undefined ? undefined : (endMs - swarm.beganMs) / 1000;
    const common = { palette, seconds, series };
    const [regular, muted] = [cssColour(palette.held), cssColour(palette.muted)];
    this.#rate.draw(common, {
      lines: [
        {
          label: "bytes a second",
          stroke: regular,
          width: 2,
          fill: cssColour(palette.held, 0.15),
          values: series.bytesPerSecond,
        },
      ],
      steps: RATE_STEPS,
      ticks: (value) => formatRate(value).replace(/\.0+ /, " "),
      hover: (i) => formatRate(series.bytesPerSecond[i] ?? 0),
    });
    this.#percent.draw(common, {
      lines: percentLines(series, palette, chosen),
      range: [0, 100],
      ticks: (value) => `${value} %`,
      hover: (i) => percentWords(series, i, chosen),
    });
    this.#copies.draw(common, {
      lines: [
        { label: "fewest", stroke: cssColour(palette.rare), width: 3, values: series.minCopies },
        { label: "mean", stroke: cssColour(palette.text), width: 2, values: series.meanCopies },
        { label: "most", stroke: muted, width: 2, dash: [6, 5], values: series.maxCopies },
      ],
      ticks: (value) => (Number.isInteger(value) ? String(value) : ""),
      hover: (i) =>
        `${series.minCopies[i] ?? 0} / ${(series.meanCopies[i] ?? 0).toFixed(1)} / ${series.maxCopies[i] ?? 0}`,
    });
  }
}

interface ChartLine {
  readonly label: string;
  readonly stroke: string;
  readonly width: number;
  readonly fill?: string;
  readonly dash?: readonly number[];
  readonly values: (number | null)[];
}

interface Drawing {
  readonly lines: readonly ChartLine[];
  readonly range?: readonly [number, number];
  /** Between which distances ticks may choose; undefined: round decimal ones. */
  readonly steps?: readonly number[];
  ticks(value: number): string;
  /** What is told of a moment, beside the heading. */
  hover(index: number): string;
}

interface Common {
  readonly palette: Palette;
  /** How long the time axis is; undefined: as long as what there is. */
  readonly seconds: number | undefined;
  readonly series: ChartSeries;
}

/** One chart under its heading. */
class Chart {
  readonly #value = make("span", { class: "chart-value" });
  readonly #box = make("div", { class: "chart" });
  readonly nodes: readonly Node[];
  #plot: uPlot | undefined;
  #look = "";
  #drawing: Drawing | undefined;
  #range: [number, number] = [0, 1];

  constructor(heading: string) {
    this.nodes = [make("h3", { text: heading, children: [this.#value] }), this.#box];
  }

  draw({ palette, seconds, series }: Common, drawing: Drawing): void {
    this.#drawing = drawing;
    this.#range = [0, Math.max(1, seconds ?? series.seconds.at(-1) ?? 1)];
    const data = [series.seconds, ...drawing.lines.map(({ values }) => values)] as uPlot.AlignedData;
    const width = this.#box.clientWidth;
    // strokes belong to the plot, so other ones need another plot
    const look = JSON.stringify([palette.text, width, drawing.lines.map(({ values: _, ...style }) => style)]);
    if (look !== this.#look || this.#plot === undefined) {
      this.#plot?.destroy();
      this.#look = look;
      this.#plot = new uPlot(this.#options(palette, width), data, this.#box);
    } else {
      this.#plot.setData(data);
    }
    this.#tell(this.#plot.cursor.idx);
  }

  #options(palette: Palette, width: number): uPlot.Options {
    const axis = {
      stroke: cssColour(palette.muted),
      font: `13px ${palette.font}`,
      grid: { stroke: cssColour(palette.line, 0.7), width: 1 },
      ticks: { show: false },
    };
    const { range, steps } = this.#drawing ?? {};
    return {
      width: Math.max(120, width),
      height: width < NARROW ? LOW : HEIGHT,
      padding: [8, 14, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { time: false, range: () => this.#range },
        y: { range: (_plot, _min, max) => (range === undefined ? [0, Math.max(1, max * 1.08)] : [...range]) },
      },
      axes: [
        {
          ...axis,
          size: 32,
          values: (_plot, values) => values.map((value) => formatClock(value * 1000)),
          space: 70,
          incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200],
        },
        {
          ...axis,
          size: 92,
          space: 36,
          ...(steps === undefined ? {} : { incrs: [...steps] }),
          values: (_plot, values) => values.map((value) => this.#drawing?.ticks(value) ?? ""),
        },
      ],
      series: [
        {},
        ...(this.#drawing?.lines ?? []).map(({ label, stroke, width: lineWidth, fill, dash }) => ({
          ...{ label, stroke, width: lineWidth, points: { show: false } },
          ...(fill === undefined ? {} : { fill }),
          ...(dash === undefined ? {} : { dash: [...dash] }),
        })),
      ],
      hooks: { setCursor: [(plot) => this.#tell(plot.cursor.idx)] },
    };
  }

  /** Tells of the moment under the mouse, or of the last one. */
  #tell(index: number | null | undefined): void {
    const times = this.#plot?.data[0] ?? [];
    const i = index ?? times.length - 1;
    const when = index === null || index === undefined ? "" : `at ${formatClock((times[i] ?? 0) * 1000)}: `;
    setText(this.#value, times.length === 0 ? "" : `${when}${this.#drawing?.hover(i) ?? ""}`);
  }
}

function percentLines(series: ChartSeries, palette: Palette, chosen: number | undefined): ChartLine[] {
  const crowd = series.percents.size > MAX_COLOURED;
  const lines = [...series.percents].map(([id, values], i): ChartLine => {
    const colour = palette.lines[i % palette.lines.length] ?? palette.text;
    const faint = chosen !== undefined && id !== chosen;
    const dash = DASHES[Math.floor(i / palette.lines.length) % DASHES.length] ?? [];
    return {
      label: `peer ${id}`,
      stroke:
        crowd && id !== chosen ? cssColour(palette.held, faint ? 0.15 : 0.35) : cssColour(colour, faint ? 0.25 : 1),
      width: id === chosen ? 3.5 : crowd ? 1 : 2,
      dash: crowd ? [] : dash,
      values,
    };
  });
  return lines;
}

function percentWords(series: ChartSeries, index: number, chosen: number | undefined): string {
  const line = chosen === undefined ? undefined : series.percents.get(chosen);
  if (line !== undefined) {
    return `peer ${chosen}: ${line[index] ?? "-"} %`;
  }
  const known = [...series.percents.values()]
    .map((values) => values[index])
    .filter((value) => typeof value === "number");
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return known.length === 0 ? "" : least === most ? `${least} %` : `${least} to ${most} %`;
}
