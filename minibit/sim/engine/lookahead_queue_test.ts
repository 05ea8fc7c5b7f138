import { expect, test } from "bun:test";
import fc from "fast-check";
import { EventQueue } from "./event_queue.ts";
import { LookaheadQueue } from "./lookahead_queue.ts";

const WINDOW_MS = 4;
const HOSTS = 3;
const LIMIT = 400;

interface Seen {
  readonly atMs: number;
  readonly name: string;
  readonly host: number;
}

/**
 * Plays what hosts do to themselves (at any time from now) and to others (a window later at the soonest), by `rules`, and
 * returns what each lived through.
 */
function play(queue: EventQueue<Seen> | LookaheadQueue<Seen>, rules: readonly Rule[]): Seen[][] {
  const lives: Seen[][] = Array.from({ length: HOSTS }, () => []);
  for (let host = 0; host < HOSTS; host++) {
    queue.add(host, { atMs: host, name: `${host}`, host }, host);
  }
  for (let seen = queue.shift(), left = LIMIT; seen !== undefined && left > 0; seen = queue.shift(), left--) {
    const { atMs, name, host } = seen;
    expect(queue.nowMs).toBe(atMs);
    lives[host]?.push(seen);
    for (const [i, { from, to, delayMs }] of rules.entries()) {
      // each rule once a name's generation: names grow, so that the play ends
      if (from === host && name.length < 5) {
        const next = atMs + delayMs + (to === host ? 0 : WINDOW_MS);
        queue.add(next, { atMs: next, name: `${name}${i}`, host: to }, to);
      }
    }
  }
  return lives;
}

interface Rule {
  readonly from: number;
  readonly to: number;
  readonly delayMs: number;
}

const host = fc.nat(HOSTS - 1);
// no two sums of these delays are alike: hosts that act at the same moment may do so in either order
const rule = fc.record({ from: host, to: host, delayMs: fc.double({ min: 0.001, max: 9, noNaN: true }) });

test("each host lives through the same as when all live by one time", () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 3 }), (rules) => {
      const byTime = play(new EventQueue(), rules);
      fc.pre(byTime.flat().length < LIMIT && byTime.every((life) => isStrict(life)));
      expect(play(new LookaheadQueue(WINDOW_MS), rules)).toEqual(byTime);
    }),
    { numRuns: 500 },
  );
});

function isStrict(life: readonly Seen[]): boolean {
  return life.every(({ atMs }, i) => i === 0 || atMs > (life[i - 1]?.atMs ?? 0));
}

test("events of one time come in the order in which they were added", () => {
  const queue = new LookaheadQueue<string>(WINDOW_MS);
  for (const [name, atMs] of [
    ["a", 9],
    ["b", 8],
    ["c", 9],
    ["d", 1],
    ["e", 8],
  ] as const) {
    queue.add(atMs, name, 0);
  }
  expect(queue.length).toBe(5);
  expect([1, 2, 3, 4, 5, 6].map(() => queue.shift())).toEqual(["d", "b", "e", "a", "c", undefined]);
  expect(queue.length).toBe(0);
});

test("hosts take turns within a window, and time goes back between them", () => {
  const queue = new LookaheadQueue<string>(WINDOW_MS);
  queue.add(1, "a1", 0);
  queue.add(2, "b2", 1);
  queue.add(3, "a3", 0);
  queue.add(5, "a5", 0);
  queue.add(4, "b4", 1);
  expect(queue.shift()).toBe("a1");
  queue.add(1, "a1 too", 0);
  expect([1, 2, 3, 4, 5].map(() => queue.shift())).toEqual(["a1 too", "a3", "b2", "a5", "b4"]);
  expect(queue.nowMs).toBe(4);
});

test("an event that its host should have lived through already is refused", () => {
  const queue = new LookaheadQueue<string>(WINDOW_MS);
  queue.add(3, "a", 0);
  queue.shift();
  expect(() => queue.add(2, "b", 0)).toThrow("host 0 is at 3 ms: too late for 2 ms");
});
