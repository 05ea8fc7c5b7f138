import { UserError } from "../../core/base/errors.ts";
import type { TimedEvent } from "../model/board_event.ts";

/** A recording's events, in the order of time. */
export interface Recording {
  /** When it was made, as its header says. */
  readonly began: string;
  readonly events: readonly TimedEvent[];
}

/** What the header of a recording says. */
export const FORMAT = "minibit recording";
export const VERSION = 1;

/**
 * Reads a recording. A last line that was cut short, as when the tracker was killed, is passed over.
 *
 * @throws {UserError} it is none, is of another version, or has a line that cannot be read
 */
export function readRecording(text: string): Recording {
  const lines = text.split("\n");
  const header = readLine(lines[0] ?? "") as { format?: unknown; version?: unknown; began?: unknown } | undefined;
  if (header?.format !== FORMAT) {
    throw new UserError("Cannot read the recording: its first line is not a recording's header");
  }
  if (header.version !== VERSION) {
    throw new UserError(`Cannot read the recording: it is of version ${header.version}, this reads version ${VERSION}`);
  }
  const events: TimedEvent[] = [];
  let latest = 0;
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line === "") {
      continue;
    }
    const read = readLine(line) as Partial<TimedEvent> | undefined;
    if (typeof read?.t === "number" && typeof read.event?.type === "string") {
      latest = Math.max(latest, read.t);
      events.push({ t: latest, event: read.event });
    } else if (i < lines.length - 1) {
      throw new UserError(`Cannot read line ${i + 1} of the recording: it is no event`);
    }
  }
  return { began: String(header.began ?? ""), events };
}

/** Whatever a line of JSON holds; undefined when it is none, or no object. */
function readLine(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
