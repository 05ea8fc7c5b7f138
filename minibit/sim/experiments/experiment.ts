// Room sim/experiments: one question of the lab a file: setting, literature, run, expected figures.
// What several experiments need is no experiment: it belongs to sim/engine/scenario.ts.

/** A row of a table: text as it is, numbers with as many digits as the column says. */
export type Row = readonly (string | number)[];

/** What was measured. */
export interface Table {
  readonly columns: readonly { readonly title: string; readonly digits?: number }[];
  readonly rows: readonly Row[];
}

/** A chart of it: points by series, joined or as bars. */
export interface Chart {
  readonly kind: "lines" | "bars";
  readonly x: { readonly title: string; readonly log?: boolean };
  readonly y: { readonly title: string; readonly log?: boolean; readonly zero?: boolean };
  readonly points: readonly { readonly x: number | string; readonly y: number; readonly series: string }[];
}

/** One figure that was expected, and what came. */
export interface Check {
  readonly what: string;
  readonly expected: string;
  readonly measured: string;
  readonly holds: boolean;
}

/** The outcome of an experiment. */
export interface Finding {
  readonly table: Table;
  readonly chart: Chart;
  readonly checks: readonly Check[];
}

/** A question that the simulator answers. */
export interface Experiment {
  /** What it is called by on the command line. */
  readonly name: string;
  readonly title: string;
  readonly question: string;
  readonly setting: string;
  /** What others found, and where. */
  readonly literature: string;
  /** What the figures say, and where they differ from what was expected. */
  readonly reading: string;
  readonly seed: number;
  /** Runs it; `progress` is told what is done. */
  run(progress: (text: string) => void): Finding;
}

/** Checks that a figure is at most `most`. */
export function atMost(what: string, measured: number, most: number): Check {
  return { what, expected: `at most ${most}`, measured: String(round(measured, 3)), holds: measured <= most };
}

/** Checks that a figure is at least `least`. */
export function atLeast(what: string, measured: number, least: number): Check {
  return { what, expected: `at least ${least}`, measured: String(round(measured, 3)), holds: measured >= least };
}

/** Checks that a figure lies between two. */
export function between(what: string, measured: number, range: readonly [least: number, most: number]): Check {
  const [least, most] = range;
  return {
    what,
    expected: `${least} to ${most}`,
    measured: String(round(measured, 3)),
    holds: measured >= least && measured <= most,
  };
}

export function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
