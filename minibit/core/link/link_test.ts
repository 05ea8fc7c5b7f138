import { expect, test } from "bun:test";
import { Bitfield } from "../share/bitfield.ts";
import { isBusy, isInNeed, type LiveLink, liveLink } from "./link.ts";

function link(): LiveLink {
  return liveLink(1, { peerId: 2, dialed: undefined, nowMs: 0 });
}

test("a link is busy while one side owes the other an answer", () => {
  const unit = { block: 0, offset: 0, length: 1 };
  const [asked, owing, giving] = [link(), link(), link()];
  expect(isBusy(link())).toBe(false);
  asked.download.pending.push({ ...unit, askedMs: 0, cancelled: false });
  owing.upload.queue.push(unit);
  giving.upload.inFlight = unit;
  expect([asked, owing, giving].map(isBusy)).toEqual([true, true, true]);
});

test("a neighbour is in need while it wants what we hold, whatever it has told us that it holds", () => {
  const neighbour = link();
  expect(isInNeed(neighbour)).toBe(false); // nothing is known of it yet
  neighbour.holds = new Bitfield(3);
  expect(isInNeed(neighbour)).toBe(true);
  neighbour.upload.interested = true;
  neighbour.upload.wasInterested = true;
  expect(isInNeed(neighbour)).toBe(true);
  neighbour.upload.interested = false; // it has all now, and told us of none that we had before it
  expect(isInNeed(neighbour)).toBe(false);
  const full = link();
  full.holds = Bitfield.full(3);
  expect(isInNeed(full)).toBe(false);
});
