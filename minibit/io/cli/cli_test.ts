import { expect, test } from "bun:test";
import { UserError } from "../../core/base/errors.ts";
import { parseAddress, parsePeerId, parsePort } from "../os/units.ts";
import { HelpAsked, oneOf, parseCommandLine, parseText, type Words } from "./cli.ts";

/** A command line with one of each kind of flag. */
function parse(argv: readonly string[], env: Words["env"] = {}) {
  return parseCommandLine(
    {
      name: "peer.ts",
      summary: "Runs one peer.",
      args: { id: { help: "number of the peer", parse: parsePeerId } },
      flags: {
        tracker: { value: "host:port", help: "the tracker", parse: parseAddress, default: "127.0.0.1:5000" },
        httpPort: { value: "number", help: "port to listen on", parse: parsePort, defaultHelp: "8080 + id" },
        store: { value: "kind", help: "how to store", parse: oneOf("auto", "folder"), default: "auto" },
        source: { value: "path", help: "what to share", parse: parseText, default: "arquivos" },
        keepGoing: { help: "never stop" },
      },
      examples: ["bun peer.ts 0"],
    },
    { argv, env },
  );
}

function refusalOf(argv: readonly string[], env: Words["env"] = {}): UserError {
  try {
    parse(argv, env);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return error as UserError;
  }
  throw new Error(`${argv.join(" ")} was not refused`);
}

test("defaults stand in for flags that are not given", () => {
  expect(parse(["3"])).toEqual({
    id: 3,
    tracker: { host: "127.0.0.1", port: 5000 },
    httpPort: undefined,
    store: "auto",
    source: "arquivos",
    keepGoing: false,
  });
});

test("a flag that repeats has a list of values, in place of its default", () => {
  const hosts = (argv: readonly string[], env: Words["env"] = {}) => {
    const host = { value: "host", help: "", parse: parseText, default: "here", repeats: true } as const;
    return parseCommandLine({ name: "peer.ts", summary: "", flags: { host } }, { argv, env }).host;
  };
  expect(hosts([])).toEqual(["here"]);
  expect(hosts(["--host", "a,b", "--host", "c"])).toEqual(["a", "b", "c"]);
  expect(hosts([], { MINIBIT_HOST: "d,e" })).toEqual(["d", "e"]);
});

test("flags are read in both spellings and in any order", () => {
  const values = parse(["--http-port=0", "--tracker", "[::1]:7", "3", "--keep-going"]);
  expect(values.httpPort).toBe(0);
  expect(values.tracker).toEqual({ host: "::1", port: 7 });
  expect(values.keepGoing).toBe(true);
});

test("the environment stands in for a flag, and a flag wins over it", () => {
  const env = { MINIBIT_HTTP_PORT: "81", MINIBIT_KEEP_GOING: "1", MINIBIT_SOURCE: "" };
  expect(parse(["3"], env)).toMatchObject({ httpPort: 81, keepGoing: true, source: "arquivos" });
  expect(parse(["3", "--http-port", "82"], env).httpPort).toBe(82);
  expect(parse(["3"], { MINIBIT_KEEP_GOING: "0" }).keepGoing).toBe(false);
});

test("a flag that repeats is a list: of what each said, or with commas between, which is how the environment has it", () => {
  const parseKills = (argv: readonly string[], env: Words["env"] = {}) =>
    parseCommandLine(
      {
        name: "run_full.ts",
        summary: "Runs all.",
        flags: { kill: { value: "peer", help: "ends it", parse: parsePeerId, repeats: true } },
      },
      { argv, env },
    ).kill;
  expect(parseKills([])).toEqual([]);
  expect(parseKills(["--kill", "3", "--kill=1,2"])).toEqual([3, 1, 2]);
  expect(parseKills([], { MINIBIT_KILL: "4,5" })).toEqual([4, 5]);
  expect(parseKills(["--kill", "3"], { MINIBIT_KILL: "4,5" })).toEqual([3]);
  expect(() => parseKills(["--kill", "3,"])).toThrow('Cannot use --kill "": not a whole number');
  expect(() => parseKills(["--help"])).toThrow("ends it; may be repeated");
});

test("of a flag that does not repeat the last one counts", () => {
  expect(parse(["3", "--http-port", "1", "--http-port", "2"]).httpPort).toBe(2);
});

const REFUSALS: readonly (readonly [words: string, message: string])[] = [
  ["", "Cannot run peer.ts: missing required argument 'id' (see bun peer.ts --help)"],
  ["3 4", "Cannot run peer.ts: too many arguments. Expected 1 argument but got 2: 3, 4 (see bun peer.ts --help)"],
  ["3 --trakcer a:1", "Cannot run peer.ts: unknown option '--trakcer' (did you mean --tracker?)"],
  ["3 -x", "Cannot run peer.ts: unknown option '-x' (see bun peer.ts --help)"],
  ["3 --tracker", "Cannot run peer.ts: option '--tracker <host:port>' argument missing (see bun peer.ts --help)"],
  ["x", 'Cannot use <id> "x": not a whole number of 0 to 4294967295'],
  ["3 --http-port 99999", 'Cannot use --http-port "99999": not a whole number of 0 to 65535'],
  ["3 --store dirct", 'Cannot use --store "dirct": not one of auto, folder'],
  ["3 --source=", 'Cannot use --source "": it is empty'],
];

for (const [words, message] of REFUSALS) {
  test(`"${words}" is refused with the flag and what to do`, () => {
    const refusal = refusalOf(words.split(" ").filter((word) => word !== ""));
    expect(refusal.message).toBe(message);
    expect(refusal.exitCode).toBe(2);
  });
}

test("a wrong value in the environment is refused by the variable's name", () => {
  expect(refusalOf(["3"], { MINIBIT_HTTP_PORT: "x" }).message).toBe(
    'Cannot use MINIBIT_HTTP_PORT "x": not a whole number of 0 to 65535',
  );
  expect(refusalOf(["3"], { MINIBIT_KEEP_GOING: "yes" }).message).toStartWith('Cannot use MINIBIT_KEEP_GOING "yes"');
});

test("--help tells every flag, its default and the examples", () => {
  try {
    parse(["--help"]);
    throw new Error("no help");
  } catch (error) {
    expect(error).toBeInstanceOf(HelpAsked);
    expect((error as HelpAsked).message).toBe(`Usage: bun peer.ts [options] <id>

Runs one peer.

Arguments:
  id                     number of the peer

Options:
  --tracker <host:port>  the tracker (default: 127.0.0.1:5000)
  --http-port <number>   port to listen on (default: 8080 + id)
  --store <kind>         how to store (default: auto)
  --source <path>        what to share (default: arquivos)
  --keep-going           never stop
  -h, --help             show this help

Examples:
  bun peer.ts 0

Flags can be set in the environment too: --tracker as MINIBIT_TRACKER.
`);
  }
});
