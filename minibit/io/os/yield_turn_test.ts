import { expect, test } from "bun:test";
import { createTurnYielder } from "./yield_turn.ts";

test("a breather waits only when the job held the event loop for long", async () => {
  let nowMs = 0;
  const breathe = createTurnYielder(() => nowMs);
  expect(breathe()).toBeUndefined();
  nowMs += 10_000;
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  await breathe();
  expect(turned).toBe(true);
  expect(breathe()).toBeUndefined();
});
