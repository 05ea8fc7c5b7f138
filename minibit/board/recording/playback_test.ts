import { expect, test } from "bun:test";
import fc from "fast-check";
import { BoardModel } from "../model/board_model.ts";
import { livelyEvents } from "../testing/lively_recording.ts";
import { Playback } from "./playback.ts";

const EVENTS = livelyEvents({ peers: 9, blocks: 60, seconds: 10 });
const END_MS = EVENTS.at(-1)?.t ?? 0;

function upTo(t: number): BoardModel {
  const model = new BoardModel();
  for (const event of EVENTS.filter((one) => one.t <= t)) {
    model.apply(event);
  }
  return model;
}

test("wherever one comes from, the board is as if all events up to there had been heard", () => {
  const times = fc.array(fc.integer({ min: -100, max: END_MS + 100 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 200 }), (path, keyframeEvents) => {
      const playback = new Playback(EVENTS, { keyframeEvents });
      for (const t of path) {
        playback.seek(t);
        const [swarm] = playback.model.swarms.values();
        const [expected] = upTo(Math.max(0, t)).swarms.values();
        expect(playback.model.snapshot()).toEqual(upTo(Math.max(0, t)).snapshot());
        expect(swarm?.copies).toEqual(expected?.copies as Uint16Array);
      }
    }),
    { numRuns: 40 },
  );
});

test("going back takes in no more events than lie between two keyframes", () => {
  const playback = new Playback(EVENTS, { keyframeEvents: 20 });
  playback.seek(END_MS);
  let applied = 0;
  const { apply } = BoardModel.prototype;
  BoardModel.prototype.apply = function (this: BoardModel, event) {
    applied += event.t === 0 || EVENTS.includes(event) ? 1 : 0;
    apply.call(this, event);
  };
  try {
    playback.seek(END_MS / 2);
  } finally {
    BoardModel.prototype.apply = apply;
  }
  expect(applied).toBeGreaterThan(0);
  expect(applied).toBeLessThan(60);
});

test("a moment outside of the recording is its beginning or its end", () => {
  const playback = new Playback(EVENTS);
  playback.seek(-1);
  expect(playback.nowMs).toBe(0);
  playback.seek(END_MS + 1);
  expect(playback.nowMs).toBe(END_MS);
  expect(new Playback([]).endMs).toBe(0);
});
