/** The children of a run: what each is, and how it tells that it is ready. */
import { type PeerReport, parseReport } from "../io/driver/peer_report.ts";
import { parseTrackerReport, type TrackerReport } from "../io/driver/tracker_report.ts";

/** What a child is to the run that started it. */
export type ChildRole =
  | { readonly kind: "tracker" }
  | { readonly kind: "dealer" }
  | { readonly kind: "peer"; readonly id: number }
  /** The connection to another machine. */
  | { readonly kind: "connection"; readonly host: string };

/** What messages call it. */
export function nameOf(role: ChildRole): string {
  switch (role.kind) {
    case "tracker":
      return "tracker";
    case "dealer":
      return "dist_block";
    case "peer":
      return `peer ${role.id}`;
    case "connection":
      return role.host;
  }
}

/** A tracker is ready when it listens. */
export function trackerReady(line: string): TrackerReport | undefined {
  const report = parseTrackerReport(line);
  return report?.event === "listening" ? report : undefined;
}

/** A peer is ready when others may come. */
export function peerReady(line: string): PeerReport | undefined {
  const report = parseReport(line);
  return report?.event === "ready" ? report : undefined;
}
