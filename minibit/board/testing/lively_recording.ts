/**
 * A made-up swarm that looks like a lively one, for tests of the board: slots change, transfers flow, one peer dies, one
 * comes late, one gives nothing. The same options give the same events.
 */

import { createRng, type Rng, shuffle } from "../../core/base/rng.ts";
import { Bitfield } from "../../core/share/bitfield.ts";
import { type Activity, type BoardStats, packRuns, type TimedEvent } from "../model/board_event.ts";

/** What the swarm is like. */
export interface LivelyOptions {
  readonly peers?: number;
  readonly blocks?: number;
  /** About how long it takes. */
  readonly seconds?: number;
  /** The share's and the swarm's names, where they matter. */
  readonly shareName?: string;
  readonly swarm?: string;
  /** What peers are called; undefined: by their number. */
  readonly nameOf?: (id: number) => string;
}

/** Who is special in every lively swarm of at least 8 peers. */
export const FREE_RIDER = 3;
export const DIES = 5;
export const LATE = 6;
export const SLOW_DISK = 7;

const BLOCK_BYTES = 64 * 1024;
const TICK_MS = 250;
const NEIGHBOURS = 20;

interface Actor {
  readonly id: number;
  readonly joinsMs: number;
  readonly upBytesPerTick: number;
  readonly blocks: Bitfield;
  readonly fresh: number[];
  /** By sender: the block that comes from it, and how much of it is here. */
  readonly incoming: Map<number, { readonly block: number; bytes: number }>;
  readonly flows: Map<number, number>;
  regular: Actor[];
  optimistic: Actor[];
  state: "away" | "here" | "dead";
  isComplete: boolean;
  downBytes: number;
  upBytes: number;
  sentBytes: number;
  hashFailures: number;
  messages: number;
}

/** The events of a lively swarm. */
export function livelyEvents(options: LivelyOptions = {}): TimedEvent[] {
  const { peers = 12, blocks = 200, seconds = 30, shareName = "dataset", swarm = "5eed".repeat(16) } = options;
  const rng = createRng(peers * 1000 + blocks);
  const sizeBytes = blocks * BLOCK_BYTES - 1000;
  const uplink = (1.25 * sizeBytes) / seconds;
  const actors = Array.from({ length: peers }, (_, id) => actorOf(id, { rng, uplink, blocks, seconds }));
  const share = { name: shareName, sizeBytes, blockSizeBytes: BLOCK_BYTES, blockCount: blocks };
  const events: TimedEvent[] = [
    { t: 0, event: { type: "swarm", swarm, share, expected: peers, uplinkBytesPerSecond: Math.round(uplink) } },
  ];
  const push = (t: number, event: TimedEvent["event"]): void => {
    events.push({ t, event });
  };
  for (let t = 0; t < 4 * seconds * 1000; t += TICK_MS) {
    for (const actor of actors) {
      if (actor.state === "away" && t >= actor.joinsMs) {
        actor.state = "here";
        const { id } = actor;
        const name = options.nameOf?.(id) ?? `peer ${id}`;
        const peer = { id, name, host: "127.0.0.1", port: 6000 + id, seed: id === 0 };
        push(t, { type: "peer", swarm, peer, blocks: packRuns(actor.blocks) });
        if (id === 0) {
          push(t, { type: "complete", swarm, peer: id });
        }
      }
      if (actor.id === DIES && actor.state === "here" && t >= seconds * 450) {
        die(actor, actors);
        push(t, { type: "departed", swarm, peer: actor.id, how: "gone" });
      }
    }
    const here = actors.filter(({ state }) => state === "here");
    if (t % 1000 === 0) {
      choke(here, { rng, round: t / 1000 });
    }
    transfer(here, { rng, t });
    for (const actor of here) {
      const isTold = t % 1000 === (actor.id % 4) * TICK_MS;
      if (actor.fresh.length > 0 && (isTold || actor.blocks.complete)) {
        push(t, {
          type: "blocks",
          swarm,
          peer: actor.id,
          blocks: packRuns(actor.fresh.splice(0).sort((a, b) => a - b)),
        });
      }
      if (actor.blocks.complete && !actor.isComplete) {
        actor.isComplete = true;
        push(t, { type: "complete", swarm, peer: actor.id });
      }
      if (isTold) {
        push(t, { type: "stats", swarm, peer: actor.id, stats: statsOf(actor, { here, t }) });
      }
    }
    if (here.length > 1 && actors.every(({ isComplete, state }) => isComplete || state === "dead")) {
      for (const actor of here) {
        actor.flows.clear();
        actor.sentBytes = 0;
        push(t + TICK_MS, { type: "stats", swarm, peer: actor.id, stats: statsOf(actor, { here: [], t }) });
      }
      break;
    }
  }
  return events;
}

