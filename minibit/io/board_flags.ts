import { type Flags, parseText } from "./cli.ts";

/** Flags of the scripts that keep what the board showed. */
export const BOARD_FLAGS = {
  record: {
    value: "file",
    help: "write all that happens to this file, for --replay; an older recording in its place is replaced",
    parse: parseText,
  },
  export: {
    value: "file.html",
    help: "with --record, or --replay: write the board as one page that needs no server; an older one is replaced",
    parse: parseText,
  },
} as const satisfies Flags;

/** What a run tells the tracker: where to record, and what each uplink carries. */
export function trackerFlagsOf(options: { readonly record: string | undefined; readonly uplink: number }): string[] {
  const { record, uplink } = options;
  return [
    ...(record === undefined ? [] : ["--record", record]),
    ...(Number.isFinite(uplink) ? ["--uplink", `${Math.round(uplink)}B/s`] : []),
  ];
}
