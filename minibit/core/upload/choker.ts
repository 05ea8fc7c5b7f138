import { CHALLENGER_FACTOR, DEFAULT_SLOTS, NEWCOMER_WEIGHT, OPTIMISTIC_SLOTS } from "../base/limits.ts";
import type { Rng } from "../base/rng.ts";
import type { Slot } from "../link/slot.ts";

/** A hoarding peer's weight in the optimistic draw: it is drawn when there is nobody else. */
const HOARDER_WEIGHT = 1e-6;

/** The narrow view of a neighbour that the choker needs. */
export interface Candidate {
  readonly slot: Slot;
  /** Wants blocks from us; others get no slot, but may keep one that nobody wants. */
  readonly interested: boolean;
  /** Bytes a second received from it (EWMA over rounds): what tit-for-tat repays. */
  readonly receivedRate: number;
  /** How many of the rarest blocks I lack it holds: breaks ties. */
  readonly rareHeld: number;
  /** Since when it has waited for a slot, or held one. */
  readonly waitingSinceMs: number;
  /** Blocks it still lacks. */
  readonly remainingBlocks: number;
  /** Holds so little that it cannot repay yet. */
  readonly newcomer: boolean;
  /** Asked for blocks but sends us none although it has unchoked us: no regular slot while I am a leecher. */
  readonly snubbing: boolean;
  /** Takes and does not give, though it could, and is not far behind us: it gets no slot while I am a leecher. */
  readonly takesOnly: boolean;
  /** Passes on much less of what a lone seed gives it than others do: it is served when nobody else wants to be. */
  readonly hoarding: boolean;
}

/** How to rank: a leecher repays; a seed has nothing to be repaid and shares out (helping those who lack most would help free riders most). */
export type ChokeRule = "tit-for-tat" | "longest waiting";

/** When the slots are dealt: a vacancy moves nobody, a round may, every third round the optimistic slot moves too. */
export type ChokeMoment = "vacancy" | "round" | "optimistic round";

/**
 * Deals the slots: at most `slots` candidates get one, the last of them an optimistic one. With 0 slots everybody is choked.
 *
 * Call with moment "vacancy" as soon as somebody waits while a slot is free, or held by one that wants nothing or snubs: waiting for the
 * next round costs up to 3.5 times the time when rounds are long.
 *
 * What it weighs: an incumbent keeps its slot unless a challenger is 1.1 times better, because each change costs the
 * loser its pipeline. The optimistic slot goes to whoever has no regular one, newcomers three times as likely: it is how
 * they get their first blocks and how better partners are found. A seed has nothing to be repaid, so all slots follow one order.
 *
 * Source: Cohen 2003; libtorrent `choker.cpp`; rain `unchoker.go`.
 *
 * @returns the slot of each candidate, in their order
 */
