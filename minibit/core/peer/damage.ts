import { ProtocolError } from "../base/errors.ts";
import type { RequestScheduler } from "../download/request_scheduler.ts";
import type { LiveLink } from "../link/link.ts";
import type { BlockHealth, PeerOutput } from "../link/peer_io.ts";
import type { Bitfield } from "../share/bitfield.ts";
import type { Uploader } from "../upload/uploader.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import type { Announcer } from "./announcer.ts";

/** What our own damaged blocks concern. */
interface DamageParts {
  /** The blocks we give; what is damaged is taken out. */
  readonly offered: Bitfield;
  readonly links: ReadonlySet<LiveLink>;
  readonly scheduler: RequestScheduler;
  readonly serving: Uploader;
  readonly announcer: Announcer;
  readonly emit: (output: PeerOutput) => void;
  readonly send: (link: LiveLink, message: PeerMessage) => void;
}

/**
 * Blocks of our own that were damaged after they were verified, on a disk or by somebody who writes to the copy.
 *
 * Who doubts a block has it hashed again, and when it was right is told so: then it does not take us for a liar. All others are told when
 * a block cannot be given any more.
 */
export class OwnDamage {
  readonly #parts: DamageParts;
  /** Blocks that were found damaged at some time. */
  readonly #damaged = new Set<number>();

  constructor(parts: DamageParts) {
    this.#parts = parts;
  }

  /** A neighbour says that `block` came with a wrong hash. @throws {ProtocolError} it said so before: it would have us hash for ever */
  doubted(link: LiveLink, block: number): void {
    if (link.complained) {
      throw new ProtocolError("Cannot look into two complaints of one link: it ends with the first");
    }
    link.complain();
    this.#parts.serving.silence(link);
    if (this.#parts.offered.has(block)) {
      this.#parts.emit({ type: "check_block", block, link: link.id });
    } else {
      this.#admit(link, block);
    }
  }

  /** A held block was hashed again, because `doubter` asked for it or since it looked changed. */
  checked(block: number, options: { readonly health: BlockHealth; readonly doubter: LiveLink | undefined }): void {
    const { health, doubter } = options;
    const { offered, emit, links, scheduler, serving, announcer } = this.#parts;
    if (health !== "intact" && offered.has(block)) {
      this.#damaged.add(block);
      emit({ type: "event", event: { kind: "damaged", block, health } });
      if (health !== "mended") {
        offered.delete(block);
        announcer.lost(block, links);
        serving.withdraw(block);
      }
      if (health === "lost") {
        scheduler.lost(block);
      }
    }
    if (doubter !== undefined) {
      this.#admit(doubter, block);
    }
  }

  #admit(link: LiveLink, block: number): void {
    if (this.#damaged.has(block)) {
      this.#parts.send(link, { type: "LOST_BLOCKS", blocks: [block] });
    }
  }
}
