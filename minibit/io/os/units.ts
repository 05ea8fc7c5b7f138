/**
 * Sizes, rates, times and addresses as people write them: `64KiB`, `1MiB/s`, `250ms`, `[::1]:5000`.
 *
 * Strict on purpose: a number without its unit, or `64K`, is refused with what to write instead. The formatters write
 * what the parsers read.
 */
import { UserError } from "../../core/base/errors.ts";
import { UNLIMITED } from "../../core/base/formats.ts";
import { isIP, isIPv4 } from "./ip.ts";

export { formatCount, formatDuration, formatPercent, formatRate, formatSize } from "../../core/base/formats.ts";

/** A text that is not the value it should be. `reason` is the message's second half, for callers that know the flag. */
export class UnitError extends UserError {
  readonly reason: string;

  constructor(what: string, text: string, reason: string) {
    super(`Cannot read the ${what} ${JSON.stringify(text)}: ${reason}`, { exitCode: 2 });
    this.reason = reason;
  }
}

/** Where something listens. */
export interface Address {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const BYTES_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["B", 1],
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
  ["TiB", 1024 ** 4],
  ["KB", 1000],
  ["MB", 1000 ** 2],
  ["GB", 1000 ** 3],
  ["TB", 1000 ** 4],
]);
const BITS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["bit", 1],
  ["kbit", 1000],
  ["mbit", 1000 ** 2],
  ["gbit", 1000 ** 3],
]);
const MS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/** The last port there is. */
export const MAX_PORT = 65_535;
/** Timers count milliseconds in 31 bits: a longer one would end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Reads a size such as `4096`, `64KiB`, `1.5 MiB` or `10MB` (KB = 1000 bytes, KiB = 1024).
 *
 * @returns whole bytes
 * @throws {UnitError} no number, an unknown unit, not a whole number of bytes
 */
export function parseSize(text: string): number {
  const hint = "write it like 64KiB, 10MB or 4096";
  const bytes = scaled(text, BYTES_PER_UNIT);
  if (bytes === undefined) {
    throw new UnitError("size", text, `not a number with a unit of B, KB, KiB, MB, MiB, GB, GiB, TB or TiB (${hint})`);
  }
  if (!Number.isSafeInteger(bytes)) {
    throw new UnitError("size", text, `not a whole number of bytes below 2^53 (${hint})`);
  }
  return bytes;
}

/**
 * Reads a rate: a size a second such as `1MiB/s`, bits such as `50mbit` or `50mbit/s`, or `0` or `unlimited` for no limit.
 *
 * @returns bytes a second; Infinity for no limit
 * @throws {UnitError} anything else, among it a size without `/s`
 */
export function parseRate(text: string): number {
  if (text === UNLIMITED || text === "0") {
    return Number.POSITIVE_INFINITY;
  }
  const perSecond = text.endsWith("/s");
  const amount = perSecond ? text.slice(0, -2) : text;
  const bits = scaled(amount, BITS_PER_UNIT);
  const bytesPerSecond = bits === undefined ? (perSecond ? scaled(amount, BYTES_PER_UNIT) : undefined) : bits / 8;
  if (bytesPerSecond === undefined || bytesPerSecond < 1) {
    throw new UnitError("rate", text, "not an amount a second (write it like 512KiB/s, 50mbit or unlimited)");
  }
  if (bytesPerSecond > Number.MAX_SAFE_INTEGER) {
    throw new UnitError("rate", text, "more than 2^53 bytes a second (write unlimited for no limit)");
  }
  return bytesPerSecond;
}

/**
 * Reads a time such as `250ms`, `5s`, `1.5m`, `2h` or `0`.
 *
 * @returns milliseconds
 * @throws {UnitError} anything else, among it a number without its unit
 */
