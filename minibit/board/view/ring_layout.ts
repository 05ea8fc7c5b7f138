/** The choke ring's geometry, and what its edges are. */
import type { PeerModel, SwarmModel } from "../model/swarm_model.ts";

/** More peers than this make no readable circle. */
export const MAX_RING_PEERS = 200;

/** What the receiver has from the sender: a slot of one kind, or none (what is sent without one was asked before). */
export type SlotKind = "regular" | "optimistic" | "none";

/** Something from one peer to another. */
export interface RingEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: SlotKind;
  /** Bytes a second; 0: a slot that is not used just now. */
  readonly rate: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Points on a circle from the top on, clockwise. */
export function ringPoints(count: number, circle: { readonly centre: Point; readonly radius: number }): Point[] {
  const { centre, radius } = circle;
  return Array.from({ length: count }, (_, i) => {
    const angle = (2 * Math.PI * i) / Math.max(1, count) - Math.PI / 2;
    return { x: centre.x + radius * Math.cos(angle), y: centre.y + radius * Math.sin(angle) };
  });
}

/** Transfers and slots between peers that are here. */
export function ringEdges(swarm: SwarmModel): RingEdge[] {
  const edges = new Map<string, RingEdge>();
  const put = (edge: RingEdge): void => {
    if (edge.from !== edge.to && isHere(swarm, edge.from) && isHere(swarm, edge.to)) {
      edges.set(`${edge.from} ${edge.to}`, edge);
    }
  };
  for (const { id, stats } of swarm.peers.values()) {
    for (const to of stats.regular) {
      put({ from: id, to, kind: "regular", rate: 0 });
    }
    for (const to of stats.optimistic) {
      put({ from: id, to, kind: "optimistic", rate: 0 });
    }
  }
  for (const { id, stats } of swarm.peers.values()) {
    for (const [from, rate] of stats.flows) {
      if (rate > 0) {
        put({ from, to: id, kind: edges.get(`${from} ${id}`)?.kind ?? "none", rate });
      }
    }
  }
  return [...edges.values()];
}

/** Who would like blocks of whom and has no slot: [who chokes, who is choked], at most `max`, those of `chosen` only. */
export function chokedPairs(
  swarm: SwarmModel,
  options: { readonly chosen?: number | undefined; readonly max: number },
): (readonly [from: number, to: number])[] {
  const { chosen, max } = options;
  const here = [...swarm.peers.values()].filter(({ id }) => isHere(swarm, id));
  const pairs: (readonly [number, number])[] = [];
  for (const from of here) {
    const slots = new Set([...from.stats.regular, ...from.stats.optimistic]);
    for (const to of here) {
      if (chosen !== undefined && from.id !== chosen && to.id !== chosen) {
        continue;
      }
      if (from !== to && !slots.has(to.id) && wants(to, from)) {
        pairs.push([from.id, to.id]);
        if (pairs.length >= max) {
          return pairs;
        }
      }
    }
  }
  return pairs;
}

/** How wide an arrow is: its area goes with the rate, between a hairline and `max`. */
export function edgeWidth(rate: number, limits: { readonly topRate: number; readonly max: number }): number {
  return rate <= 0 || limits.topRate <= 0 ? 1 : 1 + (limits.max - 1) * Math.sqrt(Math.min(1, rate / limits.topRate));
}

/** The middle of a bent arrow: off the straight line to its right, so that there and back do not cover each other. */
export function bend(from: Point, to: Point, centre: Point): Point {
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const toCentre = { x: centre.x - middle.x, y: centre.y - middle.y };
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  return { x: middle.x + 0.3 * toCentre.x - 0.08 * dy, y: middle.y + 0.3 * toCentre.y + 0.08 * dx };
}

/** The peer whose point is nearest, if it is near enough. */
export function nearestPoint(points: readonly Point[], at: Point, reach: number): number | undefined {
  let [best, bestDistance] = [-1, reach];
  points.forEach(({ x, y }, i) => {
    const distance = Math.hypot(x - at.x, y - at.y);
    if (distance <= bestDistance) {
      [best, bestDistance] = [i, distance];
    }
  });
  return best < 0 ? undefined : best;
}

function isHere(swarm: SwarmModel, id: number): boolean {
  const peer = swarm.peers.get(id);
  return peer !== undefined && peer.departure === undefined;
}

/** Whether `from` holds a block that `to` lacks. */
function wants(to: PeerModel, from: PeerModel): boolean {
  if (to.blocks.complete) {
    return false;
  }
  const [has, lacks] = [from.blocks.bytes, to.blocks.bytes];
  return has.some((byte, i) => (byte & ~(lacks[i] ?? 0)) !== 0);
}
