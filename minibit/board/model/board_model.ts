// Room board/model: all that people see of a swarm, made of events alone.
// No drawing and no network. Time comes in with the events; only feed.ts, the live end, has a clock. Tracker, page, recordings and metrics share it.

import { type BoardEvent, fromHeld, type TimedEvent, unpackRuns } from "./board_event.ts";
import { SwarmModel } from "./swarm_model.ts";

/**
 * All that a board knows, from events alone: the tracker keeps one to greet viewers with, the page keeps one to draw,
 * the terminal and the metrics read one. Pure: time comes in with the events.
 */
export class BoardModel {
  /** By id, the oldest first. */
  readonly swarms = new Map<string, SwarmModel>();
  /** Time of the last event, in milliseconds since the tracker began. */
  nowMs = 0;

  /** Takes in one event. Events of swarms or peers that are not known, as after a forgotten one, are passed over. */
  apply({ t, event }: TimedEvent): void {
    this.nowMs = Math.max(this.nowMs, t);
    if (event.type === "swarm") {
      this.swarms.set(event.swarm, new SwarmModel(event, t));
      return;
    }
    const swarm = this.swarms.get(event.swarm);
    if (swarm === undefined) {
      return;
    }
    if (event.type === "forgotten") {
      this.swarms.delete(event.swarm);
      return;
    }
    tell(swarm, event, t);
  }

  /** The events from which another model comes to the same state. */
  snapshot(): TimedEvent[] {
    return [...this.swarms.values()].flatMap((swarm) => swarm.snapshot());
  }
}

function tell(swarm: SwarmModel, event: Exclude<BoardEvent, { type: "swarm" | "forgotten" }>, t: number): void {
  switch (event.type) {
    case "peer":
      swarm.joined(event.peer, fromHeld(event.blocks), t);
      break;
    case "blocks":
      swarm.verified(event.peer, unpackRuns(event.blocks), t);
      break;
    case "stats":
      swarm.reported(event.peer, event.stats, t);
      break;
    case "complete":
      swarm.completed(event.peer, t);
      break;
    case "departed":
      swarm.departed(event.peer, event.how, t);
      break;
    case "done":
      swarm.finished(t);
      break;
    case "history":
      swarm.history.restore(event.samples, event.everyMs);
      break;
  }
}
