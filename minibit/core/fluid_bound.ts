/** What a swarm is made of, for the bound. Rates in bytes a second, Infinity for no limit. */
export interface Uplinks {
  readonly sizeBytes: number;
  readonly seedUp: number;
  readonly leechers: readonly { readonly up: number; readonly down: number }[];
}

/**
 * The shortest time in which anybody could bring the share to all, in seconds: `max{F/u_s, F/d_min, N F/(u_s + sum u_i)}`
 * for N leechers.
 *
 * Source: Kumar and Ross 2006, "Peer-assisted file distribution: the minimum distribution time".
 */
export function fluidBoundSeconds({ sizeBytes, seedUp, leechers }: Uplinks): number {
  const allUp = leechers.reduce((sum, { up }) => sum + up, seedUp);
  const slowestDown = Math.min(...leechers.map(({ down }) => down));
  return sizeBytes * Math.max(1 / seedUp, 1 / slowestDown, leechers.length / allUp);
}
