/**
 * What the board is told: by the tracker live, by a recording again.
 *
 * Plain JSON, so that one vocabulary serves the event stream, the recording and the exported page. All of a board's
 * state comes from these events, by `BoardModel`.
 */

import type { Bitfield } from "../../core/share/bitfield.ts";
import type { MessageCounts } from "../../core/tracker/tracker_peer.ts";
import type { Activity } from "../../core/wire/activity.ts";
import type { PeerStats } from "../../core/wire/peer_stats_table.ts";
import type { PeerAddress, ShareSummary } from "../../core/wire/tracker_wire.ts";

export { ACTIVITIES, type Activity } from "../../core/wire/activity.ts";

/** What a peer told of itself last; rates in bytes a second. */
export interface BoardStats extends PeerStats {
  /** Peers with a regular slot of this one's. */
  readonly regular: readonly number[];
  readonly optimistic: readonly number[];
  readonly chokedBy: number;
  readonly neighbours: number;
  readonly activity: Activity;
  /** Who sends to it, and how fast: [peer, bytes a second]. */
  readonly flows: readonly (readonly [peer: number, bytesPerSecond: number])[];
  /** Blocks on their way to it, and from whom: [block, peer]. */
  readonly fetching: readonly (readonly [block: number, peer: number])[];
  /** Messages it sent to peers so far, by name. */
  readonly messages: MessageCounts;
}

/** Rising block numbers as [first, length, first, length ...]. */
export type BlockRuns = readonly number[];

/** Block numbers as runs or, where that is shorter, as base64 of a bit a block: half of a huge share in runs is megabytes. */
export type HeldBlocks = BlockRuns | string;

/** A sample of a swarm's charts. */
export interface Sample {
  readonly t: number;
  /** What all peers received in a second, in bytes. */
  readonly bytesPerSecond: number;
  /** Copies of a block among the peers that are here. */
  readonly minCopies: number;
  readonly meanCopies: number;
  readonly maxCopies: number;
  /** What each peer holds, in percent: [peer, percent]. */
  readonly percents: readonly (readonly [peer: number, percent: number])[];
}

/** Why a peer is not here any more: its connection ended, or it fell silent. */
export type Departure = "left" | "gone";

/** Who registers. */
export interface BoardPeer extends Omit<PeerAddress, "hosts"> {
  /** The first of its addresses. */
  readonly host: string;
  readonly name: string;
  /** It held every block from the start. */
  readonly seed: boolean;
}

/** One thing that happened in a swarm, named by its id in hexadecimal. */
export type BoardEvent =
  /** A swarm begins. `uplinkBytesPerSecond`: what each uplink carries, where the tracker was told; `peerUplinks`: where one carries something else. */
  | {
      readonly type: "swarm";
      readonly swarm: string;
      readonly share: ShareSummary;
      /** How many peers make the group complete; 0: any number. */
      readonly expected: number;
      readonly uplinkBytesPerSecond?: number;
      readonly peerUplinks?: readonly (readonly [peer: number, bytesPerSecond: number])[];
    }
  /** A peer registers, perhaps again. */
  | {
      readonly type: "peer";
      readonly swarm: string;
      readonly peer: BoardPeer;
      /** A text in snapshots only. */
      readonly blocks: HeldBlocks;
    }
  /** A peer verified blocks. */
  | { readonly type: "blocks"; readonly swarm: string; readonly peer: number; readonly blocks: BlockRuns }
  | { readonly type: "stats"; readonly swarm: string; readonly peer: number; readonly stats: BoardStats }
  /** A peer holds the whole share, for the first time. */
  | { readonly type: "complete"; readonly swarm: string; readonly peer: number }
  | { readonly type: "departed"; readonly swarm: string; readonly peer: number; readonly how: Departure }
  /** As many peers as expected are complete. */
  | { readonly type: "done"; readonly swarm: string }
  /** A deserted swarm is forgotten. */
  | { readonly type: "forgotten"; readonly swarm: string }
  /** The charts so far: in snapshots only, after everything else of the swarm. */
  | { readonly type: "history"; readonly swarm: string; readonly samples: readonly Sample[]; readonly everyMs: number };

/** An event and when it happened: milliseconds since the tracker, or the recording, began. */
export interface TimedEvent {
  readonly t: number;
  readonly event: BoardEvent;
}

/** Rising numbers as runs. */
export function packRuns(blocks: Iterable<number>): number[] {
  const runs: number[] = [];
  let end = -1;
  for (const block of blocks) {
    if (block === end) {
      runs[runs.length - 1] = (runs.at(-1) as number) + 1;
    } else {
      runs.push(block, 1);
    }
    end = block + 1;
  }
  return runs;
}

/** How many arguments any engine takes. */
const CODES_AT_ONCE = 4096;

/** About how many characters a number in JSON takes, with its comma. */
const NUMBER_CHARS = 7;

/** What a peer holds takes as much text as so many numbers, at most, written by `toHeld`. */
export function heldNumbers(held: Bitfield): number {
  return Math.min(runNumbers(held), packedNumbers(held));
}

/** What a peer holds, in the shorter way. */
export function toHeld(held: Bitfield): HeldBlocks {
  if (runNumbers(held) <= packedNumbers(held)) {
    return packRuns(held);
  }
  // the page does this too, and browsers of some years ago know no other way
  let text = "";
  for (let at = 0; at < held.bytes.length; at += CODES_AT_ONCE) {
    text += String.fromCharCode(...held.bytes.subarray(at, at + CODES_AT_ONCE));
  }
  return btoa(text);
}

/** The numbers that `toHeld` or `packRuns` wrote. */
export function* fromHeld(blocks: HeldBlocks): Generator<number> {
  if (typeof blocks !== "string") {
    yield* unpackRuns(blocks);
    return;
  }
  const bytes = atob(blocks);
  for (let byte = 0; byte < bytes.length; byte++) {
    for (let bit = 0, bits = bytes.charCodeAt(byte); bits !== 0 && bit < 8; bit++) {
      if ((bits & (0x80 >> bit)) !== 0) {
        yield byte * 8 + bit;
      }
    }
  }
}

/** At most: there is no more than a run for each block held, nor for each gap. */
function runNumbers({ count, size }: Bitfield): number {
  return 2 * Math.min(count, size - count + 1);
}

function packedNumbers({ size }: Bitfield): number {
  return Math.ceil(size / (6 * NUMBER_CHARS));
}

/** The numbers in runs. */
export function* unpackRuns(runs: BlockRuns): Generator<number> {
  for (let i = 0; i + 1 < runs.length; i += 2) {
    const first = runs[i] as number;
    for (let block = first; block < first + (runs[i + 1] as number); block++) {
      yield block;
    }
  }
}
