import type { Sample } from "./board_event.ts";
import { copiesOf } from "./copies.ts";

/** Most samples kept of a swarm: when there are more, every second one goes, and from then on they come half as often. */
const MAX_SAMPLES = 600;
/** First distance between samples. */
const SAMPLE_MS = 250;
/** Peers whose percent is kept in samples: more lines than this nobody can tell apart. */
const MAX_LINES = 100;

/** What a sample is taken of: as much of the swarm's model as it needs. */
interface Sampled {
  readonly peers: ReadonlyMap<number, SampledPeer>;
  readonly copies: Uint16Array;
}

interface SampledPeer {
  readonly id: number;
  readonly seed: boolean;
  readonly blocks: { readonly count: number; readonly size: number };
  readonly stats: { readonly downBytesPerSecond: number };
  readonly departure: object | undefined;
}

/** The charts of one swarm: bounded, however long it runs. */
export class History {
  #samples: Sample[] = [];
  #everyMs = SAMPLE_MS;

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Something changed at `t`: takes a sample if it is time for one. */
  note(swarm: Sampled, t: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && t - last.t < this.#everyMs) {
      return;
    }
    this.#samples.push(sampleOf(swarm, t));
    if (this.#samples.length > MAX_SAMPLES) {
      this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
      this.#everyMs *= 2;
    }
  }

  /** How far apart samples are taken now. */
  get everyMs(): number {
    return this.#everyMs;
  }

  /** Takes over the samples of another, and goes on at its distance. */
  restore(samples: readonly Sample[], everyMs: number): void {
    this.#samples = [...samples];
    this.#everyMs = Math.max(SAMPLE_MS, everyMs);
  }
}

function sampleOf(swarm: Sampled, t: number): Sample {
  const here = [...swarm.peers.values()].filter(({ departure }) => departure === undefined);
  const { min: minCopies, mean: meanCopies, max: maxCopies } = copiesOf(swarm.copies);
  return {
    t,
    bytesPerSecond: here.reduce((rate, { stats }) => rate + stats.downBytesPerSecond, 0),
    ...{ minCopies, maxCopies, meanCopies },
    percents: here
      .filter(({ seed }) => !seed)
      .slice(0, MAX_LINES)
      .map(({ id, blocks }) => [id, Math.round((1000 * blocks.count) / Math.max(1, blocks.size)) / 10] as const),
  };
}
