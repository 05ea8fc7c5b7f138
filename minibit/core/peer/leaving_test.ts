import { describe, expect, test } from "bun:test";
import { type LeaveView, leaveOf } from "./leaving.ts";

const LINGER_MS = 5000;
const TRACKER_TIMEOUT_MS = 300_000;

/** A complete receiver of a group of any size whose tracker says that all have everything. */
function view(differs: Partial<LeaveView> = {}): LeaveView {
  return {
    ...{ hasSource: false, expected: 0, isGroupDone: false, isTracked: true, incomplete: 0, hasNeighbourInNeed: false },
    ...{ lingerMs: LINGER_MS, trackerTimeoutMs: TRACKER_TIMEOUT_MS },
    ...differs,
  };
}

describe("without --expect", () => {
  test("a peer leaves when all were complete for as long as it lingers", () => {
    expect(leaveOf(view())).toMatchObject({ isNeeded: false, quietMs: LINGER_MS });
    expect(leaveOf(view({ incomplete: 1 })).isNeeded).toBe(true);
  });

  test("not before the tracker has said anything on this line", () => {
    expect(leaveOf(view({ incomplete: undefined })).isNeeded).toBe(true);
  });

  test("once the tracker has vanished its neighbours decide, and nobody stays for ever", () => {
    const lost = { isTracked: false, incomplete: 3 };
    expect(leaveOf(view({ ...lost, hasNeighbourInNeed: true })).isNeeded).toBe(true);
    expect(leaveOf(view(lost))).toMatchObject({ isNeeded: false, quietMs: LINGER_MS });
  });

  test("who has the source stays", () => {
    for (const isTracked of [true, false]) {
      expect(leaveOf(view({ hasSource: true, isTracked })).isNeeded).toBe(true);
    }
  });
});

describe("with --expect", () => {
  test("a peer stays until its group is done, though nobody here lacks anything: others are to come", () => {
    expect(leaveOf(view({ expected: 5 })).isNeeded).toBe(true);
  });

  test("once the group is done all leave at once, also who has the source", () => {
    for (const hasSource of [true, false]) {
      expect(leaveOf(view({ expected: 5, isGroupDone: true, hasSource }))).toMatchObject({
        isNeeded: false,
        quietMs: 0,
      });
    }
  });

  test("one who is here beyond the number, or lost its disk, is served on, but not for ever when it gets on no more", () => {
    const done = { expected: 5, isGroupDone: true, hasSource: true };
    expect(leaveOf(view({ ...done, incomplete: 1 }))).toMatchObject({ isNeeded: true, patienceMs: LINGER_MS });
    const lost = { ...done, isTracked: false, incomplete: 1 };
    expect(leaveOf(view({ ...lost, hasNeighbourInNeed: true })).isNeeded).toBe(true);
    expect(leaveOf(view(lost))).toMatchObject({ isNeeded: false, quietMs: 0 });
  });

  test("a tracker that vanished is waited for as long as at the start", () => {
    const lost = view({ expected: 5, isTracked: false });
    expect(leaveOf(lost)).toMatchObject({ isNeeded: false, quietMs: TRACKER_TIMEOUT_MS });
  });
});
