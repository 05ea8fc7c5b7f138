import { MAX_SWARM_PEERS } from "../../core/base/limits.ts";
import type { MessageCounts } from "../../core/tracker/tracker_peer.ts";
import { eachStat, type StatNameOf, TOTAL_NAMES } from "../../core/wire/peer_stats_table.ts";
import type { BoardEvent, BoardStats } from "./board_event.ts";

type Totals = { [name in StatNameOf<"total">]: number };

/** Sums over all peers a swarm ever had. */
export interface SwarmTotals extends Totals {
  /** Messages between peers, by name. */
  readonly messages: MessageCounts;
}

/** What a peer told last. */
type Told = Pick<BoardStats, StatNameOf<"total"> | "messages">;

const NOTHING: Told = { ...eachStat(TOTAL_NAMES, () => 0), messages: {} };

/**
 * Totals that only grow, as counters must: also when peers leave, come back, or start anew from zero.
 *
 * A value below the last one told of a peer means that it started anew.
 */
export class BoardTotals {
  readonly #swarms = new Map<string, { readonly totals: SwarmTotals; readonly told: Map<number, Told> }>();

  /** The totals of a swarm; of one that nobody told of, zeros. */
  of(swarm: string): SwarmTotals {
    return this.#swarms.get(swarm)?.totals ?? { ...NOTHING, messages: {} };
  }

  /** Takes in one event. */
  apply(event: BoardEvent): void {
    if (event.type === "swarm" && !this.#swarms.has(event.swarm)) {
      this.#swarms.set(event.swarm, { totals: { ...NOTHING, messages: {} }, told: new Map() });
    } else if (event.type === "forgotten") {
      this.#swarms.delete(event.swarm);
    } else if (event.type === "peer") {
      const { told } = this.#swarms.get(event.swarm) ?? {};
      const last = told?.get(event.peer.id);
      if (last !== undefined) {
        // the tracker counts a peer's messages anew each time it registers
        told?.set(event.peer.id, { ...last, messages: {} });
      }
    } else if (event.type === "stats") {
      this.#reported(event.swarm, event.peer, event.stats);
    }
  }

  #reported(id: string, peer: number, stats: BoardStats): void {
    const swarm = this.#swarms.get(id);
    if (swarm === undefined) {
      return;
    }
    const { totals, told } = swarm;
    const last = told.get(peer) ?? NOTHING;
    for (const name of TOTAL_NAMES) {
      totals[name] += growth(last[name], stats[name]);
    }
    for (const [name, count] of Object.entries(stats.messages)) {
      totals.messages[name] = (totals.messages[name] ?? 0) + growth(last.messages[name] ?? 0, count);
    }
    told.delete(peer); // to the end: who was silent longest is forgotten first
    if (told.size >= MAX_SWARM_PEERS) {
      told.delete(told.keys().next().value ?? peer);
    }
    told.set(peer, { ...eachStat(TOTAL_NAMES, (name) => stats[name]), messages: stats.messages });
  }
}

function growth(before: number, now: number): number {
  return now < before ? now : now - before;
}
