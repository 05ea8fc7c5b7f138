import { expect, test } from "bun:test";
import { createTurnYielder } from "./yield_turn.ts";

test("a turn yielder waits only when the job held the event loop for long", async () => {
  let nowMs = 0;
  const yieldTurn = createTurnYielder(() => nowMs);
  expect(yieldTurn()).toBeUndefined();
  nowMs += 10_000;
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  await yieldTurn();
  expect(turned).toBe(true);
  expect(yieldTurn()).toBeUndefined();
});
