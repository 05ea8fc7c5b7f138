// Room board/recording: events of the board to a file and back, every line of it checked.
// No drawing, no HTTP.

/** A recording as text: what a line may hold. What others wrote is checked line by line before anybody draws it. */
import * as v from "valibot";
import { UserError } from "../../core/base/errors.ts";
import {
  MAX_BLOCKS,
  MAX_FETCHES_TOLD,
  MAX_LINKS,
  MAX_NAME_BYTES,
  MAX_RECORDING_BYTES,
  MAX_RECORDING_LINE_BYTES,
  MAX_SWARM_PEERS,
  MAX_SWARMS,
  MAX_TRACKED_BLOCKS,
} from "../../core/base/limits.ts";
import { ACTIVITIES } from "../../core/wire/activity.ts";
import { eachStat, RATE_NAMES, TOTAL_NAMES } from "../../core/wire/peer_stats_table.ts";
import { PEER_MESSAGES } from "../../core/wire/peer_wire.ts";
import type { HeldBlocks, TimedEvent } from "../model/board_event.ts";
import { FORMAT, VERSION } from "./read_recording.ts";

/** The first bytes of every recording. */
export const RECORDING_BEGINS = `{"format":"${FORMAT}"`;

/** The first line of a recording; `began`: the moment from which the events' times count. */
export function headerLine(began: Date): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, began: began.toISOString() })}\n`;
}

/** Any other line. */
export function eventLine(event: TimedEvent): string {
  return `${JSON.stringify(event)}\n`;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const id = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff));
const rate = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const name = v.pipe(v.string(), v.maxBytes(MAX_NAME_BYTES));
const swarm = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const runs = v.pipe(v.array(count), v.maxLength(MAX_BLOCKS + 1));
const peers = v.pipe(v.array(id), v.maxLength(MAX_LINKS));

const stats = v.strictObject({
  ...eachStat(RATE_NAMES, () => rate),
  ...eachStat(TOTAL_NAMES, () => count),
  regular: peers,
  optimistic: peers,
  chokedBy: count,
  neighbours: count,
  activity: v.picklist(ACTIVITIES),
  flows: v.pipe(v.array(v.strictTuple([id, rate])), v.maxLength(MAX_LINKS)),
  fetching: v.pipe(v.array(v.strictTuple([id, id])), v.maxLength(MAX_FETCHES_TOLD)),
  messages: v.pipe(
    v.record(v.string(), count),
    v.check((messages) => Object.keys(messages).every((type) => type in PEER_MESSAGES), "unknown type of message"),
  ),
});

const event = v.variant("type", [
  v.strictObject({
    type: v.literal("swarm"),
    swarm,
    share: v.strictObject({
      name,
      sizeBytes: count,
      blockSizeBytes: count,
      blockCount: v.pipe(count, v.maxValue(MAX_BLOCKS)),
    }),
    expected: count,
    uplinkBytesPerSecond: v.exactOptional(rate),
    peerUplinks: v.exactOptional(v.array(v.strictTuple([id, rate]))),
  }),
  v.strictObject({
    type: v.literal("peer"),
    swarm,
    peer: v.strictObject({ id, name, host: name, port: count, seed: v.boolean() }),
    blocks: runs,
  }),
  v.strictObject({ type: v.literal("blocks"), swarm, peer: id, blocks: runs }),
  v.strictObject({ type: v.literal("stats"), swarm, peer: id, stats }),
  v.strictObject({ type: v.literal("complete"), swarm, peer: id }),
  v.strictObject({ type: v.literal("departed"), swarm, peer: id, how: v.picklist(["left", "gone"]) }),
  v.strictObject({ type: v.literal("done"), swarm }),
  v.strictObject({ type: v.literal("forgotten"), swarm }),
]);
const timedEvent = v.strictObject({ t: count, event });
const header = v.strictObject({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  began: v.pipe(v.string(), v.isoTimestamp()),
});

/** What a recording tells of a swarm, as far as later lines must fit it. */
interface Known {
  readonly blockCount: number;
  readonly peers: Set<number>;
}

/**
 * Reads the lines of a recording one after the other, and refuses what no tracker of ours would have written.
 *
 * @param bytes the whole file; what follows the last whole line is passed over
 * @param options `failure`: what could not be done, for the message; `visit`: told of each event
 * @throws {UserError} naming the line and what is wrong with it
 */
export function visitRecording(
  bytes: Uint8Array,
  options: { readonly failure?: string; readonly visit?: (event: TimedEvent) => void } = {},
): void {
  const { failure = "Cannot read the recording", visit } = options;
  try {
    checkLines(bytes, visit);
  } catch (error) {
    if (error instanceof BadLine) {
      throw new UserError(`${failure}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

