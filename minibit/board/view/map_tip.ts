/** What the block map tells of one of its cells. */
import { formatSize } from "../../core/base/formats.ts";
import { counted, nameList, peerLabel } from "../model/labels.ts";
import type { PeerModel, SwarmModel } from "../model/swarm_model.ts";
import { columnBlocks, type MapCell, type MapLayout } from "./map_layout.ts";

/** The lines, the first being the title. `peers` are those of the rows. */
export function mapTip(
  cell: MapCell,
  view: { readonly layout: MapLayout; readonly swarm: SwarmModel; readonly peers: readonly PeerModel[] },
): string[] {
  const { layout, swarm, peers } = view;
  const [first, end] = columnBlocks(layout, cell.column);
  const row = cell.row === undefined ? undefined : peers[cell.row];
  const lines = [titleOf(swarm, first, end), copiesLine(swarm, first, end)];
  if (row !== undefined) {
    lines.push(rowLine(row, { swarm, first, end }));
  }
  const fetches = fetchesOf(swarm, first, end).filter(([peer]) => peer !== row);
  if (fetches.length > 0) {
    lines.push(`On its way: ${nameList(fetches.map(([peer, from]) => `to ${peerLabel(peer)} from ${from}`))}`);
  }
  return lines;
}

function titleOf({ share }: SwarmModel, first: number, end: number): string {
  const isLast = end === share.blockCount;
  const lastBytes = share.sizeBytes - (share.blockCount - 1) * share.blockSizeBytes;
  const size = end - first === 1 && isLast ? lastBytes : share.blockSizeBytes;
  return end - first === 1
    ? `Block ${first} · ${formatSize(size)}`
    : `Blocks ${first} to ${end - 1} · ${formatSize(size)} each`;
}

function copiesLine({ copies, holders }: SwarmModel, first: number, end: number): string {
  const here = holders.length;
  const counts = copies.subarray(first, end);
  const min = counts.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const max = counts.reduce((a, b) => Math.max(a, b), 0);
  return min === max
    ? `${counted(min, "copy").replace(/copys$/, "copies")} among ${counted(here, "peer")}`
    : `${min} to ${max} copies among ${counted(here, "peer")}`;
}

function rowLine(
  peer: PeerModel,
  { swarm, first, end }: { readonly swarm: SwarmModel; readonly first: number; readonly end: number },
): string {
  let held = 0;
  for (let block = first; block < end; block++) {
    held += peer.blocks.has(block) ? 1 : 0;
  }
  const label = peerLabel(peer);
  const [fetch] = fetchesOf(swarm, first, end).filter(([who]) => who === peer);
  if (end - first > 1) {
    const flying = fetch === undefined ? "" : `, fetches from ${fetch[1]}`;
    return `${label} holds ${held} of ${end - first}${flying}`;
  }
  if (held === 1) {
    return `${label} ${peer.departure === undefined ? "holds it" : "held it"}`;
  }
  return fetch === undefined ? `${label} lacks it` : `${label} fetches it from ${fetch[1]}`;
}

/** Who fetches one of these blocks, and the name of whom it comes from. */
function fetchesOf(swarm: SwarmModel, first: number, end: number): (readonly [peer: PeerModel, from: string])[] {
  const found: (readonly [PeerModel, string])[] = [];
  for (const peer of swarm.peers.values()) {
    for (const [block, from] of peer.stats.fetching) {
      if (block >= first && block < end && !peer.blocks.has(block)) {
        const sender = swarm.peers.get(from);
        found.push([peer, sender === undefined ? `peer ${from}` : peerLabel(sender)]);
      }
    }
  }
  return found;
}
