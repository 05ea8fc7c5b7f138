import * as v from "valibot";
import { formatAddress } from "../os/units.ts";
import { parseEvent } from "./event_line.ts";

const TRACKER_REPORT = v.variant("event", [
  /** Peers may come, and people may look. */
  v.object({
    event: v.literal("listening"),
    /** Where peers call it; the first of its addresses. */
    host: v.string(),
    port: v.number(),
    boardUrl: v.string(),
  }),
]);

/** What a tracker tells of its work: as JSON, a line each, to a program that asked for `--events`. */
export type TrackerReport = v.InferOutput<typeof TRACKER_REPORT>;

/** Reads a line of a tracker that was started with `--events`; undefined when it is no report. */
export function parseTrackerReport(line: string): TrackerReport | undefined {
  return parseEvent(TRACKER_REPORT, line);
}

/** Says it to people. */
export function listeningText({ host, port, boardUrl }: TrackerReport): string {
  return `Tracker listening on ${formatAddress({ host, port })}, board on ${boardUrl}`;
}
