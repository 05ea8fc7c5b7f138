import { UserError } from "../core/base/errors.ts";
import type { SwarmStatus } from "../core/tracker/tracker_swarm.ts";
import { formatCount, formatDuration, formatPercent, formatRate } from "../io/os/units.ts";

/**
 * Whether enough of an expected group hold the share when their time is over.
 *
 * One of the group is the seed; the part is one of the others, the receivers.
 *
 * @param swarm undefined: nobody came
 * @returns the exit code for success
 * @throws {UserError} too few do; it names the others, and how far each is
 */
export function checkGroup(
  swarm: SwarmStatus | undefined,
  group: { readonly expected: number; readonly quorum: number; readonly deadlineMs: number },
): number {
  const { expected, quorum, deadlineMs } = group;
  const receivers = expected - 1;
  const confirmed = Math.max(0, (swarm?.complete ?? 0) - 1);
  if (confirmed >= quorum * receivers) {
    return 0;
  }
  const came = swarm?.peers ?? [];
  const missing = expected - came.length;
  const laggards = [
    ...came.filter((peer) => !peer.complete).map((peer) => `${peer.name} at ${peer.host} (${stateOf(peer)})`),
    ...(missing > 0 ? [`${missing} that never came`] : []),
  ];
  throw new UserError(
    `Cannot confirm ${formatPercent(quorum)} of ${formatCount(receivers, "receiver")} after ${formatDuration(deadlineMs)}: ${confirmed} ${confirmed === 1 ? "holds" : "hold"} the share, not ${laggards.join(", ")}`,
  );
}

/** How often it is looked whether a peer that fell silent has come back. */
const LOOK_MS = 100;

/**
 * `checkGroup`, but while it fails those who fell silent just before have the time to come back: what counts is what they
 * hold, and not whether their line to the tracker broke at the wrong moment.
 *
 * @param swarm the swarm as it is now
 * @param options `comeBackMs`: in how many milliseconds nobody is expected back any more
 * @throws {UserError} as `checkGroup`
 */
export async function judgeGroup(
  swarm: () => SwarmStatus | undefined,
  options: Parameters<typeof checkGroup>[1] & { readonly comeBackMs: () => number },
): Promise<number> {
  for (;;) {
    const waitMs = options.comeBackMs();
    try {
      return checkGroup(swarm(), options);
    } catch (error) {
      if (waitMs === 0) {
        throw error;
      }
    }
    await Bun.sleep(Math.min(waitMs, LOOK_MS));
  }
}

function stateOf(peer: SwarmStatus["peers"][number]): string {
  const far = peer.percent === 100 ? "100%, but no copy yet" : formatPercent(peer.percent / 100);
  return peer.state === "here"
    ? `too slow: ${far} at ${formatRate(peer.downBytesPerSecond)}`
    : `${peer.state} at ${far}`;
}
