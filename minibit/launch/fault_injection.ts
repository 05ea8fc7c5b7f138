/** What `run_full.ts` can do to a swarm so that there is something to see: its flags, and what they mean for each peer. */
import { UserError } from "../core/base/errors.ts";
import { formatPercent, parsePeerId, parsePercent, parseRate, UnitError } from "../io/os/units.ts";
import type { PeerRecord } from "./peer_record.ts";

/** A peer that sends wrong bytes may be banned by all. When nothing has come to it for so long nothing will. */
const BANNED_AFTER_MS = 30_000;

/** Something for one peer: `4=100KiB/s`. */
export interface PeerFaultValue {
  readonly id: number;
  /** What is handed to it, checked. */
  readonly text: string;
}

/** The flags, all of them for peers on this machine. */
export const FAULT_FLAGS = {
  peerLimit: {
    value: "peer=rate",
    help: "to teach: most that this peer sends, in place of --upload-limit",
    parse: forPeer("=", parsePeerLimit, "4=100KiB/s"),
    repeats: true,
  },
  freeRider: {
    value: "peer",
    help: "to teach: this peer takes and never gives",
    parse: (text: string): PeerFaultValue => ({ id: parsePeerId(text), text: "" }),
    repeats: true,
  },
  kill: {
    value: "peer@percent",
    help: "to teach: this peer is ended abruptly when it holds so many of the blocks",
    parse: forPeer("@", parsePercent, "2@40%"),
    repeats: true,
  },
  corrupt: {
    value: "peer=percent",
    help: "to teach: this peer sends a wrong byte in so many of its blocks",
    parse: forPeer("=", parsePercent, "5=1%"),
    repeats: true,
  },
  open: { help: "open the tracker's page in a browser" },
  stay: { help: "keep the tracker's page when all is done, until Ctrl+C" },
} as const;

/** The values of the flags that are about one peer. */
export interface FaultValues {
  readonly peerLimit: readonly PeerFaultValue[];
  readonly freeRider: readonly PeerFaultValue[];
  readonly kill: readonly PeerFaultValue[];
  readonly corrupt: readonly PeerFaultValue[];
}

/** What is injected into one peer, as the flags say it. */
interface PeerFaults {
  readonly peerLimit?: string;
  readonly freeRider?: string;
  readonly kill?: string;
  readonly corrupt?: string;
}

/** Which peers of a run misbehave on purpose, and what that means for its end. */
export class FaultInjection {
  readonly #byPeer = new Map<number, PeerFaults>();

  /**
   * @param peers how many there are, peer 0 among them
   * @throws {UserError} an unknown peer, one that is needed whole, two wishes that exclude each other
   */
  constructor(values: FaultValues, peers: number) {
    for (const name of ["peerLimit", "freeRider", "kill", "corrupt"] as const) {
      for (const { id, text } of values[name]) {
        this.#add(name, { id, text, peers });
      }
    }
    if (peers > 1 && this.victims >= peers - 1) {
      throw refusal("--kill for every peer: at least one besides peer 0 must be left");
    }
  }

