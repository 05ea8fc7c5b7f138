import type { PeerInput } from "../../core/link/peer_io.ts";
import type { Unit } from "../../core/link/unit.ts";
import type { BlockStore } from "../store/block_store.ts";
import type { PeerConnection } from "./peer_connections.ts";

/** Gives away units of a store's blocks, and checks a block first that may have changed on the disk. */
export class BlockServer {
  readonly #store: BlockStore;
  readonly #input: (input: PeerInput) => void;
  readonly #onError: (error: unknown) => void;

  constructor(
    store: BlockStore,
    { input, onError }: { readonly input: (input: PeerInput) => void; readonly onError: (error: unknown) => void },
  ) {
    this.#store = store;
    this.#input = input;
    this.#onError = onError;
  }

  /** Sends a unit; what cannot be given away is told to the core. */
  serve({ link, socket }: PeerConnection, unit: Unit): void {
    try {
      if (!this.#isGood(unit)) {
        this.#input({ type: "unit_lost", link });
        return;
      }
      try {
        socket.sendPayload({ type: "BLOCK", ...unit }, (into) => this.#store.readInto(unit.block, unit.offset, into));
      } catch (error) {
        if (this.#recheck(unit.block)) {
          throw error;
        }
        this.#input({ type: "unit_lost", link });
      }
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Hashes a held block again, that the neighbour of `link` found wrong. */
  check(block: number, link: number): void {
    try {
      this.#recheck(block, link);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Whether a unit may be given away: a block that may have changed is hashed before. */
  #isGood({ block, offset, length }: Unit): boolean {
    return !this.#store.needsRecheck(block, offset, length) || this.#recheck(block);
  }

  /** Hashes a held block again, and tells the core; returns whether it is right now. */
  #recheck(block: number, link?: number): boolean {
    const health = this.#store.recheck(block);
    this.#input({ type: "block_checked", block, health, ...(link === undefined ? {} : { link }) });
    return health === "intact" || health === "mended";
  }
}
