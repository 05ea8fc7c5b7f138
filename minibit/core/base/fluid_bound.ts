/** The members of a swarm, as far as the bound needs them. Rates are in bytes a second, Infinity for no limit. */
export interface Uplinks {
  readonly sizeBytes: number;
  readonly seedUp: number;
  readonly leechers: readonly Leecher[];
  /** Other peers that upload but lack nothing. */
  readonly helpers?: readonly Helper[];
}

interface Leecher {
  readonly up: number;
  readonly down: number;
  /** What it lacks at the start; the whole share by default. */
  readonly lacksBytes?: number;
}

interface Helper {
  readonly up: number;
  /** What it holds at the start. */
  readonly holdsBytes: number;
}

/**
 * The shortest time in which any protocol could bring the share to all leechers, in seconds: `max{F/u_s, F/d_min, N F/(u_s + sum u_i)}`
 * for N leechers that hold nothing.
 *
 * A leecher that holds a part needs only the rest, and the seed has to send at least what nobody else holds.
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
