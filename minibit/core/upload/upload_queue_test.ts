import { expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_BLOCKS_IN_PROGRESS, MAX_QUEUED_REQUESTS } from "../base/limits.ts";
import { RateLimiter } from "../base/rate_limiter.ts";
import { LiveLink } from "../link/link.ts";
import type { Unit } from "../link/unit.ts";
import { Geometry } from "../share/geometry.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import { UploadQueue } from "./upload_queue.ts";

const UNIT = 1024;
/** Units of a block. */
const UNITS = 4;

/** Uploads of blocks of 4 units to some links; `served` lists "link:block.unit" in order. */
function bench(options: { readonly bytesPerSecond?: number; readonly canWait?: (unit: Unit) => boolean } = {}) {
  const served: string[] = [];
  const answers: [link: number, message: PeerMessage][] = [];
  const busy: LiveLink[] = [];
  const links = [0, 1, 2, 3].map((id) => new LiveLink(id, { peerId: id, dialed: undefined, nowMs: 0 }));
  const uploads = new UploadQueue({
    geometry: new Geometry(100 * UNITS * UNIT, UNITS * UNIT),
    limiter: new RateLimiter(options.bytesPerSecond ?? Number.POSITIVE_INFINITY, 0),
    send: (link, message) => answers.push([link.id, message]),
    serve: (link, unit) => {
      served.push(`${link.id}:${unit.block}.${unit.offset / UNIT}`);
      busy.push(link);
    },
    canWait: (_link, unit) => options.canWait?.(unit) ?? false,
  });
  return {
    uploads,
    served,
    answers,
    busy,
    link: (id: number): LiveLink => links[id] as LiveLink,
    ask: (id: number, block: number): void => {
      for (let i = 0; i < UNITS; i++) {
        uploads.request(links[id] as LiveLink, unit(block, i));
      }
    },
    /** The network takes one unit after the other, in the order they were given. */
    drain: (nowMs = 0): void => {
      uploads.schedule(nowMs);
      for (let link = busy.shift(); link !== undefined; link = busy.shift()) {
        uploads.served(link, nowMs);
        uploads.schedule(nowMs);
      }
    },
  };
}

function unit(block: number, i: number): Unit {
  return { block, offset: i * UNIT, length: UNIT };
}

test("a block goes out to its end, and at most two at a time", () => {
  const { ask, drain, served } = bench();
  for (const id of [0, 1, 2]) {
    ask(id, 10 + id);
    ask(id, 20 + id);
  }
  drain();
  expect(served).toHaveLength(24);
  const open = new Set<string>();
  for (const entry of served) {
    const [block, at] = entry.split(".") as [string, string];
    open.add(block);
    expect(open.size).toBeLessThanOrEqual(MAX_BLOCKS_IN_PROGRESS);
    if (at === `${UNITS - 1}`) {
      open.delete(block);
    }
  }
});

test("links take turns of one block", () => {
  const { ask, drain, served } = bench();
  for (const id of [0, 1, 2]) {
    ask(id, 10 + id);
    ask(id, 20 + id);
  }
  drain();
  const finished = served.filter((entry) => entry.endsWith(`.${UNITS - 1}`)).map((entry) => entry[0]);
  expect(finished.slice(0, 3).sort()).toEqual(["0", "1", "2"]);
  expect(finished.slice(3).sort()).toEqual(["0", "1", "2"]);
});

test("a socket that takes nothing does not hold up the others", () => {
  const { ask, uploads, served, busy, link } = bench();
  ask(0, 1);
  ask(1, 2);
  ask(2, 3);
  uploads.schedule(0);
  expect(served).toEqual(["0:1.0", "1:2.0"]);
  const wakeMs = uploads.nextDeadlineMs;
  expect(wakeMs).toBeWithin(1, 1000);
  uploads.schedule(wakeMs - 1);
  expect(served).toHaveLength(2);
  uploads.schedule(wakeMs);
  expect(served.slice(2)).toEqual(["2:3.0"]);
  uploads.served(link(2), wakeMs);
  uploads.schedule(wakeMs);
  expect(served.at(-1)).toBe("2:3.1");
  expect(busy.map(({ id }) => id)).toEqual([0, 1, 2, 2]);
});

