import { formatDuration } from "../io/os/units.ts";

/** When enough machines have their copy the others have some more time, and no more than that. */
export class QuorumGrace {
  readonly #options: QuorumGraceOptions;
  #timer: Timer | undefined;

  constructor(options: QuorumGraceOptions) {
    this.#options = options;
  }

  /** Tells how many machines have their copy now. */
  confirmed(count: number): void {
    const { hosts, quorum, graceMs, tell, onOver } = this.#options;
    if (this.#timer === undefined && quorum < 1 && count < hosts && count >= quorum * hosts) {
      const grace = formatDuration(graceMs);
      tell(`${count} of ${hosts} hosts have their copy, which is enough: the others have ${grace} more (--grace)`);
      this.#timer = setTimeout(() => onOver(`when enough had their copy and ${grace} more had passed`), graceMs);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** What is enough, and what follows. */
export interface QuorumGraceOptions {
  readonly hosts: number;
  /** The part of them that is enough, 0 to 1. */
  readonly quorum: number;
  readonly graceMs: number;
  /** Gets the line that tells of it, once. */
  readonly tell: (line: string) => void;
  /** Called when the time is over, with words for when that was. */
  readonly onOver: (when: string) => void;
}
