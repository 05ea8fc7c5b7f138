import { expect, test } from "bun:test";
import { createBreather } from "./breather.ts";

test("a breather waits only when the job held the event loop for long", async () => {
  const breathe = createBreather();
  expect(breathe()).toBeUndefined();

  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const endMs = performance.now() + 200;
  while (performance.now() < endMs) {
    await breathe();
  }
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
  expect(breathe()).toBeUndefined();
});
