import { describe, expect, test } from "bun:test";
import { GONE_AFTER_MS, HEARTBEAT_MS, TRACKER_SILENT_MS } from "../base/limits.ts";
import { RETRY_FULL_MS, RETRY_MS, RETRY_TAKEN_MS, TrackerLine } from "./tracker_line.ts";

/** A line that was opened at time 0. */
function opened(places: readonly string[] = ["here"]): TrackerLine<string> {
  const line = new TrackerLine(places);
  line.opened(places[0] ?? "", 0);
  return line;
}

describe("an id that is taken", () => {
  test("is tried again soon, until whoever fell silent under it is gone", () => {
    const line = opened();
    for (let nowMs = 100; nowMs < 100 + GONE_AFTER_MS; nowMs += RETRY_TAKEN_MS) {
      expect(line.refused("peer id taken", nowMs)).toBe("call again");
      expect(line.retryMs).toBe(RETRY_TAKEN_MS);
    }
    expect(line.refused("peer id taken", 100 + GONE_AFTER_MS)).toBe("give up");
  });

  test("has all that time again once the tracker took us in between", () => {
    const line = opened();
    line.refused("peer id taken", 0);
    line.heard(1000);
    expect(line.retryMs).toBe(RETRY_MS);
    expect(line.refused("peer id taken", GONE_AFTER_MS)).toBe("call again");
    expect(line.refused("peer id taken", 2 * GONE_AFTER_MS)).toBe("give up");
  });

  test("goes on being tried where the line breaks meanwhile, as it does after each refusal", () => {
    const line = opened();
    line.refused("peer id taken", 0);
    expect(line.lost({ isNonsense: false })).toBe("never there");
    line.opened("here", RETRY_TAKEN_MS);
    expect(line.retryMs).toBe(RETRY_TAKEN_MS);
    expect(line.refused("peer id taken", GONE_AFTER_MS)).toBe("give up");
  });
});

test("a tracker without room is called again after a while, for ever", () => {
  const line = opened();
  for (const nowMs of [0, 60_000, 600_000]) {
    expect(line.refused("too many", nowMs)).toBe("put off");
    expect(line.retryMs).toBe(RETRY_FULL_MS);
  }
});

test("any other refusal is final", () => {
  expect(opened().refused("protocol", 0)).toBe("give up");
});

describe("silence", () => {
  /** Beats until the line is given up; returns when. */
  function silentUntil(line: TrackerLine<string>, fromMs: number): number {
    line.opened("here", fromMs);
    for (let nowMs = fromMs + HEARTBEAT_MS; ; nowMs += HEARTBEAT_MS) {
      if (line.beat(nowMs) === "give up") {
        return nowMs - fromMs;
      }
    }
  }

  test("gives up a line at the first beat after it lasted too long", () => {
    expect(silentUntil(opened(), 0)).toBe(Math.ceil(TRACKER_SILENT_MS / HEARTBEAT_MS) * HEARTBEAT_MS);
  });

  test("is borne twice as long with each line, from the third on, up to half a minute", () => {
    const line = opened();
    expect(Array.from({ length: 7 }, (_, i) => silentUntil(line, i * 100_000) / 1000)).toEqual([
      ...[4, 4, 7, 14, 28, 30, 30],
    ]);
  });

  test("is borne as in the beginning once a line was good for long", () => {
    const line = opened();
    for (let i = 0; i < 5; i++) {
      silentUntil(line, i * 100_000);
    }
    line.opened("here", 1e6);
    line.heard(1e6 + 31_000);
    for (let nowMs = 1e6 + HEARTBEAT_MS; nowMs <= 1e6 + 31_500; nowMs += HEARTBEAT_MS) {
      line.heard(nowMs);
      line.beat(nowMs);
    }
    expect(silentUntil(line, 2e6)).toBe(4000);
  });

  test("proves nothing where we were asleep ourselves", () => {
    const line = opened();
    expect(line.beat(HEARTBEAT_MS)).toBe("speak");
    expect(line.beat(60_000)).toBe("speak");
    expect(line.silentMs(60_000)).toBeLessThan(TRACKER_SILENT_MS);
  });
});

describe("what is no tracker", () => {
  test("is not called again, and when nothing else is left that is final", () => {
    const line = opened(["here", "there"]);
    expect(line.lost({ isNonsense: true })).toBe("never there");
    expect(line.callable).toEqual(["there"]);
    line.opened("there", 1000);
    expect(line.lost({ isNonsense: true })).toBe("no tracker");
  });

  test("is never who spoke as one before, though it talks nonsense now", () => {
    const line = opened();
    expect(line.heard(10)).toBe(true);
    expect(line.heard(20)).toBe(false);
    expect(line.lost({ isNonsense: true })).toBe("lost");
    expect(line.callable).toEqual(["here"]);
    line.opened("here", 1000);
    expect(line.heard(1010)).toBe(true);
  });
});
