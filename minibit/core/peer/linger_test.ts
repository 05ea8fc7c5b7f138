import { describe, expect, test } from "bun:test";
import { FIND_PEERS_MS } from "../base/limits.ts";
import { LEAVE_CHECK_MS, Linger, type LingerInput, type LingerOptions, type NeighbourNeeds } from "./linger.ts";

const LINGER_MS = 5000;
const TRACKER_TIMEOUT_MS = 300_000;

/** A peer on a clock of its own; `needs` is what it sees of its neighbours. */
class Lingering {
  needs: NeighbourNeeds = { isAnyInNeed: false, upBytes: 0, heldBlocks: 0 };
  nowMs = 0;
  readonly outputs: string[] = [];
  readonly #core: Linger;

  constructor(options: Partial<LingerOptions> = {}) {
    this.#core = new Linger({
      ...{ hasSource: false, lingerMs: LINGER_MS, trackerTimeoutMs: TRACKER_TIMEOUT_MS, needs: () => this.needs },
      ...options,
    });
  }

  hears(...inputs: LingerInput[]): this {
    for (const input of inputs) {
      this.outputs.push(...this.#core.handle(input, this.nowMs).map(({ type }) => type));
    }
    return this;
  }

  /** Lets time pass, with a tick whenever one is due; returns when it could leave, if it could. */
  runTo(endMs: number): number | undefined {
    while (!this.mayLeave && this.#core.nextDeadlineMs() <= endMs) {
      this.nowMs = this.#core.nextDeadlineMs();
      this.hears({ type: "tick" });
    }
    const leftMs = this.mayLeave ? this.nowMs : undefined;
    this.nowMs = Math.max(this.nowMs, endMs);
    return leftMs;
  }

  get mayLeave(): boolean {
    return this.outputs.includes("may_leave");
  }
}

const COMPLETE = { type: "complete" } as const;

function registered(expected = 0): LingerInput {
  return { type: "registered", expected };
}

function incomplete(incomplete: number): LingerInput {
  return { type: "incomplete_heard", incomplete };
}

test("a peer that is not complete asks for no ticks and never may leave", () => {
  const peer = new Lingering().hears(registered(2), { type: "group_done", incomplete: 0 });
  expect(peer.runTo(1e9)).toBeUndefined();
  expect(peer.outputs).toEqual([]);
});

test("it may leave once nobody has lacked anything for as long as it lingers, and is told so once", () => {
  const peer = new Lingering().hears(registered(), incomplete(0), COMPLETE);
  expect(peer.runTo(1e9)).toBe(LEAVE_CHECK_MS + LINGER_MS);
  peer.hears({ type: "tick" }, { type: "group_done", incomplete: 0 }, COMPLETE);
  expect(peer.outputs).toEqual(["may_leave"]);
});

test("who comes meanwhile and lacks blocks starts the time anew", () => {
  const peer = new Lingering().hears(registered(), incomplete(0), COMPLETE);
  peer.runTo(LINGER_MS - LEAVE_CHECK_MS);
  peer.hears(incomplete(1));
  expect(peer.runTo(20_000)).toBeUndefined();
  peer.hears(incomplete(0));
  expect(peer.runTo(1e9)).toBe(20_000 + LEAVE_CHECK_MS + LINGER_MS);
});

test("a tracker that is back has said nothing yet of who lacks blocks: it is waited for", () => {
  const peer = new Lingering().hears(registered(), incomplete(0), { type: "tracker_lost" }, registered(), COMPLETE);
  expect(peer.runTo(60_000)).toBeUndefined();
});

test("once the tracker is lost, the neighbours decide", () => {
  const peer = new Lingering().hears(registered(), incomplete(3), COMPLETE, { type: "tracker_lost" });
  peer.needs = { ...peer.needs, isAnyInNeed: true };
  expect(peer.runTo(60_000)).toBeUndefined();
  peer.needs = { ...peer.needs, isAnyInNeed: false };
  expect(peer.runTo(1e9)).toBe(60_000 + LEAVE_CHECK_MS + LINGER_MS);
});

describe("when its group is done", () => {
  test("a peer may leave at once, without waiting for its next look", () => {
    const peer = new Lingering({ hasSource: true }).hears(registered(5), incomplete(2), COMPLETE);
    expect(peer.runTo(10_100)).toBeUndefined();
    peer.hears({ type: "group_done", incomplete: 0 });
    expect(peer.outputs.at(-1)).toBe("may_leave");
  });

  test("also when it hears of that before it is complete itself", () => {
    const peer = new Lingering().hears(registered(5), { type: "group_done", incomplete: 0 }, COMPLETE);
    expect(peer.outputs).toEqual(["may_leave"]);
  });

  test("one that lacks blocks is served for as long as it gets some, and lingerMs on top", () => {
    const peer = new Lingering().hears(registered(2), COMPLETE, { type: "group_done", incomplete: 1 });
    for (const upBytes of [1000, 2000, 3000]) {
      expect(peer.runTo(peer.nowMs + LINGER_MS - LEAVE_CHECK_MS)).toBeUndefined();
      peer.needs = { ...peer.needs, upBytes };
    }
    const lastMs = peer.nowMs;
    expect(peer.runTo(1e9)).toBe(lastMs + LEAVE_CHECK_MS + LINGER_MS);
  });

  test("blocks that it gets from others, and one fewer that lacks some, are progress too", () => {
    const peer = new Lingering().hears(registered(2), COMPLETE, { type: "group_done", incomplete: 3 });
    peer.runTo(LINGER_MS - LEAVE_CHECK_MS);
    peer.needs = { ...peer.needs, heldBlocks: 1 };
    expect(peer.runTo(2 * LINGER_MS - LEAVE_CHECK_MS)).toBeUndefined();
    peer.hears(incomplete(2));
    expect(peer.runTo(3 * LINGER_MS - LEAVE_CHECK_MS)).toBeUndefined();
    expect(peer.runTo(1e9)).toBe(2 * LINGER_MS + LINGER_MS);
  });
});

test("while somebody may lack blocks it looks for peers, for it may be one that cannot call us", () => {
  const peer = new Lingering().hears(registered(5), incomplete(2), COMPLETE);
  peer.runTo(3 * FIND_PEERS_MS);
  expect(peer.outputs).toEqual(["find_peers", "find_peers", "find_peers"]);
  peer.hears(incomplete(0));
  peer.runTo(10 * FIND_PEERS_MS);
  expect(peer.outputs).toHaveLength(3);
});
