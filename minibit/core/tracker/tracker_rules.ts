import { ProtocolError } from "../base/errors.ts";
import { MAX_BLOCK_BYTES, MAX_BLOCKS, PROTOCOL_VERSION } from "../base/limits.ts";
import { quote } from "../base/quote.ts";
import type { PeerAddress, ShareSummary, TrackerErrorCode, TrackerMessage } from "../wire/tracker_wire.ts";

/** What a tracker asks of those who register. */

/** A request that cannot be served: told to the peer, whose link then closes. */
export class TrackerRefusal extends Error {
  override readonly name = "TrackerRefusal";
  readonly code: TrackerErrorCode;

  constructor(code: TrackerErrorCode, text: string) {
    super(text);
    this.code = code;
  }
}

/** As much of a swarm's id as tells it from others. */
const ID_WORD = /^[0-9a-f]{8,64}$/i;

/** Whether a summary tells of a share: that of a peer which has not seen the manifest yet is all zeros. */
export function isKnown(share: ShareSummary): boolean {
  return share.blockSizeBytes > 0;
}

/** Whether a registration names its swarm; one of zeros means the only one there is, or that of a word. */
export function namesSwarm(register: TrackerMessage<"REGISTER">): boolean {
  return register.swarmId.some((byte) => byte !== 0);
}

/** Whether a word of a user's means this swarm: its share's name, or the first 8 digits of its id or more; any does if there is none. */
export function isMeant(word: string, swarm: { readonly id: string; readonly share: ShareSummary }): boolean {
  return word === "" || swarm.share.name === word || (ID_WORD.test(word) && swarm.id.startsWith(word.toLowerCase()));
}

export function sameShare(a: ShareSummary, b: ShareSummary): boolean {
  return (
    a.name === b.name &&
    a.sizeBytes === b.sizeBytes &&
    a.blockSizeBytes === b.blockSizeBytes &&
    a.blockCount === b.blockCount
  );
}

/** A share for people. */
export function describeShare({ name, sizeBytes, blockSizeBytes, blockCount }: ShareSummary): string {
  return `${quote(name, 40)} of ${sizeBytes} bytes in ${blockCount} blocks of ${blockSizeBytes}`;
}

/**
 * Checks what a registration says about itself.
 *
 * @throws {TrackerRefusal} another version of the protocol
 * @throws {ProtocolError} values that cannot be, or do not agree with each other
 */
export function checkRegistration(register: TrackerMessage<"REGISTER">): void {
  const { version, share, blocks, port } = register;
  if (version !== PROTOCOL_VERSION) {
    throw new TrackerRefusal(
      "version",
      `Cannot register: the tracker speaks version ${PROTOCOL_VERSION}, the peer ${version} (update the older one)`,
    );
  }
  if (port === 0) {
    throw new ProtocolError("Cannot register a peer on port 0: nobody could call it");
  }
  if (blocks.size !== share.blockCount) {
    throw new ProtocolError(`Cannot register ${blocks.size} blocks of a share of ${share.blockCount}`);
  }
  if (!isKnown(share)) {
    if (share.blockCount > 0) {
      throw new ProtocolError("Cannot register blocks of a share that is not known");
    }
    return;
  }
  if (!namesSwarm(register)) {
    throw new ProtocolError("Cannot register a share without its swarm id");
  }
  const { sizeBytes, blockSizeBytes, blockCount } = share;
  if (
    blockSizeBytes > MAX_BLOCK_BYTES ||
    blockCount > MAX_BLOCKS ||
    blockCount !== Math.ceil(sizeBytes / blockSizeBytes)
  ) {
    throw new ProtocolError(`Cannot register the share ${describeShare(share)}: its sizes do not agree or are too big`);
  }
}

/**
 * Where a peer can be called, best first: at what it told, then where its connection comes from, which may be a router
 * that lets nobody in; loopback addresses, of use on its own machine only, come last of all.
 */
export function reachableHosts(registered: readonly string[], connectedFrom: string): string[] {
  const hosts = [...registered, connectedFrom].map(plainHost).filter((host) => !EVERY_ADDRESS.includes(host));
  return [...new Set([...hosts.filter((host) => !isLoopback(host)), ...hosts.filter(isLoopback)])];
}

/** Who listens at these can be called at any address of its machine, but not at these. */
const EVERY_ADDRESS: readonly string[] = ["", "0.0.0.0", "::"];

/** An address as others can use it: an IPv4 one in IPv6's clothes is unpacked, and the zone, which means something on one machine only, left out. */
function plainHost(host: string): string {
  return host.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "").replace(/%.*$/, "");
}

function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Whether a registration in a swarm that everybody left begins a new round, with nobody complete yet.
 *
 * A group that is done would otherwise send home at once whoever shares the same again. A peer that was complete and
 * comes back, after a crash say, is no new round: it is told that the group is done.
 */
export function startsAnew(
  swarm: { readonly peers: { readonly size: number }; readonly expected: number; readonly done: boolean },
  register: TrackerMessage<"REGISTER">,
): boolean {
  const isOver = swarm.peers.size === 0 && (swarm.done || swarm.expected === 0);
  return isOver && (register.peerId === 0 || !register.done);
}

/** A peer's address alone, of all that is known of it. */
export function addressOf({ id, hosts, port }: PeerAddress): PeerAddress {
  return { id, hosts, port };
}

/** What is pushed when a group is complete. */
export function swarmDone(incomplete: number): TrackerMessage<"SWARM_DONE"> {
  return { type: "SWARM_DONE", incomplete };
}

/** Refuses what a tracker says and never hears. @throws {ProtocolError} */
export function notForTrackers({ type }: TrackerMessage): never {
  throw new ProtocolError(`Cannot use ${type}: it is what a tracker sends`);
}