/** Events as a recording is written. */
export function toRecording(events: readonly TimedEvent[]): string {
  const header = { format: "minibit recording", version: 1, began: "2026-01-02T03:04:05.000Z" };
  return [header, ...events].map((line) => `${JSON.stringify(line)}\n`).join("");
}

function actorOf(
  id: number,
  { rng, uplink, blocks, seconds }: { rng: Rng; uplink: number; blocks: number; seconds: number },
): Actor {
  return {
    id,
    joinsMs: id === 0 ? 0 : id === LATE ? seconds * 350 : TICK_MS * (1 + rng.below(5)),
    upBytesPerTick: (uplink * (0.8 + 0.4 * rng.next()) * TICK_MS) / 1000,
    blocks: id === 0 ? Bitfield.full(blocks) : new Bitfield(blocks),
    fresh: [],
    incoming: new Map(),
    flows: new Map(),
    regular: [],
    optimistic: [],
    state: "away",
    isComplete: id === 0,
    ...{ downBytes: 0, upBytes: 0, sentBytes: 0, hashFailures: 0, messages: 0 },
  };
}

function die(actor: Actor, actors: readonly Actor[]): void {
  actor.state = "dead";
  for (const other of actors) {
    other.incoming.delete(actor.id);
    other.flows.delete(actor.id);
    other.regular = other.regular.filter((one) => one !== actor);
    other.optimistic = other.optimistic.filter((one) => one !== actor);
  }
}

/** Gives slots: to those who gave most, which a free rider never does, and one to anybody. */
function choke(here: readonly Actor[], { rng, round }: { rng: Rng; round: number }): void {
  for (const actor of here) {
    if (actor.id === FREE_RIDER) {
      continue;
    }
    const wanting = shuffle(
      here.filter((other) => other !== actor && !other.blocks.complete && lacks(other, actor)),
      rng,
    );
    const givers = wanting.filter(({ id }) => id !== FREE_RIDER);
    givers.sort((a, b) => (actor.flows.get(b.id) ?? 0) - (actor.flows.get(a.id) ?? 0));
    actor.regular = givers.slice(0, actor.id === 0 ? 4 : 3);
    if (round % 3 === 0 || actor.optimistic.some(({ blocks, state }) => blocks.complete || state === "dead")) {
      actor.optimistic = wanting.filter((other) => !actor.regular.includes(other)).slice(0, 1);
    }
    actor.messages += 2;
  }
}

function transfer(here: readonly Actor[], { rng, t }: { rng: Rng; t: number }): void {
  for (const actor of here) {
    actor.flows.clear();
    actor.sentBytes = 0;
  }
  for (const from of here) {
    const receivers = [...new Set([...from.regular, ...from.optimistic])].filter(
      (to) => !(isHeldByDisk(to, t) || to.blocks.complete),
    );
    for (const to of receivers) {
      let bytes = (from.upBytesPerTick / receivers.length) * (0.7 + 0.6 * rng.next());
      while (bytes > 0) {
        const coming = to.incoming.get(from.id) ?? begin(from, to, rng);
        if (coming === undefined) {
          break;
        }
        const taken = Math.min(bytes, BLOCK_BYTES - coming.bytes);
        coming.bytes += taken;
        bytes -= taken;
        to.downBytes += taken;
        from.upBytes += taken;
        from.sentBytes += taken;
        to.flows.set(from.id, (to.flows.get(from.id) ?? 0) + (taken * 1000) / TICK_MS);
        if (coming.bytes >= BLOCK_BYTES) {
          finish(from, to, { rng, block: coming.block });
        }
      }
    }
  }
}

