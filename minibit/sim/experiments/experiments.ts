import { blockCount } from "./block_count.ts";
import { chokeRounds } from "./choke_rounds.ts";
import type { Experiment } from "./experiment.ts";
import { growth } from "./growth.ts";
import { lastBlocks } from "./last_blocks.ts";
import { nearBound } from "./near_bound.ts";
import { pipelining } from "./pipelining.ts";
import { rarestFirst } from "./rarest_first.ts";
import { roughWeather } from "./rough_weather.ts";
import { scale } from "./scale.ts";
import { smallSwarms } from "./small_swarms.ts";
import { smartSeed } from "./smart_seed.ts";
import { titForTat } from "./tit_for_tat.ts";
import { uplinkClasses } from "./uplink_classes.ts";

/** All experiments, in the order of the report. */
export const EXPERIMENTS: readonly Experiment[] = [
  nearBound,
  growth,
  rarestFirst,
  smartSeed,
  titForTat,
  smallSwarms,
  uplinkClasses,
  chokeRounds,
  blockCount,
  pipelining,
  lastBlocks,
  roughWeather,
];

/** Those that take minutes: run by their name only. */
export const LONG_EXPERIMENTS: readonly Experiment[] = [scale];