export function parseDuration(text: string): number {
  const milliseconds = text === "0" ? 0 : scaled(text, MS_PER_UNIT);
  if (milliseconds === undefined) {
    throw new UnitError("time", text, "not a number with a unit of ms, s, m or h (write it like 250ms or 5s)");
  }
  if (milliseconds > MAX_TIMER_MS) {
    throw new UnitError("time", text, "longer than the 596h that a timer can run");
  }
  return milliseconds;
}

/**
 * Reads `host:port`, an IPv6 host in brackets: `127.0.0.1:5000`, `[::1]:5000`.
 *
 * @throws {UnitError} no host, no port, a port out of 1..65535
 */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > MAX_PORT) {
    throw new UnitError("address", text, "not a host and a port of 1 to 65535 (write it like 127.0.0.1:5000)");
  }
  return { host, port };
}

/**
 * Reads the name or IP address of a machine; IPv6 with or without brackets, link-local with its zone: `fe80::1%eth0`.
 *
 * @returns without brackets; an IPv4 address in IPv6's clothes (`::ffff:10.0.0.1`) is unpacked
 * @throws {UnitError} what can be neither, such as `10.0.0.300`
 */
export function parseHost(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, "$1");
  const mapped = /^::ffff:([\d.]+)$/i.exec(host)?.[1] ?? "";
  if (isIPv4(mapped)) {
    return mapped;
  }
  // what looks like numbers, or has colons, is meant as an address: a resolver would read 10.1 as 10.0.0.1
  const isName = /^(?=.{1,253}$)\w([\w-]*\w)?(\.\w([\w-]*\w)?)*\.?$/.test(host) && !/^[\d.]+$/.test(host);
  if (!isIP(host.replace(/%[\w.-]+$/, "")) && !isName) {
    throw new UnitError("host", text, "neither an IP address nor a name (write it like 10.0.0.1, fd00::1 or my-host)");
  }
  return host;
}

/** Writes an address as `parseAddress` reads it. */
export function formatAddress(address: Address): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/**
 * Reads a port to listen on.
 *
 * @returns 0 (take a free one) to 65535
 * @throws {UnitError} anything else
 */
export function parsePort(text: string): number {
  return parseInteger(text, { what: "port", min: 0, max: MAX_PORT });
}

/**
 * Reads a peer's number.
 *
 * @returns an unsigned 32-bit integer; 0 is the peer with the source
 * @throws {UnitError} anything else
 */
export function parsePeerId(text: string): number {
  return parseInteger(text, { what: "peer id", min: 0, max: 2 ** 32 - 1 });
}

/**
 * Reads a whole number in decimal digits.
 *
 * @throws {UnitError} no number, or out of `min`..`max`
 */
export function parseInteger(text: string, bounds: { what?: string; min: number; max: number }): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= bounds.min && value <= bounds.max)) {
    const range = bounds.max === Number.MAX_SAFE_INTEGER ? `${bounds.min} or more` : `${bounds.min} to ${bounds.max}`;
    throw new UnitError(bounds.what ?? "number", text, `not a whole number of ${range}`);
  }
  return value;
}

/**
 * Reads a percentage such as `5%` or `12.5%`.
 *
 * @returns a ratio, 0 to 1
 * @throws {UnitError} anything else
 */
export function parsePercent(text: string): number {
  const percent = text.endsWith("%") ? decimal(text.slice(0, -1)) : undefined;
  if (percent === undefined || percent > 100) {
    throw new UnitError("percentage", text, "not a number of 0 to 100 and a percent sign (write it like 5%)");
  }
  return percent / 100;
}

/** The number in front times the factor of the unit behind it; undefined when either is missing. */
function scaled(text: string, factors: ReadonlyMap<string, number>): number | undefined {
  const match = /^([\d.]+) ?([A-Za-z]*)$/.exec(text);
  const value = decimal(match?.[1] ?? "");
  const factor = factors.get(match?.[2] ?? "");
  return value === undefined || factor === undefined ? undefined : value * factor;
}

function decimal(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}
