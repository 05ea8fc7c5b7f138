import type { PeerModel } from "./swarm_model.ts";

/** What a peer is doing, or why it does nothing, in words. */
export function stateInWords(peer: PeerModel): string {
  const { stats, departure, blocks } = peer;
  const spoilt = stats.hashFailures === 0 ? "" : `, ${plural(stats.hashFailures, "block")} with a wrong hash`;
  if (departure !== undefined) {
    const complete = peer.completeMs === undefined ? "" : ", complete";
    return `${departure.how === "left" ? "left" : "gone without a word"}${complete}${spoilt}`;
  }
  return `${presentState(peer.seed ? "seed" : "complete", { stats, isComplete: blocks.complete })}${spoilt}`;
}

function presentState(whenComplete: string, peer: Pick<PeerModel, "stats"> & { readonly isComplete: boolean }): string {
  const { activity, flows, neighbours } = peer.stats;
  if (peer.isComplete || activity === "complete") {
    return whenComplete;
  }
  switch (activity) {
    case "fetching":
      return flows.length === 0 ? "waits for what it asked for" : `fetches from ${plural(flows.length, "peer")}`;
    case "choked":
      return `choked by all ${plural(neighbours, "neighbour")} with something it lacks`;
    case "nothing to ask":
      return `none of ${plural(neighbours, "neighbour")} has anything it lacks`;
    case "no neighbours":
      return "has no neighbours";
    case "disk":
      return "waits for its disk";
    case "download limit":
      return "waits because of its download limit";
  }
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
