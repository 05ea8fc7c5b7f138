import type { LiveLink } from "../link/link.ts";

/** A neighbour was given so many bytes by us. */
export function wasGiven(link: LiveLink, bytes: number, nowMs: number): void {
  link.upload.enqueue({ block: 0, offset: 0, length: bytes });
  link.upload.give(true, nowMs);
  link.upload.given(nowMs);
}

/** A neighbour sent us so many bytes; how long it took is not known. */
export function hasSent(link: LiveLink, bytes: number, nowMs: number): void {
  link.download.receive(bytes, { askedMs: Number.NEGATIVE_INFINITY, nowMs });
}
