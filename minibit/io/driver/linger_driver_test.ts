import { expect, test } from "bun:test";
import { LingerDriver } from "./linger_driver.ts";

/** A driver for a receiver whose neighbours lack nothing. */
function driver(lingerMs: number): LingerDriver {
  return new LingerDriver({
    ...{ hasSource: false, lingerMs, trackerTimeoutMs: 300_000 },
    needs: () => ({ isAnyInNeed: false, upBytes: 0, heldBlocks: 0 }),
    onFindPeers: () => undefined,
  });
}

/** Whether it may leave within some milliseconds. */
async function mayLeaveWithin(linger: LingerDriver, ms: number): Promise<boolean> {
  return await Promise.race([linger.mayLeave.then(() => true), Bun.sleep(ms).then(() => false)]);
}

test("a complete peer may leave after it has lingered, by the driver's own timer", async () => {
  const linger = driver(100);
  linger.input({ type: "registered", expected: 0 });
  linger.input({ type: "incomplete_heard", incomplete: 0 });
  expect(await mayLeaveWithin(linger, 50)).toBe(false);
  linger.input({ type: "complete" });
  expect(await mayLeaveWithin(linger, 5000)).toBe(true);
});

test("once stopped it decides nothing, and keeps no timer that would keep the process", async () => {
  const linger = driver(0);
  linger.input({ type: "complete" });
  linger.stop();
  linger.input({ type: "group_done", incomplete: 0 });
  expect(await mayLeaveWithin(linger, 600)).toBe(false);
});
