import { formatCount } from "../../core/base/formats.ts";
import type { PeerModel } from "./swarm_model.ts";

/** A longer name is cut: it would push everything else off a line. */
const MAX_LABEL = 24;
/** Control characters, and those that turn the direction of the text around them. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A text from an untrusted peer, for one line: nothing unprintable, not too long. Escaping is up to who shows it. */
export function tame(text: string, max = MAX_LABEL): string {
  const characters = [
    ...String(text)
      .slice(0, 4 * max)
      .replace(UNPRINTABLE, "")
      .trim(),
  ];
  return characters.length > max ? `${characters.slice(0, max - 1).join("")}…` : characters.join("");
}

/** What a peer is called: its name, or its number when it has none. */
export function peerLabel(peer: Pick<PeerModel, "id" | "name">): string {
  return tame(peer.name) || `peer ${peer.id}`;
}

/** `peer 1, peer 4 and 3 others`: some peers, by name, where there may be many. */
export function nameList(names: readonly string[], max = 3): string {
  if (names.length <= max) {
    return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  }
  return `${names.slice(0, max).join(", ")} and ${formatCount(names.length - max, "other")}`;
}

/** `1 block`, `2 blocks`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
