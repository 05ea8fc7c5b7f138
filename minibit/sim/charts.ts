import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Chart } from "./experiments/experiment.ts";

/** Told apart by people who see few colours, and readable on white and on black (Okabe and Ito 2008, without yellow and black). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
/** Text and lines: the reader's colour scheme decides. Until the style sheet below it is this grey, legible on both. */
const INK = "#808080";
const STYLE = `<style>text{fill:#333}@media (prefers-color-scheme:dark){text{fill:#ccc}}</style>`;

/** Draws a chart, as the text of an SVG file. */
export async function toSvg(chart: Chart): Promise<string> {
  const { spec } = compile(specOf(chart));
  const svg = await new View(parse(spec), { renderer: "none" }).toSVG();
  return `${svg.replace(/(<svg[^>]*>)/, `$1${STYLE}`)}\n`;
}

function specOf(chart: Chart): TopLevelSpec {
  const { kind, x, y, points } = chart;
  const yScale = y.log === true ? { type: "log" as const } : { zero: y.zero ?? true };
  const yAxis = { field: "y", type: "quantitative" as const, title: y.title, scale: yScale };
  const colour = { field: "series", type: "nominal" as const, title: null, scale: { range: COLOURS } };
  const common = {
    width: 560,
    height: 260,
    background: "transparent",
    data: { values: [...points] },
    config: {
      font: "system-ui, sans-serif",
      view: { stroke: INK },
      axis: { domainColor: INK, tickColor: INK, gridColor: INK, gridOpacity: 0.25 },
      legend: { orient: "bottom" as const, columns: 2, labelLimit: 400 },
    },
  };
  if (kind === "bars") {
    return {
      ...common,
      mark: "bar",
      encoding: {
        x: { field: "x", type: "nominal", title: x.title, sort: null, axis: { labelAngle: 0 } },
        xOffset: { field: "series", type: "nominal", sort: null },
        y: yAxis,
        color: { ...colour, sort: null },
      },
    };
  }
  return {
    ...common,
    mark: { type: "line", point: true },
    encoding: {
      x: {
        field: "x",
        type: "quantitative",
        title: x.title,
        scale: x.log === true ? { type: "log" } : { zero: false },
      },
      y: yAxis,
      color: { ...colour, sort: null },
    },
  };
}