export function assignSlots<C extends Candidate>(
  candidates: readonly C[],
  options: { readonly rule: ChokeRule; readonly moment: ChokeMoment; readonly rng: Rng; readonly slots?: number },
): Map<C, Slot> {
  const { rule, moment, rng, slots: count = DEFAULT_SLOTS } = options;
  const optimisticSlots = Math.min(OPTIMISTIC_SLOTS, count);
  const regularSlots = count - optimisticSlots;
  const served = candidates.filter((c) => c.interested && !(rule === "tit-for-tat" && c.takesOnly));
  const eligible = served.filter((c) => !(rule === "tit-for-tat" && c.snubbing));
  const draw = new Map(eligible.map((c) => [c, rng.next()]));
  const order = (a: C, b: C): number => compare(a, b, rule) || (draw.get(a) ?? 0) - (draw.get(b) ?? 0);

  const incumbents = eligible.filter((c) => c.slot === "regular").sort(order);
  const regular = moment === "vacancy" ? incumbents.slice(0, regularSlots) : [];
  const ranked = moment === "vacancy" ? eligible.filter((c) => c.slot !== "regular") : eligible;
  // at a vacancy the optimistic peer stays where it is as long as others can fill the regular slots
  const choice = [...ranked].sort((a, b) => Number(isParked(a, moment)) - Number(isParked(b, moment)) || order(a, b));
  for (const candidate of choice.slice(0, regularSlots - regular.length)) {
    regular.push(candidate);
  }
  if (moment !== "vacancy" && rule === "tit-for-tat") {
    keepCloseIncumbents(regular, incumbents);
  }

  const rest = served.filter((c) => !regular.includes(c));
  const optimistic =
    moment === "optimistic round" ? [] : rest.filter((c) => c.slot === "optimistic").slice(0, optimisticSlots);
  while (optimistic.length < optimisticSlots && optimistic.length < rest.length) {
    const drawn = drawWeighted(rest, { besides: optimistic, rng });
    if (drawn === undefined) {
      break;
    }
    optimistic.push(drawn);
  }
  // nobody wants the slots that are left: who lost interest for a moment keeps its own, and saves a round trip
  for (const idle of candidates.filter((c) => isIdle(c)).sort(order)) {
    if (regular.length < regularSlots) {
      regular.push(idle);
    } else if (optimistic.length < optimisticSlots) {
      optimistic.push(idle);
    }
  }
  const slots = new Map<C, Slot>(candidates.map((c) => [c, "choked"]));
  for (const candidate of regular) {
    slots.set(candidate, "regular");
  }
  for (const candidate of optimistic) {
    slots.set(candidate, "optimistic");
  }
  return slots;
}

/** Holds a slot, wants nothing now, but may soon: it lacks blocks. */
function isIdle(candidate: Candidate): boolean {
  return candidate.slot !== "choked" && !candidate.interested && candidate.remainingBlocks > 0;
}

function isParked(candidate: Candidate, moment: ChokeMoment): boolean {
  return moment === "vacancy" && candidate.slot === "optimistic";
}

/** Negative when `a` deserves a slot more. */
function compare(a: Candidate, b: Candidate, rule: ChokeRule): number {
  switch (rule) {
    case "tit-for-tat":
      return b.receivedRate - a.receivedRate || b.rareHeld - a.rareHeld;
    case "longest waiting":
      // who holds a slot has not waited at all; among them, who got it last keeps it longest
      return (
        Number(a.hoarding) - Number(b.hoarding) ||
        Number(a.slot !== "choked") - Number(b.slot !== "choked") ||
        waiting(a, b)
      );
  }
}

function waiting(a: Candidate, b: Candidate): number {
  return a.slot === "choked" ? a.waitingSinceMs - b.waitingSinceMs : b.waitingSinceMs - a.waitingSinceMs;
}

/** Gives incumbents their slot back from challengers that are not clearly better, best incumbent first. */
function keepCloseIncumbents<C extends Candidate>(regular: C[], incumbents: readonly C[]): void {
  for (const incumbent of incumbents) {
    if (regular.includes(incumbent)) {
      continue;
    }
    const weakest = regular.findLastIndex((c) => c.slot !== "regular");
    const challenger = regular[weakest];
    if (challenger !== undefined && challenger.receivedRate <= incumbent.receivedRate * CHALLENGER_FACTOR) {
      regular[weakest] = incumbent;
    }
  }
}

function drawWeighted<C extends Candidate>(
  candidates: readonly C[],
  options: { readonly besides: readonly C[]; readonly rng: Rng },
): C | undefined {
  const weight = (c: C): number =>
    options.besides.includes(c) ? 0 : c.hoarding ? HOARDER_WEIGHT : c.newcomer ? NEWCOMER_WEIGHT : 1;
  let left = options.rng.next() * candidates.reduce((sum, c) => sum + weight(c), 0);
  return candidates.find((c) => {
    left -= weight(c);
    return left < 0;
  });
}
