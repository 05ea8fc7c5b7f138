import {
  MAX_PIPELINE_MS,
  MAX_PIPELINE_UNITS,
  MAX_SLOW_UNIT_BYTES,
  MAX_UNIT_BYTES,
  MAX_UNIT_TARGET_MS,
  MIN_PIPELINE_MS,
  MIN_PIPELINE_UNITS,
  MIN_QUICK_PIPELINE_UNITS,
  MIN_SNUB_MS,
  MIN_UNIT_BYTES,
  PIPELINE_ROUND_TRIPS,
  QUICK_LINK_RATE,
  SNUB_FACTOR,
  UNIT_TARGET_MS,
} from "../base/limits.ts";
import { powerOfTwoAtMost } from "../share/geometry.ts";

/** What a link is thought to carry that has sent nothing yet, in bytes a second: little, for others may have their turn first. */
const UNKNOWN_RATE = 64 * 1024;
/** However slow a link has been, it is snubbed after this long. */
const MAX_SNUB_MS = 60_000;

/**
 * `clamp(pow2(rate * (64 to 256 ms)), least, 1 MiB)`: big enough to be cheap, small enough to be choked or cancelled soon;
 * `least` is a quarter of the block, but 16 KiB at least and 64 KiB at most.
 */
export function unitSize(bytesPerSecond: number, blockSizeBytes: number): number {
  const lastsMs = Math.min(MAX_UNIT_TARGET_MS, UNIT_TARGET_MS * Math.max(1, bytesPerSecond / QUICK_LINK_RATE));
  const least = Math.min(MAX_SLOW_UNIT_BYTES, blockSizeBytes / MIN_PIPELINE_UNITS);
  const wanted = powerOfTwoAtMost(Math.max(least, (bytesPerSecond * lastsMs) / 1000));
  return Math.min(MAX_UNIT_BYTES, Math.max(MIN_UNIT_BYTES, wanted));
}

/**
 * `clamp(ceil(rate * clamp(2 RTT, 50 ms, 1 s) / unit), least, 256)`: enough requests in flight that the uploader never waits for us.
 *
 * `least` is 64 KiB on a slow link and 2 units on a quick one. Of blocks of one unit 2 are enough at first: what waits in one
 * uploader's queue is kept from all others, and they idle. More in flight is no gain: it waits in the uploader's socket, and
 * where uplinks are narrow that uploader's own requests and TCP acknowledgements wait behind it, which slows its senders down.
 *
 * @param options.rttMs shortest time from REQUEST to BLOCK, Infinity while unknown
 */
export function pipelineDepth(
  bytesPerSecond: number,
  options: { readonly rttMs: number; readonly unitBytes: number; readonly blockSizeBytes: number },
): number {
  const { rttMs, unitBytes, blockSizeBytes } = options;
  const coverMs = Math.max(
    Number.isFinite(rttMs) ? Math.min(PIPELINE_ROUND_TRIPS * rttMs, MAX_PIPELINE_MS) : 0,
    MIN_PIPELINE_MS,
  );
  // no request reaches beyond its block; but of tiny blocks no more are asked than of units
  const requestBytes = Math.min(unitBytes, Math.max(MIN_UNIT_BYTES, blockSizeBytes));
  const units = Math.ceil((bytesPerSecond * coverMs) / 1000 / requestBytes);
  const least = unitBytes > MAX_SLOW_UNIT_BYTES ? MIN_QUICK_PIPELINE_UNITS : MAX_SLOW_UNIT_BYTES / unitBytes;
  const atFirst = Math.min(least, 2 * Math.ceil(blockSizeBytes / unitBytes));
  return Math.min(MAX_PIPELINE_UNITS, Math.max(atFirst, units));
}

/**
 * How long a link may owe us a unit before it counts as snubbing: 8 times as long as a block takes.
 *
 * A block, not a unit: between two units it may serve a block to each of its other neighbours.
 */
export function patienceMs(blockSizeBytes: number, bytesPerSecond: number = UNKNOWN_RATE): number {
  const blockMs = (blockSizeBytes * 1000) / Math.max(1, bytesPerSecond);
  return Math.min(MAX_SNUB_MS, Math.max(MIN_SNUB_MS, SNUB_FACTOR * blockMs));
}