  /** How many peers will be killed. */
  get victims(): number {
    return [...this.#byPeer.keys()].filter((id) => this.isVictim(id)).length;
  }

  /** The upload limits of peers that have one of their own, in bytes a second; a free rider's is 0. */
  get uploadLimits(): ReadonlyMap<number, number> {
    const limits = new Map<number, number>();
    for (const [id, { peerLimit, freeRider }] of this.#byPeer) {
      if (freeRider !== undefined) {
        limits.set(id, 0);
      } else if (peerLimit !== undefined) {
        limits.set(id, parseRate(peerLimit));
      }
    }
    return limits;
  }

  /** Whether this peer is to be killed. */
  isVictim(id: number): boolean {
    return this.#byPeer.get(id)?.kill !== undefined;
  }

  /** What a peer's own command line gets, behind what all get. */
  flagsOf(id: number): string[] {
    const { peerLimit, freeRider, kill, corrupt } = this.#byPeer.get(id) ?? {};
    return [
      ...(peerLimit === undefined ? [] : ["--upload-limit", peerLimit]),
      ...(freeRider === undefined ? [] : ["--free-rider"]),
      ...(kill === undefined ? [] : ["--kill-at", kill]),
      ...(corrupt === undefined ? [] : ["--corrupt", corrupt]),
    ];
  }

  /**
   * Peers that sent wrong bytes and will never complete, as all the others have banned them. Nobody, as long as others
   * are still at work.
   */
  bannedPeers(records: readonly PeerRecord[], nowMs: number): number[] {
    if ([...this.#byPeer.values()].every(({ corrupt }) => corrupt === undefined)) {
      return [];
    }
    const unfinished = records.filter(({ id, completeMs }) => id > 0 && completeMs === undefined && !this.isVictim(id));
    const isBanned = ({ id, quietSinceMs }: PeerRecord): boolean =>
      this.#byPeer.get(id)?.corrupt !== undefined &&
      quietSinceMs !== undefined &&
      nowMs - quietSinceMs >= BANNED_AFTER_MS;
    return unfinished.every(isBanned) ? unfinished.map(({ id }) => id) : [];
  }

  /** Why a peer has no copy though nothing went wrong; undefined: it should have one. */
  expectedFailure(record: PeerRecord, blockCount: number): string | undefined {
    const { id, killedBlocks, blocks, completeMs } = record;
    const far = (held: number): string => formatPercent(held / Math.max(1, blockCount));
    if (this.isVictim(id)) {
      return killedBlocks === undefined
        ? `killed on purpose at ${far(blocks)}, when the others were done`
        : `killed on purpose at ${far(killedBlocks)}`;
    }
    if (this.#byPeer.get(id)?.corrupt !== undefined && completeMs === undefined) {
      return `banned by all for its wrong bytes (on purpose) at ${far(blocks)}`;
    }
    return undefined;
  }

  /** What to remember of a peer that is special, behind its verdict. */
  noteOf(id: number): string {
    const { peerLimit, freeRider, corrupt } = this.#byPeer.get(id) ?? {};
    const notes = [
      ...(peerLimit === undefined ? [] : [`sends at most ${peerLimit}`]),
      ...(freeRider === undefined ? [] : ["free rider"]),
      ...(corrupt === undefined ? [] : ["sends wrong bytes"]),
    ];
    return notes.length === 0 ? "" : ` (${notes.join(", ")})`;
  }

  #add(name: keyof PeerFaults, wish: PeerFaultValue & { readonly peers: number }): void {
    const { id, text, peers } = wish;
    const flag = FLAG_OF[name];
    if (id >= peers) {
      throw refusal(`${flag} for peer ${id}: there are only peers 0 to ${peers - 1} (see --peers)`);
    }
    if (id === 0 && name !== "peerLimit") {
      throw refusal(`${flag} for peer 0: without the one that has the source nobody completes`);
    }
    const own = { ...this.#byPeer.get(id) };
    if (own[name] !== undefined) {
      throw refusal(`${flag} twice for peer ${id}`);
    }
    if (own.freeRider !== undefined && name === "corrupt") {
      throw refusal(`${flag} for peer ${id}: it is a free rider and sends nothing`);
    }
    if (own.peerLimit !== undefined && name === "freeRider") {
      throw refusal(`${FLAG_OF.peerLimit} for peer ${id}: it is a free rider and sends nothing`);
    }
    this.#byPeer.set(id, { ...own, [name]: text });
  }
}

const FLAG_OF: { readonly [N in keyof PeerFaults]-?: string } = {
  peerLimit: "--peer-limit",
  freeRider: "--free-rider",
  kill: "--kill",
  corrupt: "--corrupt",
};

/**
 * Refuses what is of no use for peers on other machines.
 *
 * @throws {UserError} naming the flag
 */
export function refuseFaults(values: FaultValues & { readonly stay: boolean }): void {
  for (const [name, flag] of Object.entries(FLAG_OF)) {
    if (values[name as keyof PeerFaults].length > 0) {
      throw refusal(`${flag} with --hosts: it is for peers on this machine`);
    }
  }
  if (values.stay) {
    throw refusal("--stay with --hosts: it is for a swarm on this machine");
  }
}

/** A rate. Elsewhere 0 is no limit; for one peer it would be taken for its contrary. */
function parsePeerLimit(text: string): number {
  if (text === "0") {
    throw new UnitError(
      "rate",
      text,
      "0 is no rate (write unlimited for no limit; who gives nothing is a --free-rider)",
    );
  }
  return parseRate(text);
}

/** Reads a peer's number, `sign`, and what `parse` takes; 0 and all there is are no parts to wait for or to send wrong. */
function forPeer(sign: string, parse: (text: string) => number, example: string): (text: string) => PeerFaultValue {
  return (text) => {
    const at = text.indexOf(sign);
    if (at < 0) {
      throw new UnitError("peer", text, `no peer and '${sign}' in front (write it like ${example})`);
    }
    const [id, value] = [text.slice(0, at), text.slice(at + 1)];
    if (parse(value) === 0) {
      throw new UnitError("peer", text, `${value} is nothing (write it like ${example})`);
    }
    return { id: parsePeerId(id), text: value };
  };
}

function refusal(what: string): UserError {
  return new UserError(`Cannot use ${what}`, { exitCode: 2 });
}
