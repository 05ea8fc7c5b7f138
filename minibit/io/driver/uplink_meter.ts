/** Whether a peer's uplink is used, as far as the kernel tells. */
import { readFile } from "node:fs/promises";
import { type UplinkUse, UplinkWatch } from "../../core/peer/idle_time.ts";
import type { PeerDriver } from "./peer_driver.ts";

/** How often it is looked at: Linux walks a table as large as its memory for each look, and that takes milliseconds. */
const LOOK_MS = { least: 100, most: 500 };
/** Between these limits looking takes no more than this part of the time. */
const MAX_COST = 0.02;
/** Fewer looks tell nothing. */
const LEAST_LOOKS = 5;
/** What the other addresses are called by is in the second one, those of IPv4 that call a socket of IPv6 among them. */
const TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"] as const;

/** Both ends of a connection, as one machine sees them. */
export interface Ports {
  readonly localPort: number;
  readonly remotePort: number;
}

/**
 * How many bytes of these connections the kernel has taken that the other side has not confirmed.
 *
 * What a peer hands over is gone at once from its own buffers, as large as the kernel's are: a line may be full for seconds
 * while the peer has nothing to do. Source: `tx_queue` in Linux's `/proc/net/tcp`.
 *
 * @returns undefined where the system does not tell
 */
export async function unsentBytes(connections: Iterable<Ports>): Promise<number | undefined> {
  const ours = new Set(Array.from(connections, ({ localPort, remotePort }) => `${localPort} ${remotePort}`));
  try {
    const [first, second] = TABLES;
    return unsentIn(await readFile(first, "latin1"), ours) ?? unsentIn(await readFile(second, "latin1"), ours) ?? 0;
  } catch {
    return undefined;
  }
}

/** Keeps how much of the time in which somebody wanted blocks of a peer it had nothing to send. */
export class UplinkMeter {
  readonly #watch = new UplinkWatch();
  readonly #driver: PeerDriver;
  #timer: Timer | undefined;
  #looks = 0;
  #isKnown = true;
  #isOver = false;

  constructor(driver: PeerDriver) {
    this.#driver = driver;
    void this.#look();
  }

  /** Ends the watch. @returns undefined where the system does not tell, or too little was seen */
  stop(): UplinkUse | undefined {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#watch.note({ isWanted: false, isBusy: false }, performance.now());
    return this.#isKnown && this.#looks >= LEAST_LOOKS ? this.#watch.use : undefined;
  }

  async #look(): Promise<void> {
    const nowMs = performance.now();
    const { isWanted, isAsked } = this.#driver.core.session?.demand ?? { isWanted: false, isAsked: false };
    const unsent = isWanted && !isAsked ? await unsentBytes(this.#driver.sockets) : 0;
    this.#isKnown = unsent !== undefined;
    if (unsent !== undefined && !this.#isOver) {
      this.#looks += isWanted ? 1 : 0;
      this.#watch.note({ isWanted, isBusy: isAsked || unsent > 0 }, nowMs);
      const waitMs = Math.max(LOOK_MS.least, (performance.now() - nowMs) / MAX_COST);
      this.#timer = setTimeout(() => void this.#look(), Math.min(LOOK_MS.most, waitMs));
    }
  }
}

/** Undefined: it names none of ours. Lines are `sl local_address:port rem_address:port st tx_queue:rx_queue ...`, all in hexadecimal. */
function unsentIn(table: string, ours: ReadonlySet<string>): number | undefined {
  let sum: number | undefined;
  for (const [, local = "", remote = "", unsent = ""] of table.matchAll(
    /^ *\d+: [\dA-F]+:([\dA-F]{4}) [\dA-F]+:([\dA-F]{4}) [\dA-F]{2} ([\dA-F]{8}):/gm,
  )) {
    if (ours.has(`${Number.parseInt(local, 16)} ${Number.parseInt(remote, 16)}`)) {
      sum = (sum ?? 0) + Number.parseInt(unsent, 16);
    }
  }
  return sum;
}
