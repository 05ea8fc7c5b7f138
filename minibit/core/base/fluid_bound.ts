/** What a swarm is made of, for the bound. Rates in bytes a second, Infinity for no limit. */
export interface Uplinks {
  readonly sizeBytes: number;
  readonly seedUp: number;
  readonly leechers: readonly Leecher[];
  /** Others that give: who lacks nothing, and whose end nobody waits for. */
  readonly helpers?: readonly Helper[];
}

interface Leecher {
  readonly up: number;
  readonly down: number;
  /** What it lacks in the beginning; left out: all of it. */
  readonly lacksBytes?: number;
}

interface Helper {
  readonly up: number;
  /** What it holds in the beginning. */
  readonly holdsBytes: number;
}

/**
 * The shortest time in which anybody could bring the share to all, in seconds: `max{F/u_s, F/d_min, N F/(u_s + sum u_i)}`
 * for N leechers that hold nothing.
 *
 * Who holds a part needs the rest of it only, and the seed has to send at least what nobody else can hold.
 *
 * Source: Kumar and Ross 2006, "Peer-assisted file distribution: the minimum distribution time".
 */
export function fluidBoundSeconds({ sizeBytes, seedUp, leechers, helpers = [] }: Uplinks): number {
  const allUp = [...leechers, ...helpers].reduce((sum, { up }) => sum + up, seedUp);
  const lacks = leechers.map(({ lacksBytes = sizeBytes }) => lacksBytes);
  const allBytes = lacks.reduce((sum, bytes) => sum + bytes, 0);
  const heldBytes = helpers.reduce((sum, { holdsBytes }) => sum + holdsBytes, sizeBytes * leechers.length - allBytes);
  const slowestDown = Math.max(...leechers.map(({ down }, i) => (lacks[i] ?? 0) / down));
  return Math.max(Math.max(0, sizeBytes - heldBytes) / seedUp, slowestDown, allBytes / allUp);
}
