import { expect, test } from "bun:test";
import { LINE_SILENT_BEATS } from "./limits.ts";
import { type LineCare, LineWatch } from "./line_watch.ts";

const BUSY = { isBusy: true, isDeaf: false };
const IDLE = { isBusy: false, isDeaf: false };

function beats(watch: LineWatch, count: number, now = BUSY): LineCare[] {
  return Array.from({ length: count }, () => watch.beat(now));
}

test("a line on which something is owed and nothing comes is given up, after a word in each heartbeat", () => {
  const watch = new LineWatch();
  expect(watch.beat(BUSY)).toBe("nothing"); // it was opened a moment ago
  expect(beats(watch, LINE_SILENT_BEATS)).toEqual([...Array(LINE_SILENT_BEATS - 1).fill("speak"), "give up"]);
});

test("what was said anyway needs no word more", () => {
  const watch = new LineWatch();
  watch.beat(BUSY);
  watch.heard();
  watch.spoke();
  expect(watch.beat(BUSY)).toBe("nothing");
  watch.heard();
  expect(watch.beat(BUSY)).toBe("speak");
});

test("anything that comes is a sign of life", () => {
  const watch = new LineWatch();
  for (let i = 0; i < 5; i++) {
    expect(beats(watch, LINE_SILENT_BEATS)).not.toContain("give up");
    watch.heard();
  }
});

test("where nobody owes anything silence means nothing, and costs nothing", () => {
  const watch = new LineWatch();
  expect(beats(watch, 100, IDLE)).toEqual(Array(100).fill("nothing"));
  expect(beats(watch, LINE_SILENT_BEATS - 1)).not.toContain("give up");
});

test("who does not read cannot tell", () => {
  const watch = new LineWatch();
  expect(beats(watch, 100, { isBusy: true, isDeaf: true })).not.toContain("give up");
});
