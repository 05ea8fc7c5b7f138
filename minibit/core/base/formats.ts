/** Formats sizes, rates, times and ratios for people. `minibit/io/os/units.ts` parses them. */

const BINARY_UNITS = [
  ["TiB", 1024 ** 4],
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
] as const;

/** How a rate without a limit is written. */
export const UNLIMITED = "unlimited";

/** Writes bytes for people, to three digits: `1.50 MiB`. */
export function formatSize(bytes: number): string {
  // the unit is chosen after rounding: 1023.99 KiB is 1.00 MiB, not 1024 KiB
  const unit = BINARY_UNITS.find(([, bytesIn]) => bytes / bytesIn >= 0.9995);
  return unit === undefined ? `${Math.round(bytes)} B` : `${threeDigits(bytes / unit[1])} ${unit[0]}`;
}

/** Writes a rate in bytes a second for people: `1.50 MiB/s`, or `unlimited` for Infinity. */
export function formatRate(bytesPerSecond: number): string {
  return bytesPerSecond === Number.POSITIVE_INFINITY ? UNLIMITED : `${formatSize(bytesPerSecond)}/s`;
}

/** Writes milliseconds for people, to three digits at most: `250ms`, `1.50s`, `2m05s`, `1h01m`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 999.5) {
    return `${Math.round(milliseconds)}ms`;
  }
  if (milliseconds < 59_950) {
    return `${threeDigits(milliseconds / 1000)}s`;
  }
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)}m${twoDigits(seconds % 60)}s`;
  }
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`;
}

/** Writes milliseconds as a clock shows them: `0:07`, `12:30`, `1:02:03`. */
export function formatClock(milliseconds: number): string {
  const seconds = Math.floor(Math.max(0, milliseconds) / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return hours === 0
    ? `${minutes}:${twoDigits(seconds % 60)}`
    : `${hours}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}`;
}

/** Writes a count with its noun: `1 peer`, `2 peers`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Writes a ratio of 0 to 1 as a percentage; never `100.0%` below 1. */
export function formatPercent(ratio: number): string {
  return `${(Math.floor(ratio * 1000) / 10).toFixed(1)}%`;
}

function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