/** The rarest of a few random blocks that `from` holds and nobody brings yet. */
function begin(from: Actor, to: Actor, rng: Rng): { block: number; bytes: number } | undefined {
  const flying = new Set([...to.incoming.values()].map(({ block }) => block));
  const start = rng.below(to.blocks.size);
  for (let i = 0; i < to.blocks.size; i++) {
    const block = (start + i) % to.blocks.size;
    if (from.blocks.has(block) && !to.blocks.has(block) && !flying.has(block)) {
      const coming = { block, bytes: 0 };
      to.incoming.set(from.id, coming);
      return coming;
    }
  }
  return undefined;
}

function finish(from: Actor, to: Actor, { rng, block }: { rng: Rng; block: number }): void {
  to.incoming.delete(from.id);
  to.messages += 6;
  if (to.id === SLOW_DISK && rng.below(40) === 0) {
    to.hashFailures++;
  } else if (to.blocks.add(block)) {
    to.fresh.push(block);
  }
}

function statsOf(actor: Actor, { here, t }: { here: readonly Actor[]; t: number }): BoardStats {
  const down = [...actor.flows.values()].reduce((sum, rate) => sum + rate, 0);
  const others = here.filter((other) => other !== actor).slice(0, NEIGHBOURS);
  const chokedBy = others.filter(
    (other) => !(other.regular.includes(actor) || other.optimistic.includes(actor)),
  ).length;
  return {
    downBytesPerSecond: Math.round(down),
    upBytesPerSecond: Math.round((actor.sentBytes * 1000) / TICK_MS),
    downBytes: Math.round(actor.downBytes),
    upBytes: Math.round(actor.upBytes),
    duplicateBytes: actor.id % 4 === 2 ? 16_384 : 0,
    hashFailures: actor.hashFailures,
    regular: here.length === 0 ? [] : actor.regular.map(({ id }) => id),
    optimistic: here.length === 0 ? [] : actor.optimistic.map(({ id }) => id),
    chokedBy,
    neighbours: others.length,
    activity: activityOf(actor, { down, chokedBy, neighbours: others.length, t }),
    flows: [...actor.flows].map(([id, rate]) => [id, Math.round(rate)] as const),
    fetching: [...actor.incoming].map(([from, { block }]) => [block, from] as const),
    messages: {
      REQUEST: actor.messages * 4,
      BLOCK: actor.messages * 4,
      UPDATE_BLOCKS: actor.messages,
      UNCHOKE: Math.floor(actor.messages / 12),
      CHOKE: Math.floor(actor.messages / 13),
      INTERESTED: Math.floor(actor.messages / 9),
    },
  };
}

function activityOf(
  actor: Actor,
  now: { readonly down: number; readonly chokedBy: number; readonly neighbours: number; readonly t: number },
): Activity {
  if (actor.blocks.complete) {
    return "complete";
  }
  if (now.neighbours === 0) {
    return "no neighbours";
  }
  if (isHeldByDisk(actor, now.t)) {
    return "disk";
  }
  return now.down > 0 ? "fetching" : now.chokedBy >= now.neighbours ? "choked" : "nothing to ask";
}

/** Five seconds out of twelve. */
function isHeldByDisk({ id }: Actor, t: number): boolean {
  return id === SLOW_DISK && t % 12_000 > 7000;
}

function lacks(to: Actor, from: Actor): boolean {
  return from.blocks.bytes.some((byte, i) => (byte & ~(to.blocks.bytes[i] ?? 0)) !== 0);
}
