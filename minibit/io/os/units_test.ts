import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatAddress,
  formatDuration,
  formatPercent,
  formatRate,
  formatSize,
  parseAddress,
  parseDuration,
  parseHost,
  parseInteger,
  parsePeerId,
  parsePercent,
  parsePort,
  parseRate,
  parseSize,
  UnitError,
} from "./units.ts";

const READ: readonly (readonly [parse: (text: string) => unknown, text: string, value: unknown])[] = [
  [parseSize, "0", 0],
  [parseSize, "4096", 4096],
  [parseSize, "12B", 12],
  [parseSize, "64KiB", 65_536],
  [parseSize, "1.5 MiB", 1_572_864],
  [parseSize, "10MB", 10_000_000],
  [parseSize, "2TiB", 2 * 1024 ** 4],
  [parseRate, "1MiB/s", 1_048_576],
  [parseRate, "50mbit", 6_250_000],
  [parseRate, "50mbit/s", 6_250_000],
  [parseRate, "1000/s", 1000],
  [parseRate, "0", Number.POSITIVE_INFINITY],
  [parseRate, "unlimited", Number.POSITIVE_INFINITY],
  [parseDuration, "250ms", 250],
  [parseDuration, "5s", 5000],
  [parseDuration, "1.5m", 90_000],
  [parseDuration, "0", 0],
  [parseAddress, "127.0.0.1:5000", { host: "127.0.0.1", port: 5000 }],
  [parseAddress, "[::1]:5000", { host: "::1", port: 5000 }],
  [parseAddress, "my-host.example:1", { host: "my-host.example", port: 1 }],
  [parseAddress, "[fe80::1%eth0]:1", { host: "fe80::1%eth0", port: 1 }],
  [parseHost, "10.0.0.1", "10.0.0.1"],
  [parseHost, "::ffff:10.0.0.1", "10.0.0.1"],
  [parseHost, "fd00::1", "fd00::1"],
  [parseHost, "[fd00::1]", "fd00::1"],
  [parseHost, "fe80::1%eth0.5", "fe80::1%eth0.5"],
  [parseHost, "my-host_2.example.", "my-host_2.example."],
  [parsePort, "0", 0],
  [parsePort, "65535", 65_535],
  [parsePeerId, "4294967295", 4_294_967_295],
  [parsePercent, "12.5%", 0.125],
];

for (const [parse, text, value] of READ) {
  test(`${parse.name} reads ${text}`, () => {
    expect(parse(text)).toEqual(value);
  });
}

const REFUSED: readonly (readonly [parse: (text: string) => unknown, texts: readonly string[]])[] = [
  [
    parseSize,
    ["", "x", "-1", "64K", "64kib", "64Kb", "1e3", "0x10", ".5MiB", "1.5", "1..5KB", "9007199254740993", " 1", "1\n"],
  ],
  [parseRate, ["", "1MiB", "50", "50mbit/h", "0mbit", "0.1/s", "-5mbit", "Infinity", "UNLIMITED", "/s"]],
  [parseDuration, ["", "5", "5 sec", "-5s", "5S", "s", "1h30m", "Infinity"]],
  [
    parseAddress,
    ["", "5000", ":5000", "host", "host:", "host:0", "host:65536", "::1:5000", "[::1]", "[]:1", "http://a:1", "a b:1"],
  ],
  [
    parseHost,
    [
      "",
      "10.0.0.300",
      "10.0.0",
      "1",
      "10.0.0.1:5000",
      "fd00::1::2",
      "fd00:",
      "a b",
      "a/b",
      "-a",
      "a..b",
      "fe80::1%",
      "a%b",
    ],
  ],
  [parsePort, ["", "65536", "-1", "80.0", "http", "1e3"]],
  [parsePeerId, ["4294967296", "-1", "one", "0x1"]],
  [parsePercent, ["5", "101%", "-1%", "%", "a%"]],
];