class BadLine extends Error {}

function checkLines(bytes: Uint8Array, visit: ((event: TimedEvent) => void) | undefined): void {
  if (bytes.length > MAX_RECORDING_BYTES) {
    throw new BadLine(`it has ${bytes.length} bytes, at most ${MAX_RECORDING_BYTES} are allowed`);
  }
  const known = new Map<string, Known>();
  let lastMs = 0;
  let isHeader = true;
  for (const { number, line } of linesOf(wholeLines(bytes))) {
    if (isHeader) {
      parseLine(header, line, number);
      isHeader = false;
      continue;
    }
    const timed: TimedEvent = parseLine(timedEvent, line, number);
    if (timed.t < lastMs) {
      refuse(number, `its time goes back from ${lastMs} to ${timed.t}`);
    }
    lastMs = timed.t;
    checkSwarm(timed, known, number);
    visit?.(timed);
  }
  if (isHeader) {
    throw new BadLine("it has no whole line");
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const NEWLINE = 10;

/** Without a last line that has no end: a tracker that was killed may leave one. */
export function wholeLines<B extends Uint8Array>(bytes: B): B {
  return bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1) as B;
}

function* linesOf(bytes: Uint8Array): Generator<{ readonly number: number; readonly line: string }> {
  let number = 0;
  for (let at = 0; at < bytes.length; ) {
    number++;
    const end = bytes.indexOf(NEWLINE, at);
    if (end - at > MAX_RECORDING_LINE_BYTES) {
      refuse(number, `it has ${end - at} bytes, at most ${MAX_RECORDING_LINE_BYTES} are allowed`);
    }
    yield { number, line: decode(bytes.subarray(at, end), number) };
    at = end + 1;
  }
}

function decode(bytes: Uint8Array, number: number): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return refuse(number, "it is not UTF-8 text");
  }
}

function parseLine<S extends typeof header | typeof timedEvent>(
  schema: S,
  line: string,
  number: number,
): v.InferOutput<S> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return refuse(number, schema === header ? "it is no recording of MiniBit" : "it is not JSON (cut off?)");
  }
  const result = v.safeParse(schema, value, { abortEarly: true, abortPipeEarly: true });
  if (result.success) {
    return result.output;
  }
  const [issue] = result.issues;
  const where = v.getDotPath(issue);
  return refuse(number, `${where === null ? "" : `${where}: `}${issue.message}`);
}

/** An event must fit what was told of its swarm before. */
function checkSwarm({ event: told }: TimedEvent, known: Map<string, Known>, number: number): void {
  if (told.type === "swarm") {
    known.set(told.swarm, { blockCount: told.share.blockCount, peers: new Set() });
    const blocks = [...known.values()].reduce((sum, { blockCount }) => sum + blockCount, 0);
    if (known.size > MAX_SWARMS || blocks > MAX_TRACKED_BLOCKS) {
      refuse(number, `there are ${known.size} swarms of ${blocks} blocks in all, more than a tracker keeps`);
    }
    return;
  }
  const swarmKnown = known.get(told.swarm);
  if (swarmKnown === undefined) {
    refuse(number, "no line before it tells of its swarm");
  }
  const { blockCount, peers: here } = swarmKnown;
  if (told.type === "forgotten") {
    known.delete(told.swarm);
  } else if (told.type === "peer") {
    here.add(told.peer.id);
    if (here.size > MAX_SWARM_PEERS) {
      refuse(number, `its swarm has ${here.size} peers, more than a tracker keeps`);
    }
  } else if (told.type === "departed") {
    here.delete(told.peer);
  }
  if ((told.type === "peer" || told.type === "blocks") && !areRuns(told.blocks, blockCount)) {
    refuse(number, `blocks: not rising runs within the ${blockCount} blocks of the share`);
  }
  if (told.type === "stats" && told.stats.fetching.some(([block]) => block >= blockCount)) {
    refuse(number, `fetching: the share has ${blockCount} blocks`);
  }
}

function areRuns(blocks: HeldBlocks, blockCount: number): boolean {
  if (typeof blocks === "string") {
    return false; // in snapshots only
  }
  let free = 0;
  for (let i = 0; i < blocks.length; i += 2) {
    const first = blocks[i] ?? 0;
    const length = blocks[i + 1] ?? 0;
    if (first < free || length < 1 || first + length > blockCount) {
      return false;
    }
    free = first + length;
  }
  return true;
}

function refuse(number: number, why: string): never {
  throw new BadLine(`line ${number}: ${why}`);
}
