/** How often a complete peer looks whether it may leave. */
const CHECK_MS = 250;

/** What a complete peer knows of those it may leave behind. Times in milliseconds. */
export interface LeaveView {
  /** Whether somebody is known to lack blocks still. */
  readonly isNeeded: () => boolean;
  /** How long nobody must have been, before it leaves. */
  readonly quietMs: () => number;
  /** Called at every look: asks for news. */
  readonly refresh: () => void;
}

/** Waits until a complete peer was not needed for long enough: without those who have all, the last ones starve. */
export async function untilNotNeeded(view: LeaveView): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let quietSinceMs = Number.POSITIVE_INFINITY;
  const timer = setInterval(() => {
    view.refresh();
    const nowMs = performance.now();
    quietSinceMs = view.isNeeded() ? Number.POSITIVE_INFINITY : Math.min(quietSinceMs, nowMs);
    if (nowMs - quietSinceMs >= view.quietMs()) {
      resolve();
    }
  }, CHECK_MS);
  // a peer that is stopped while it waits must be free to end
  timer.unref();
  await promise.finally(() => clearInterval(timer));
}
