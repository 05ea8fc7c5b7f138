import { expect, test } from "bun:test";
import { MAX_BLOCKS, MAX_RECORDING_LINE_BYTES } from "../../core/base/limits.ts";
import type { BoardEvent, TimedEvent } from "../model/board_event.ts";
import { NO_BOARD_STATS } from "../model/swarm_model.ts";
import { eventLine, headerLine, visitRecording, wholeLines } from "./recording.ts";

const ID = "ab".repeat(32);
const share = { name: "a", sizeBytes: 9, blockSizeBytes: 1, blockCount: 9 };
const HEADER = headerLine(new Date(0));
const begins: BoardEvent = { type: "swarm", swarm: ID, share, expected: 2 };
const joins: BoardEvent = {
  ...{ type: "peer", swarm: ID, blocks: [0, 2, 5, 1] },
  peer: { id: 1, name: "<script>", host: "::1", port: 1, seed: false },
};
const stats = {
  ...NO_BOARD_STATS,
  ...{ downBytesPerSecond: 1.5, regular: [1], flows: [[2, 9]], fetching: [[8, 2]], messages: { HELLO: 1 } },
};

function linesOf(...events: unknown[]): string {
  return events.map((event, i) => eventLine({ t: i, event } as TimedEvent)).join("");
}

function read(text: string): TimedEvent[] {
  const events: TimedEvent[] = [];
  visitRecording(Buffer.from(text), { visit: (event) => events.push(event) });
  return events;
}

test("every kind of event reads back as it was written", () => {
  const events: BoardEvent[] = [
    begins,
    { ...begins, swarm: "cd".repeat(32), uplinkBytesPerSecond: 1000, peerUplinks: [[3, 0]] },
    joins,
    { type: "blocks", swarm: ID, peer: 1, blocks: [7, 2] },
    { type: "stats", swarm: ID, peer: 1, stats: stats as unknown as typeof NO_BOARD_STATS },
    { type: "complete", swarm: ID, peer: 1 },
    { type: "departed", swarm: ID, peer: 1, how: "gone" },
    { type: "done", swarm: ID },
    { type: "forgotten", swarm: ID },
  ];
  expect(read(HEADER + linesOf(...events))).toEqual(events.map((event, t) => ({ t, event })));
});

test("what a killed tracker left of its last line is passed over", () => {
  const text = HEADER + linesOf(begins);
  expect(read(`${text}{"t":5,"eve`)).toHaveLength(1);
  expect(Buffer.from(wholeLines(Buffer.from(`${text}{"t"`))).toString()).toBe(text);
});

for (const [what, text, why] of [
  ["an empty file", "", "it has no whole line"],
  ["another kind of file", "root:x:0:0\n", "line 1: it is no recording of MiniBit"],
  ["another kind of JSON", '{"format":"x"}\n', "line 1: format: "],
  ["a later version", HEADER.replace('"version":1', '"version":2'), "line 1: version: "],
  ["a line that is no JSON", `${HEADER}{\n`, "line 2: it is not JSON (cut off?)"],
  ["an unknown event", HEADER + linesOf({ type: "boom", swarm: ID }), "line 2: event.type: "],
  ["a swarm nobody told of", HEADER + linesOf(joins), "line 2: no line before it tells of its swarm"],
  ["a wrong type", HEADER + linesOf(begins, { ...joins, blocks: "0" }), "line 3: event.blocks: "],
  ["a field nobody knows", HEADER + linesOf({ ...begins, html: "<b>" }), "line 2: event.html: "],
  [
    "a huge share",
    HEADER + linesOf({ ...begins, share: { ...share, blockCount: MAX_BLOCKS + 1 } }),
    "line 2: event.share.blockCount: ",
  ],
  [
    "a huge number",
    HEADER + linesOf({ ...begins, share: { ...share, sizeBytes: 1e300 } }),
    "line 2: event.share.sizeBytes: ",
  ],
  [
    "blocks beyond the share",
    HEADER + linesOf(begins, { ...joins, blocks: [8, 2] }),
    "line 3: blocks: not rising runs",
  ],
  [
    "runs that overlap",
    HEADER + linesOf(begins, { ...joins, blocks: [0, 2, 1, 1] }),
    "line 3: blocks: not rising runs",
  ],
  ["half a run", HEADER + linesOf(begins, { ...joins, blocks: [0] }), "line 3: blocks: not rising runs"],
  [
    "unknown messages",
    HEADER + linesOf(begins, { type: "stats", swarm: ID, peer: 1, stats: { ...stats, messages: { X: 1 } } }),
    "line 3: event.stats.messages: unknown type of message",
  ],
  [
    "time that goes back",
    HEADER + eventLine({ t: 5, event: begins }) + eventLine({ t: 4, event: joins }),
    "line 3: its time goes back from 5 to 4",
  ],
  [
    "too many swarms",
    HEADER + linesOf(...Array.from({ length: 65 }, (_, i) => ({ ...begins, swarm: i.toString(16).padStart(64, "0") }))),
    "line 66: there are 65 swarms",
  ],
] as const) {
  test(`${what} is refused, with the line and why`, () => {
    expect(() => read(text)).toThrow(`Cannot read the recording: ${why}`);
  });
}

test("bytes that are no text and lines without end are refused", () => {
  const bytes = Buffer.concat([Buffer.from(HEADER), Buffer.of(0xff, 0xfe, 10)]);
  expect(() => visitRecording(bytes, { failure: "Cannot replay 'x'" })).toThrow(
    "Cannot replay 'x': line 2: it is not UTF-8 text",
  );
  const long = Buffer.alloc(MAX_RECORDING_LINE_BYTES + 2, " ");
  long[long.length - 1] = 10;
  expect(() => visitRecording(Buffer.concat([Buffer.from(HEADER), long]))).toThrow("line 2: it has ");
});
