import { expect, test } from "bun:test";
import { parseReport } from "./peer_report.ts";
import { listeningText, parseTrackerReport } from "./tracker_report.ts";

const LISTENING = { event: "listening", host: "10.0.0.1", port: 5000, boardUrl: "http://10.0.0.1:8080/" } as const;

test("a tracker's event is read as it was written, and said to people", () => {
  expect(parseTrackerReport(JSON.stringify(LISTENING))).toEqual(LISTENING);
  expect(listeningText(LISTENING)).toBe("Tracker listening on 10.0.0.1:5000, board on http://10.0.0.1:8080/");
});

test("a peer's event is read as it was written", () => {
  const ready = { event: "ready", host: "127.0.0.1", port: 6000 } as const;
  expect(parseReport(JSON.stringify(ready))).toEqual(ready);
});

test.each([
  ["words", "Tracker listening on 10.0.0.1:5000, board on http://10.0.0.1:8080/"],
  ["half a line", '{"event":"listening","host":"10.0'],
  ["another event", '{"event":"left"}'],
  ["a field of another type", JSON.stringify({ ...LISTENING, port: "5000" })],
  ["a field that is missing", '{"event":"listening","host":"10.0.0.1"}'],
  ["no object", "{}"],
])("%s is no event", (_, line) => {
  expect(parseTrackerReport(line)).toBeUndefined();
  expect(parseReport(line)).toBeUndefined();
});
