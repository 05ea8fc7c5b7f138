import { parsePeerId, parseRate, UnitError } from "../os/units.ts";
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

/** How the uplink of a peer is written that gives nothing. */
const NO_UPLINK = "none";

/** Reads `4=100KiB/s`, or `4=none`: a peer and what its uplink carries. @throws {UnitError} */
export function parsePeerUplink(text: string): readonly [peer: number, bytesPerSecond: number] {
  const at = text.indexOf("=");
  if (at < 0) {
    throw new UnitError("peer", text, "no peer and '=' in front (write it like 4=100KiB/s)");
  }
  const [id, rate] = [text.slice(0, at), text.slice(at + 1)];
  if (rate === "0") {
    throw new UnitError("peer", text, `0 is nothing (write ${NO_UPLINK} for a peer that gives nothing)`);
  }
  return [parsePeerId(id), rate === NO_UPLINK ? 0 : parseRate(rate)];
}

/** What a run tells the tracker: where to record, and what each uplink carries. Without a limit nobody knows. */
export function trackerFlagsOf(options: {
  readonly record: string | undefined;
  readonly uplink: number;
  /** Those of peers that carry something else. */
  readonly peerUplinks?: ReadonlyMap<number, number>;
}): string[] {
  const { record, uplink, peerUplinks = new Map<number, number>() } = options;
  const isKnown = [uplink, ...peerUplinks.values()].every(Number.isFinite);
  const rateText = (rate: number): string => (rate === 0 ? NO_UPLINK : `${Math.round(rate)}B/s`);
  return [
    ...(record === undefined ? [] : ["--record", record]),
    ...(isKnown ? ["--uplink", rateText(uplink)] : []),
    ...(isKnown ? [...peerUplinks].flatMap(([id, rate]) => ["--peer-uplink", `${id}=${rateText(rate)}`]) : []),
  ];
}
