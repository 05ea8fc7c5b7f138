import { OPTIMISTIC_SLOTS, REGULAR_SLOTS } from "../../core/base/limits.ts";
import { type Rng, shuffle } from "../../core/base/rng.ts";
import type { ChooseBlock } from "../../core/download/pick_block.ts";
import type { Slot } from "../../core/link/slot.ts";
import type { assignSlots, Candidate } from "../../core/upload/choker.ts";

/**
 * Strategies for comparison with those of the product.
 *
 * Each replaces one of the product's and sees exactly what that one sees.
 */

/** Any block, whichever. */
export const randomBlock: ChooseBlock = (rarity, { wanted }) => rarity.random(wanted, 0);

/** The first block, as a video player would. */
export function firstBlock(blockCount: number): ChooseBlock {
  return (rarity, { wanted }) => {
    for (let block = 0; block < blockCount; block++) {
      if (rarity.has(block) && wanted(block)) {
        return block;
      }
    }
    return undefined;
  };
}

/** Gives a slot to every interested neighbour. */
export const noChoker: typeof assignSlots = (candidates) =>
  new Map(candidates.map((candidate) => [candidate, candidate.interested ? "regular" : "choked"]));

/**
 * The original coursework's rule: each round the four that hold most of the blocks we miss most, and one at random.
 *
 * What a neighbour gives back does not count, and between rounds nothing changes.
 */
export const courseworkChoker: typeof assignSlots = (candidates, { moment, rng }) =>
  moment === "vacancy"
    ? asTheyAre(candidates)
    : chosen(shuffle(wanting(candidates), rng).sort(byRareHeld), { candidates, rng });

/** The product's rule, but a free slot stays empty until the round is over. */
export function withoutVacancies(rule: typeof assignSlots): typeof assignSlots {
  return (candidates, options) => (options.moment === "vacancy" ? asTheyAre(candidates) : rule(candidates, options));
}

function wanting<C extends Candidate>(candidates: readonly C[]): C[] {
  return candidates.filter((candidate) => candidate.interested);
}

function byRareHeld(a: Candidate, b: Candidate): number {
  return b.rareHeld - a.rareHeld;
}

/** Regular slots for the first ones of `ranked`, the optimistic one for any of the others. */
function chosen<C extends Candidate>(
  ranked: readonly C[],
  options: { readonly candidates: readonly C[]; readonly rng: Rng },
): Map<C, Slot> {
  const slots = new Map<C, Slot>(options.candidates.map((candidate) => [candidate, "choked"]));
  for (const candidate of ranked.slice(0, REGULAR_SLOTS)) {
    slots.set(candidate, "regular");
  }
  for (const candidate of shuffle(ranked.slice(REGULAR_SLOTS), options.rng).slice(0, OPTIMISTIC_SLOTS)) {
    slots.set(candidate, "optimistic");
  }
  return slots;
}

function asTheyAre<C extends Candidate>(candidates: readonly C[]): Map<C, Slot> {
  return new Map(candidates.map((candidate) => [candidate, candidate.slot]));
}