test("with a limit units go out as fast as it says, and it names when", () => {
  const { ask, uploads, served, busy } = bench({ bytesPerSecond: 10 * UNIT });
  ask(0, 1);
  ask(0, 2);
  let nowMs = 0;
  while (served.length < 8) {
    uploads.schedule(nowMs);
    const link = busy.shift();
    if (link === undefined) {
      expect(uploads.nextDeadlineMs).toBeGreaterThan(nowMs);
      nowMs = uploads.nextDeadlineMs;
    } else {
      uploads.served(link, nowMs);
    }
  }
  expect(nowMs).toBeWithin(600, 710);
});

test("what can wait goes last, but it goes", () => {
  const { ask, drain, served } = bench({ canWait: ({ block }) => block >= 50 });
  ask(0, 50);
  ask(1, 1);
  ask(2, 2);
  drain();
  expect(served.indexOf("0:50.0")).toBeGreaterThan(served.indexOf("1:1.3"));
  expect(served.indexOf("0:50.0")).toBeGreaterThan(served.indexOf("2:2.3"));
  expect(served).toHaveLength(12);
});

test("one request too many is rejected at once", () => {
  const { uploads, link, answers } = bench();
  for (let i = 0; i < MAX_QUEUED_REQUESTS; i++) {
    expect(uploads.request(link(0), unit(i % 100, 0))).toBe(true);
  }
  expect(uploads.request(link(0), unit(5, 1))).toBe(false);
  expect(answers).toEqual([[0, { type: "REJECT", ...unit(5, 1), reason: "queue full" }]]);
});

test("a CANCEL is answered by REJECT unless the unit is on its way", () => {
  const { ask, uploads, link, answers, drain, served } = bench();
  ask(0, 1);
  uploads.schedule(0);
  expect(uploads.cancel(link(0), unit(1, 0))).toBe(false);
  expect(uploads.cancel(link(0), unit(1, 2))).toBe(true);
  expect(uploads.cancel(link(0), unit(9, 0))).toBe(false);
  expect(answers).toEqual([[0, { type: "REJECT", ...unit(1, 2), reason: "cancelled" }]]);
  drain();
  expect(served).toEqual(["0:1.0", "0:1.1", "0:1.3"]);
});

test("a choke rejects what waits, but for allowed blocks", () => {
  const { ask, uploads, link, answers, drain, served } = bench();
  ask(0, 1);
  ask(0, 2);
  link(0).upload.allow(2, 0);
  expect(uploads.choke(link(0))).toHaveLength(UNITS);
  expect(answers.map(([, message]) => message)).toEqual(
    [0, 1, 2, 3].map((i) => ({ type: "REJECT", ...unit(1, i), reason: "choked" })),
  );
  drain();
  expect(served).toEqual(["0:2.0", "0:2.1", "0:2.2", "0:2.3"]);
  expect(link(0).upload.allowed.size).toBe(0); // once only
});

test("it is known which block a link has in part", () => {
  const { ask, uploads, link, drain } = bench();
  ask(0, 7);
  uploads.schedule(0);
  expect(link(0).upload.unfinished).toBe(7);
  drain();
  expect(link(0).upload.unfinished).toBeUndefined();
});

test("a link that left is served nothing more, and holds up nobody", () => {
  const { ask, uploads, link, drain, served, busy } = bench();
  ask(0, 1);
  ask(1, 2);
  uploads.schedule(0);
  uploads.forget(link(0));
  busy.shift();
  drain();
  expect(served.filter((entry) => entry.startsWith("0"))).toHaveLength(1);
  expect(served.filter((entry) => entry.startsWith("1"))).toHaveLength(UNITS);
});

test("every request gets exactly one answer, whatever is cancelled or choked when", () => {
  const step = fc.record({
    do: fc.constantFrom("ask", "ask", "ask", "cancel", "choke", "serve"),
    id: fc.nat(3),
    block: fc.nat(3),
    i: fc.nat(UNITS - 1),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { uploads, link, answers, served, busy, drain } = bench();
      let asked = 0;
      for (const { do: action, id, block, i } of steps) {
        if (action === "ask") {
          uploads.request(link(id), unit(block, i));
          asked++;
        } else if (action === "cancel") {
          uploads.cancel(link(id), unit(block, i));
        } else if (action === "choke") {
          uploads.choke(link(id));
        } else {
          const next = busy.shift();
          if (next !== undefined) {
            uploads.served(next, 0);
          }
        }
        uploads.schedule(0);
        expect(new Set(busy).size).toBe(busy.length); // one unit at a time a link
      }
      drain();
      expect(served.length + answers.length).toBe(asked);
    }),
    { numRuns: 300 },
  );
});