for (const [parse, texts] of REFUSED) {
  for (const text of texts) {
    test(`${parse.name} refuses ${JSON.stringify(text)} and quotes it`, () => {
      expect(() => parse(text)).toThrow(UnitError);
      expect(() => parse(text)).toThrow(`Cannot read the `);
      expect(() => parse(text)).toThrow(JSON.stringify(text));
    });
  }
}

test("a refusal is a usage error of one line that says what to write", () => {
  const error = errorOf(() => parseRate("50"));
  expect(error.message).toBe(
    'Cannot read the rate "50": not an amount a second (write it like 512KiB/s, 50mbit or unlimited)',
  );
  expect(error.reason).toBe("not an amount a second (write it like 512KiB/s, 50mbit or unlimited)");
  expect(error.exitCode).toBe(2);
  expect(errorOf(() => parseSize("1\n2")).message).not.toContain("\n");
});

test("parseInteger names its bounds", () => {
  expect(() => parseInteger("1", { what: "number of peers", min: 2, max: 100 })).toThrow(
    'Cannot read the number of peers "1": not a whole number of 2 to 100',
  );
  expect(() => parseInteger("x", { min: 0, max: Number.MAX_SAFE_INTEGER })).toThrow("not a whole number of 0 or more");
});

test("a size of any unit is read exactly", () => {
  const units = fc.constantFrom(["B", 1], ["KiB", 1024], ["MB", 1e6], ["GiB", 1024 ** 3]) as fc.Arbitrary<
    [string, number]
  >;
  fc.assert(fc.property(fc.nat(1_000_000), units, (n, [unit, factor]) => parseSize(`${n}${unit}`) === n * factor));
});

test("what is formatted is read back to within half a percent", () => {
  const near = (value: number, read: number): boolean => Math.abs(value - read) <= value * 0.0051 + 1;
  fc.assert(fc.property(fc.nat(2 ** 45), (bytes) => near(bytes, readSize(formatSize(bytes)))));
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (rate) => near(rate, parseRate(formatRate(rate)))));
  fc.assert(fc.property(fc.nat(59_000), (ms) => near(ms, parseDuration(formatDuration(ms)))));
  expect(parseRate(formatRate(Number.POSITIVE_INFINITY))).toBe(Number.POSITIVE_INFINITY);
});

test("an address that is formatted is read back the same", () => {
  const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      expect(parseAddress(formatAddress({ host, port }))).toEqual({ host, port });
    }),
  );
});

test("no text makes a parser do anything but return a value in range or throw a UnitError", () => {
  for (const parse of [parseSize, parseRate, parseDuration, parsePort, parsePeerId, parsePercent]) {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[\d.]{1,25} ?[KMGkmgi]{0,2}(B|bit|s|ms|%)?(\/s)?$/)),
        (text) => {
          try {
            expect(parse(text)).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect(error).toBeInstanceOf(UnitError);
          }
        },
      ),
    );
  }
});

test("values are formatted for people", () => {
  expect([0, 1023, 1024, 1535, 17_203, 1_048_575, 1_073_741_824].map(formatSize)).toEqual([
    "0 B",
    "1023 B",
    "1.00 KiB",
    "1.50 KiB",
    "16.8 KiB",
    "1.00 MiB",
    "1.00 GiB",
  ]);
  expect([0, 250, 999.6, 1500, 59_949, 59_999, 125_000, 3_599_600, 3_660_000].map(formatDuration)).toEqual([
    "0ms",
    "250ms",
    "1.00s",
    "1.50s",
    "59.9s",
    "1m00s",
    "2m05s",
    "1h00m",
    "1h01m",
  ]);
  expect([0, 0.12345, 0.99999, 1].map(formatPercent)).toEqual(["0.0%", "12.3%", "99.9%", "100.0%"]);
});

/** `parseSize` on a rounded size, which need not be a whole number of bytes. */
function readSize(text: string): number {
  return parseRate(`${text === "0 B" ? "1 B" : text}/s`);
}

function errorOf(action: () => unknown): UnitError {
  try {
    action();
  } catch (error) {
    return error as UnitError;
  }
  throw new Error("nothing was thrown");
}
