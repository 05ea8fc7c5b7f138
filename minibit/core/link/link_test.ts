import { expect, test } from "bun:test";
import { Bitfield } from "../share/bitfield.ts";
import { LiveLink } from "./link.ts";

function link(): LiveLink {
  return new LiveLink(1, { peerId: 2, dialed: undefined, nowMs: 0 });
}

test("a link is busy while one side owes the other an answer", () => {
  const unit = { block: 0, offset: 0, length: 1 };
  const [asked, owing, giving] = [link(), link(), link()];
  expect(link().isBusy).toBe(false);
  asked.download.ask(unit, 0);
  owing.upload.enqueue(unit);
  giving.upload.enqueue(unit);
  giving.upload.give(true, 0);
  expect([asked, owing, giving].map(({ isBusy }) => isBusy)).toEqual([true, true, true]);
});

test("a neighbour is in need while it wants what we hold, whatever it has told us that it holds", () => {
  const neighbour = link();
  expect(neighbour.isInNeed).toBe(false); // nothing is known of it yet
  neighbour.tell(new Bitfield(3));
  expect(neighbour.isInNeed).toBe(true);
  neighbour.upload.wakeInterest(0);
  expect(neighbour.isInNeed).toBe(true);
  neighbour.upload.loseInterest(); // it has all now, and told us of none that we had before it
  expect(neighbour.isInNeed).toBe(false);
  const full = link();
  full.tell(Bitfield.full(3));
  expect(full.isInNeed).toBe(false);
});
