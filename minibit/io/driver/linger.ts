import type { Leave } from "../../core/peer/leaving.ts";
import type { PeerCore } from "../../core/peer/peer_core.ts";

/** How often a complete peer looks whether it may leave. */
const CHECK_MS = 250;

/** What a complete peer asks itself. */
export interface LeaveWatch {
  /** The rule, with what is known now. */
  readonly leave: () => Leave;
  /** Anything that differs when those who lack blocks have got some. */
  readonly progress: () => string;
  /** Settles to look at once. */
  readonly news?: Promise<void>;
}

/** Whether a neighbour lacks blocks, and what changes when one gets some. */
export function needsOf(core: PeerCore | undefined): { readonly isAnyInNeed: boolean; readonly progress: string } {
  const links = [...(core?.liveLinks() ?? [])];
  const { upBytes = 0 } = core?.sharing?.stats(performance.now()) ?? {};
  return {
    isAnyInNeed: links.some((link) => link.isInNeed),
    progress: `${upBytes} ${links.reduce((sum, { holds }) => sum + (holds?.count ?? 0), 0)}`,
  };
}

/** Waits until a complete peer may leave. */
export async function untilNotNeeded({ leave, progress, news }: LeaveWatch): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let quietSinceMs = Number.POSITIVE_INFINITY;
  let last: string | undefined;
  let progressMs = performance.now();
  const look = (): void => {
    const nowMs = performance.now();
    const { isNeeded, quietMs, patienceMs } = leave();
    const now = progress();
    if (now !== last || patienceMs === Number.POSITIVE_INFINITY) {
      last = now;
      progressMs = nowMs;
    }
    quietSinceMs = isNeeded ? Number.POSITIVE_INFINITY : Math.min(quietSinceMs, nowMs);
    if (nowMs - quietSinceMs >= quietMs || nowMs - progressMs >= patienceMs) {
      resolve();
    }
  };
  const timer = setInterval(look, CHECK_MS);
  // a peer that is stopped while it waits must be free to end
  timer.unref();
  void news?.then(look);
  await promise.finally(() => clearInterval(timer));
}
