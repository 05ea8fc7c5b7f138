import { expect, test } from "bun:test";
import { formatClock, formatCount } from "./formats.ts";

test("a clock shows hours only when there are some", () => {
  expect(formatClock(0)).toBe("0:00");
  expect(formatClock(7_999)).toBe("0:07");
  expect(formatClock(750_000)).toBe("12:30");
  expect(formatClock(3_723_000)).toBe("1:02:03");
  expect(formatClock(-5)).toBe("0:00");
});

test("one of something is told apart from none and from many", () => {
  expect([0, 1, 2].map((count) => formatCount(count, "peer"))).toEqual(["0 peers", "1 peer", "2 peers"]);
});
