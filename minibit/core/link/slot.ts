/** What a neighbour has been given: nothing, a regular slot, or the optimistic one. */
export type Slot = "choked" | "regular" | "optimistic";
