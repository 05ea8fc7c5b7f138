import { IDLE_TIMEOUT_MS, KEEP_ALIVE_MS } from "../base/limits.ts";
import type { Link } from "./link.ts";
import type { DropReason } from "./peer_io.ts";

/** What is due on a link, looked at now and then: a sign of life, or its end. */
export function dueOn(link: Link, nowMs: number): DropReason | "keep alive" | undefined {
  switch (link.phase) {
    case "handshaking":
      return nowMs > link.deadlineMs ? "handshake timeout" : undefined;
    case "accused":
      return nowMs > link.deadlineMs ? "banned" : undefined;
    case "live":
      if (nowMs - link.receivedMs > IDLE_TIMEOUT_MS) {
        return "idle";
      }
      return nowMs - link.sentMs > KEEP_ALIVE_MS ? "keep alive" : undefined;
  }
}
