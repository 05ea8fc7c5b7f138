/** What one peer alone writes to: the place that the user named for its copy, or its own folder. */
import { Destination } from "../store/destination.ts";
import { lockPeerFolder } from "../store/place_lock.ts";
import type { PeerOptions } from "./peer_options.ts";

/** A place of which this process is the only writer. */
export interface Claim {
  /** Lets others in. @param options.keepParts what was fetched stays for the next run, at a place that the user named */
  release(options: { readonly keepParts: boolean }): Promise<void>;
}

/**
 * Claims the place where a peer that fetches will put its copy.
 *
 * @throws {UserError} another process is at work there; no copy could be put there
 */
export async function claimFor({ dir, id, to }: Pick<PeerOptions, "dir" | "id" | "to">): Promise<Claim> {
  return to === undefined ? claimFolder(dir, id) : await Destination.claim(to);
}

/** Claims the folder with a peer's blocks. @throws {UserError} another process is at work there; it cannot be made */
export function claimFolder(dir: string, peerId: number): Claim {
  const lock = lockPeerFolder(dir, peerId);
  return { release: async () => lock.release() };
}
