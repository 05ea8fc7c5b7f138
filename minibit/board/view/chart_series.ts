/** Samples as charts take them: one list a line, seconds first. */
import type { Sample } from "../model/board_event.ts";

/** A line has nothing to show where it is null. */
export type Line = (number | null)[];

/** The charts' numbers. */
export interface ChartSeries {
  /** Seconds since the swarm began. */
  readonly seconds: number[];
  readonly bytesPerSecond: Line;
  readonly minCopies: Line;
  readonly meanCopies: Line;
  readonly maxCopies: Line;
  /** A line a peer, in the order of their numbers. */
  readonly percents: ReadonlyMap<number, Line>;
}

/** Turns samples into lines. */
export function chartSeries(samples: readonly Sample[], beganMs: number): ChartSeries {
  const ids = [...new Set(samples.flatMap(({ percents }) => percents.map(([id]) => id)))].sort((a, b) => a - b);
  const percents = new Map(ids.map((id): [number, Line] => [id, new Array<null>(samples.length).fill(null)]));
  samples.forEach((sample, i) => {
    for (const [id, percent] of sample.percents) {
      const line = percents.get(id);
      if (line !== undefined) {
        line[i] = percent;
      }
    }
  });
  return {
    seconds: samples.map(({ t }) => (t - beganMs) / 1000),
    bytesPerSecond: samples.map(({ bytesPerSecond }) => bytesPerSecond),
    minCopies: samples.map(({ minCopies }) => minCopies),
    meanCopies: samples.map(({ meanCopies }) => meanCopies),
    maxCopies: samples.map(({ maxCopies }) => maxCopies),
    percents,
  };
}
