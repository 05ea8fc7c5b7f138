/**
 * The log: one line an event, with time, level and who speaks. It goes to stderr (results go to stdout) and, if asked, to a file.
 *
 * Colours on a terminal, plain text with full dates elsewhere, JSON lines with `--json`. Control characters in logged values
 * are escaped: a peer's name can neither move the cursor nor forge a line. Nothing outside this file knows the library
 * underneath; until `configureLogging` is called (in most tests) every line is dropped.
 */
import { openSync, writeSync } from "node:fs";
import {
  configureSync,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getTextFormatter,
  type Logger,
  type LogRecord,
  type TextFormatter,
  getLogger as toLogger,
} from "@logtape/logtape";
import { diskError } from "./disk_error.ts";

export type { Logger } from "@logtape/logtape";

const ROOT = "minibit";
/** What may be logged, from everything to nothing. */
export const LOG_LEVELS = ["debug", "info", "warning", "error", "off"] as const;

/** The least severe level that is still logged. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How to log. */
export interface LoggingOptions {
  readonly level: LogLevel;
  /** A file the log is appended to as well. */
  readonly file?: string | undefined;
  readonly json?: boolean;
  /** Who speaks in this process, in front of every line: `peer 3`. */
  readonly who?: string;
  /** Takes each line, newline included, in place of stderr: progress bars print it above themselves. */
  readonly write?: (line: string) => void;
}

/**
 * Sets up the log of this process; calling it again replaces the set-up.
 *
 * @example
 * ```ts
 * const { logLevel, logFile, json } = parseCommandLine({ name: "peer.ts", summary: "...", flags: LOG_FLAGS });
 * configureLogging({ level: logLevel, file: logFile, json, who: "peer 3" });
 * ```
 * @throws {UserError} when the file cannot be opened
 */
export function configureLogging(options: LoggingOptions): void {
  const { level, file, json = false, who, write = toStderr } = options;
  const coloured = process.stderr.isTTY === true && !process.env["NO_COLOR"];
  const outputs = [{ format: json ? asJson : coloured ? asColours : asText, write }];
  if (file !== undefined) {
    outputs.push({ format: json ? asJson : asText, write: appendTo(file) });
  }
  configureSync({
    reset: true,
    sinks: {
      outputs: (record) => {
        const spoken = toSpoken(record, who);
        for (const output of outputs) {
          output.write(output.format(spoken));
        }
      },
    },
    loggers: [
      { category: [ROOT], sinks: ["outputs"], lowestLevel: level === "off" ? null : level },
      { category: ["logtape", "meta"], sinks: ["outputs"], lowestLevel: "error" },
    ],
  });
}

/**
 * A logger; modules name themselves, and where several peers share a process the peer as well.
 *
 * Put values into braces, not into the text: they are escaped, and they are fields of their own in JSON.
 *
 * @example
 * ```ts
 * const log = getLogger("store");
 * log.warning("Threw away block {block} of {peer}: its hash is wrong", { block, peer });
 * ```
 */
export function getLogger(...path: readonly string[]): Logger {
  return toLogger([ROOT, ...path]);
}

/** The record as we tell it: who speaks in the place of the project's name, errors by their message. */
function toSpoken(record: LogRecord, who: string | undefined): LogRecord {
  return {
    ...record,
    category: [...(who === undefined ? [] : [who]), ...record.category.slice(1)],
    // the library would write an error with its stack, over several lines and unescaped
    message: record.message.map((part) => (part instanceof Error ? part.message : part)),
  };
}

const text = {
  level: "full",
  category: " ",
  value: "bare",
  sanitize: { sgr: "escape", newlines: "escape" },
} as const;

const asText: TextFormatter = getTextFormatter({
  ...text,
  timestamp: "rfc3339",
  format: ({ timestamp, level, category, message }) => `${timestamp} ${level.padEnd(7)} ${category}: ${message}`,
});
const asColours: TextFormatter = getAnsiColorFormatter({
  ...text,
  timestamp: "time",
  timeZone: null,
  format: ({ timestamp, level, category, message }) => `${timestamp} ${level} ${category} ${message}`,
});
const asJson: TextFormatter = getJsonLinesFormatter({ categorySeparator: " " });

function toStderr(line: string): void {
  process.stderr.write(line);
}

/** A writer that appends to `path`. A disk that fills up silences it, after one word on stderr: the copy matters more. */
function appendTo(path: string): (line: string) => void {
  let file: number | undefined;
  try {
    file = openSync(path, "a");
  } catch (error) {
    throw diskError(`Cannot open the log file ${JSON.stringify(path)}`, error);
  }
  return (line) => {
    try {
      if (file !== undefined) {
        writeSync(file, line);
      }
    } catch (error) {
      file = undefined;
      toStderr(`Cannot go on with the log file ${JSON.stringify(path)}: ${reasonOf(error)}\n`);
    }
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
