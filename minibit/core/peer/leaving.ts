/** What a complete peer knows of those it would leave behind. Times in milliseconds. */
export interface LeaveView {
  /** It shares the source: it stays until it is told to go, or until its group is done. */
  readonly hasSource: boolean;
  /** How many peers the tracker expects; 0: any number, or it was never heard. */
  readonly expected: number;
  /** The tracker said that as many as expected are complete. */
  readonly isGroupDone: boolean;
  /** The tracker is there, and knows us. */
  readonly isTracked: boolean;
  /** How many of those who are registered are not complete, as the tracker said last; undefined: it has not said yet. */
  readonly incomplete: number | undefined;
  /** A neighbour is known to lack blocks. */
  readonly hasNeighbourInNeed: boolean;
  readonly lingerMs: number;
  readonly trackerTimeoutMs: number;
}

/** What a complete peer should do: it may leave once nothing has changed in this for `quietMs`. */
export interface Leave {
  readonly isNeeded: boolean;
  /** How long it must not have been needed. */
  readonly quietMs: number;
  /** How long at most it stays for those who lack blocks, if nobody gets any; Infinity: for as long as they are there. */
  readonly patienceMs: number;
}

/**
 * Whether a complete peer is needed still, and how long it stays when it is not.
 *
 * Without those who have all, the last ones starve. Where the tracker expects a number of peers it tells the end: then who has
 * registered beyond that number, or has lost what it had, is still served; but no group waits for one that gets on no more.
 * A tracker that vanished tells nothing: then the neighbours' state decides, where a number was expected only after as long
 * as we would have waited for the tracker at the start, for others may be still to come.
 */
export function leaveOf(view: LeaveView): Leave {
  const { hasSource, expected, isGroupDone, isTracked, incomplete, hasNeighbourInNeed, lingerMs } = view;
  if (isGroupDone) {
    const isNeeded = isTracked ? incomplete !== 0 : hasNeighbourInNeed;
    return { isNeeded, quietMs: 0, patienceMs: lingerMs };
  }
  const staysAnyway = hasSource || (isTracked && expected > 0);
  const isAnyInNeed = isTracked ? incomplete !== 0 : hasNeighbourInNeed;
  return {
    isNeeded: staysAnyway || isAnyInNeed,
    quietMs: expected > 0 ? view.trackerTimeoutMs : lingerMs,
    patienceMs: Number.POSITIVE_INFINITY,
  };
}
