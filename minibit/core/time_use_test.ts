import { expect, test } from "bun:test";
import { liveLink } from "./link.ts";
import { idleReasonOf, Stopwatch } from "./time_use.ts";

const BUSY = { idle: undefined, isComplete: false, isGiving: false } as const;

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

test("the uplink is idle between the first unit given and the last, not before and not after", () => {
  const watch = new Stopwatch(0);
  watch.note({ ...BUSY, isGiving: true }, 100);
  watch.note(BUSY, 150);
  watch.note({ ...BUSY, isGiving: true }, 170);
  expect(watch.read(180)).toMatchObject({ givingMs: 80, uplinkIdleMs: 20 });
  watch.note(BUSY, 200);
  expect(watch.read(500)).toMatchObject({ givingMs: 100, uplinkIdleMs: 20 });
});

test("a peer that gave nothing was not idle", () => {
  expect(new Stopwatch(0).read(10)).toMatchObject({ givingMs: 0, uplinkIdleMs: 0 });
});

test("idleReasonOf() blames the choking only of those who have something", () => {
  const link = (useful: number, choked: boolean) => {
    const made = liveLink(1, { peerId: 1, dialed: undefined, nowMs: 0 });
    Object.assign(made.download, { useful, choked });
    return made;
  };
  expect(idleReasonOf([link(0, true), link(3, false)])).toBe("nothing to ask");
  expect(idleReasonOf([link(0, false), link(1, true)])).toBe("choked");
});
