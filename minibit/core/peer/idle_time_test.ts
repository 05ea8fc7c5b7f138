import { expect, test } from "bun:test";
import { LiveLink } from "../link/link.ts";
import { idleReasonOf, Stopwatch, UplinkWatch } from "./idle_time.ts";

const BUSY = { idle: undefined, isComplete: false } as const;

test("time without a unit on its way is kept by its reason, until everything is held", () => {
  const watch = new Stopwatch(100);
  watch.note({ ...BUSY, idle: "nothing to ask" }, 100);
  watch.note({ ...BUSY, idle: "choked" }, 130);
  watch.note(BUSY, 180);
  watch.note({ ...BUSY, isComplete: true }, 400);
  watch.note({ ...BUSY, isComplete: true }, 900);
  const { leechingMs, idleMs } = watch.read(1000);
  expect(leechingMs).toBe(300);
  expect(idleMs).toEqual({ "nothing to ask": 30, choked: 50 });
});

test("the uplink is idle only while somebody wants blocks and nothing is asked or on its way out", () => {
  const watch = new UplinkWatch();
  watch.note({ isWanted: false, isBusy: false }, 0);
  watch.note({ isWanted: false, isBusy: true }, 1000);
  watch.note({ isWanted: true, isBusy: true }, 1100);
  watch.note({ isWanted: true, isBusy: true }, 1500);
  watch.note({ isWanted: true, isBusy: false }, 1700);
  watch.note({ isWanted: true, isBusy: false }, 2000);
  watch.note({ isWanted: false, isBusy: false }, 2200);
  watch.note({ isWanted: false, isBusy: false }, 5000);
  // half of each change, and all between
  expect(watch.use).toEqual({ wantedMs: 50 + 900 + 100, idleMs: 100 + 300 + 100 });
});

test("idleReasonOf() blames the choking only of those who have something", () => {
  const link = (useful: number, choked: boolean) => {
    const made = new LiveLink(1, { peerId: 1, dialed: undefined, nowMs: 0 });
    made.download.countUseful(useful);
    if (!choked) {
      made.download.unchoke();
    }
    return made;
  };
  expect(idleReasonOf([link(0, true), link(3, false)])).toBe("nothing to ask");
  expect(idleReasonOf([link(0, false), link(1, true)])).toBe("choked");
});
