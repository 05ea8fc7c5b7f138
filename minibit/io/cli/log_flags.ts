import { LOG_LEVELS } from "../os/logging.ts";
import { type Flags, oneOf, parseText } from "./cli.ts";

/** The flags of every script that logs; spread them into its own. */
export const LOG_FLAGS = {
  logLevel: {
    value: "level",
    help: `least severe lines to log: ${LOG_LEVELS.join(", ")}`,
    parse: oneOf(...LOG_LEVELS),
    default: "info",
  },
  logFile: { value: "path", help: "also append the log to this file", parse: parseText },
  json: { help: "write log lines as JSON" },
} as const satisfies Flags;
