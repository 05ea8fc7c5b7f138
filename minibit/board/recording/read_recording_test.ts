import { expect, test } from "bun:test";
import { livelyEvents, toRecording } from "../testing/lively_recording.ts";
import { readRecording } from "./read_recording.ts";

const EVENTS = livelyEvents({ peers: 4, blocks: 10, seconds: 3 });
const TEXT = toRecording(EVENTS);

test("a recording reads back as its events", () => {
  expect(readRecording(TEXT).events).toEqual(EVENTS);
  expect(readRecording(TEXT).began).toBe("2026-01-02T03:04:05.000Z");
});

test("a last line that was cut short is passed over", () => {
  expect(readRecording(TEXT.slice(0, -10)).events).toEqual(EVENTS.slice(0, -1));
});

test("time never runs backwards", () => {
  const [header, first] = TEXT.split("\n");
  const late = JSON.stringify({ ...JSON.parse(first ?? ""), t: 500 });
  expect(readRecording([header, late, first].join("\n")).events.map(({ t }) => t)).toEqual([500, 500]);
});

test.each([
  ["", "Cannot read the recording: its first line is not a recording's header"],
  ["[1]\n", "Cannot read the recording: its first line is not a recording's header"],
  [
    `{"format":"minibit recording","version":2}\n`,
    "Cannot read the recording: it is of version 2, this reads version 1",
  ],
  [`${TEXT.split("\n")[0]}\n{"t":1}\n${TEXT.split("\n")[1]}\n`, "Cannot read line 2 of the recording: it is no event"],
  [`${TEXT.split("\n")[0]}\nnull\n{}\n`, "Cannot read line 2 of the recording: it is no event"],
])("%j is refused", (text, message) => {
  expect(() => readRecording(text)).toThrow(message);
});
