import { formatRate, formatSize } from "../../core/base/formats.ts";
import { counted, nameList, peerLabel } from "../model/labels.ts";
import type { PeerModel, SwarmModel } from "../model/swarm_model.ts";

/** What a peer gets and gives, and from and to whom, in words. */
export function ringWords(swarm: SwarmModel, peer: PeerModel): string {
  if (peer.departure !== undefined) {
    const { downBytes, upBytes } = peer.stats;
    return `is not here any more; it got ${formatSize(downBytes)} and gave ${formatSize(upBytes)}`;
  }
  const { stats } = peer;
  const name = (id: number): string => {
    const other = swarm.peers.get(id);
    return other === undefined ? `peer ${id}` : peerLabel(other);
  };
  const senders = stats.flows.filter(([, rate]) => rate > 0).map(([id]) => name(id));
  const slots = [
    ...stats.regular.map(name),
    ...stats.optimistic.filter((id) => !stats.regular.includes(id)).map((id) => `${name(id)} (optimistic)`),
  ];
  return [
    senders.length === 0 ? "gets nothing" : `gets ${formatRate(stats.downBytesPerSecond)} from ${nameList(senders, 5)}`,
    slots.length === 0 ? "gives no slot" : `gives ${counted(slots.length, "slot")}: ${nameList(slots, 5)}`,
    `choked by ${stats.chokedBy} of ${counted(stats.neighbours, "neighbour")}`,
  ].join("; ");
}
