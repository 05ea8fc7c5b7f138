import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { parseCommandLine } from "../cli/cli.ts";
import { LOG_FLAGS } from "../cli/log_flags.ts";
import { configureLogging, getLogger, type LoggingOptions } from "./logging.ts";

afterEach(() => configureLogging({ level: "off" }));

/** Logs what `speak` says and returns the lines. */
function linesOf(options: Partial<LoggingOptions>, speak: () => void): string[] {
  const lines: string[] = [];
  configureLogging({ level: "debug", write: (line) => lines.push(line), ...options });
  speak();
  return lines;
}

test("a line tells time, level, who and what", () => {
  const lines = linesOf({ who: "peer 3" }, () => {
    getLogger("store").warning("Threw away block {block} of {peer}", { block: 7, peer: "peer 4" });
  });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z warning peer 3 store: Threw away block 7 of peer 4\n$/);
});

test("peers that share a process speak under their own names", () => {
  const lines = linesOf({}, () => {
    getLogger("peer 1", "link").info("up");
    getLogger("peer 2").info("up");
  });
  expect(lines.map((line) => line.replace(/^\S+ /, ""))).toEqual(["info    peer 1 link: up\n", "info    peer 2: up\n"]);
});

test("the level drops what is less severe, off drops all", () => {
  const speak = (): void => {
    const log = getLogger("a");
    log.debug("d");
    log.info("i");
    log.warning("w");
    log.error("e");
  };
  const countAt = (level: LoggingOptions["level"]): number => linesOf({ level }, speak).length;
  expect((["debug", "info", "warning", "error", "off"] as const).map(countAt)).toEqual([4, 3, 2, 1, 0]);
});

test("JSON lines hold time, level, who, the message and its values", () => {
  const lines = linesOf({ json: true, who: "tracker" }, () => getLogger().info("Peer {id} joined", { id: 3 }));
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    "@timestamp": expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    level: "INFO",
    logger: "tracker",
    message: "Peer 3 joined",
    properties: { id: 3 },
  });
});

test("a hostile value can neither forge a line nor move the cursor", () => {
  const hostile = "x\n2026-01-01T00:00:00Z error   peer 0: forged\x1b[2J\x1b[31m\r\u009b{id}";
  for (const json of [false, true]) {
    const values = { name: hostile, id: 3, error: new Error(hostile) };
    const lines = linesOf({ json }, () => getLogger("a").info("Peer {name} joined: {error}", values));
    expect(lines).toHaveLength(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
    expect(lines[0]?.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
    expect(lines[0]).toContain("{id}");
  }
});

test("the file gets the lines too, after what it held", () => {
  const folder = mkdtempSync(join(tmpdir(), "minibit-log-"));
  const file = join(folder, "a.log");
  linesOf({ file, who: "first" }, () => getLogger().info("1"));
  const lines = linesOf({ file, who: "second" }, () => getLogger().info("2"));
  expect(readFileSync(file, "utf8")).toMatch(/ first: 1\n.* second: 2\n$/);
  expect(lines).toHaveLength(1);
  rmSync(folder, { recursive: true });
});

test("a log file that cannot be opened is the user's to mend", () => {
  const open = (): void => configureLogging({ level: "info", file: "/nowhere/minibit/a.log" });
  expect(open).toThrow(UserError);
  expect(open).toThrow('Cannot open the log file "/nowhere/minibit/a.log": there is no such file or folder');
  const folder = (): void => configureLogging({ level: "info", file: "/" });
  expect(folder).toThrow('Cannot open the log file "/": a folder is in its place');
});

test.if(existsSync("/dev/full"))("a full disk under the log file stops the log, not the process", () => {
  const lines = linesOf({ file: "/dev/full" }, () => {
    getLogger("a").info("1");
    getLogger("a").info("2");
  });
  expect(lines).toHaveLength(2);
});

test("the log goes to stderr and the flags are as documented", () => {
  const code = `import { configureLogging, getLogger } from ${JSON.stringify(join(import.meta.dir, "logging.ts"))};
    configureLogging({ level: "info", who: "peer 1" });
    getLogger().info("hello");`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", code]);
  expect(stdout.toString()).toBe("");
  expect(stderr.toString()).toEndWith(" info    peer 1: hello\n");

  const parse = (...argv: string[]) =>
    parseCommandLine({ name: "a.ts", summary: "", flags: LOG_FLAGS }, { argv, env: {} });
  expect(parse()).toEqual({ logLevel: "info", logFile: undefined, json: false });
  expect(parse("--log-level", "debug", "--log-file", "a.log", "--json").logLevel).toBe("debug");
  expect(() => parse("--log-level", "loud")).toThrow('Cannot use --log-level "loud": not one of debug, info');
});
