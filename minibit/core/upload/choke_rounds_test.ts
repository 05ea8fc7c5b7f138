import { expect, test } from "bun:test";
import { DEFAULT_SLOTS, MAX_ROUND_MS, MIN_ROUND_MS, MIN_WISHES } from "../base/limits.ts";
import { createRng } from "../base/rng.ts";
import { LiveLink } from "../link/link.ts";
import { Bitfield } from "../share/bitfield.ts";
import { hasSent, wasGiven } from "../testing/link_history.ts";
import { ChokeRounds, type SlotView } from "./choke_rounds.ts";
import { assignSlots } from "./choker.ts";

const BLOCKS = 8;

function links(count: number): LiveLink[] {
  return Array.from({ length: count }, (_, id) => {
    const link = new LiveLink(id, { peerId: id, dialed: undefined, nowMs: 0 });
    link.tell(new Bitfield(BLOCKS));
    link.upload.wakeInterest(0);
    return link;
  });
}

function view(about: Partial<SlotView> = {}): SlotView {
  return {
    have: new Bitfield(BLOCKS),
    rarest: new Uint32Array(0),
    etaMs: 0,
    hoards: () => false,
    giftBytes: 100,
    blockMs: 0,
    ...about,
  };
}

function slotsOf(intervalMs?: number, count: number = DEFAULT_SLOTS): ChokeRounds {
  return new ChokeRounds({ assignSlots, rng: createRng(1), count, intervalMs }, 0);
}

/** How long the round after the first one is. */
function secondRoundMs(slots: ChokeRounds, about: Partial<SlotView>): number {
  const nowMs = slots.nextDeadlineMs;
  slots.round([], { view: view(about), nowMs });
  return slots.nextDeadlineMs - nowMs;
}

test("a round lasts a hundredth of the transfer, within its bounds, and never less than a block a slot", () => {
  expect(secondRoundMs(slotsOf(), { etaMs: 100_000 })).toBe(1000);
  expect(secondRoundMs(slotsOf(), { etaMs: 1 })).toBe(MIN_ROUND_MS);
  expect(secondRoundMs(slotsOf(), { etaMs: 1e9 })).toBe(MAX_ROUND_MS);
  expect(secondRoundMs(slotsOf(), { etaMs: 1, blockMs: 400 })).toBe(2000);
  expect(secondRoundMs(slotsOf(7000), { etaMs: 1 })).toBe(7000);
});

test("rates are means over rounds, the last one counting half", () => {
  const slots = slotsOf(1000);
  const [link] = links(1) as [LiveLink];
  hasSent(link, 4000, 0);
  slots.round([link], { view: view(), nowMs: 1000 });
  expect(link.download.roundRate).toBe(2000);
  slots.round([link], { view: view(), nowMs: 2000 });
  expect(link.download.roundRate).toBe(1000);
});

test("changes name chokes first: not for a moment are too many unchoked", () => {
  const slots = slotsOf(1000);
  const crowd = links(6);
  slots.fillVacancies(crowd, { view: view(), nowMs: 0 });
  const choked = crowd.find(({ upload }) => upload.slot === "choked") as LiveLink;
  hasSent(choked, 1e6, 0);
  const changes = slots.round(crowd, { view: view(), nowMs: 1000 });
  expect(changes[0]?.to).toBe("choked");
  expect(changes.filter(({ from, to }) => from === "choked" && to === "regular").map(({ link }) => link)).toEqual([
    choked,
  ]);
});

test("a round before its time does nothing", () => {
  const slots = slotsOf(1000);
  expect(slots.round(links(3), { view: view(), nowMs: 999 })).toEqual([]);
});

test("there is a vacancy when somebody waits for a free or idle slot, or a complete peer holds one", () => {
  const slots = slotsOf();
  const hasVacancy = (crowd: readonly LiveLink[]): boolean => slots.hasVacancy(crowd);
  const crowd = links(6);
  expect(hasVacancy(crowd)).toBe(true);
  slots.fillVacancies(crowd, { view: view(), nowMs: 0 });
  expect(hasVacancy(crowd)).toBe(false);
  const holder = crowd.find(({ upload }) => upload.slot === "regular") as LiveLink;
  holder.upload.loseInterest();
  expect(hasVacancy(crowd)).toBe(true);
  const others = crowd.filter(({ upload }) => upload.slot !== "choked");
  expect(hasVacancy(others)).toBe(false);
  holder.tell(Bitfield.full(BLOCKS));
  expect(hasVacancy(others)).toBe(true);
});

test("without slots nobody is unchoked, and none is ever free", () => {
  const slots = slotsOf(1000, 0);
  const crowd = links(3);
  expect(slots.hasVacancy(crowd)).toBe(false);
  expect(slots.fillVacancies(crowd, { view: view(), nowMs: 0 })).toEqual([]);
  for (let nowMs = 1000; nowMs <= 6000; nowMs += 1000) {
    expect(slots.round(crowd, { view: view(), nowMs })).toEqual([]);
  }
});

test("who holds what we lack, chokes us and returned next to nothing for its gift takes only, until it returns something", () => {
  const slots = slotsOf(1000);
  const neighbours = links(5);
  const [rider, giver, poor, generous, shy] = neighbours as [LiveLink, LiveLink, LiveLink, LiveLink, LiveLink];
  const takers = (): LiveLink[] => {
    slots.round(neighbours, { view: view(), nowMs: slots.nextDeadlineMs });
    return neighbours.filter(({ upload }) => upload.takesOnly);
  };
  for (const link of neighbours) {
    wasGiven(link, link === shy ? 100 : 1000, 1); // the shy one had its gift and no more
    link.download.countUseful(link === poor ? 0 : 1); // the poor one has nothing for us
  }
  hasSent(giver, 70, 1);
  generous.download.unchoke();
  expect(takers()).toEqual([rider]);
  expect(rider.upload.slot).toBe("choked");
  rider.download.countUseful(-1);
  expect(takers()).toEqual([rider]); // is not forgotten
  hasSent(rider, 70, 1);
  expect(takers()).toEqual([]);
  for (let wish = 0; wish < MIN_WISHES; wish++) {
    poor.download.setInterest(true);
    poor.download.setInterest(false);
  }
  expect(takers()).toEqual([poor]); // whenever it had something, it let us ask for nothing
});
