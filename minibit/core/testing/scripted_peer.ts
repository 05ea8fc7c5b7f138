import { createRng } from "../base/rng.ts";
import type { DropReason, PeerEvent, PeerInput, PeerOutput } from "../link/peer_io.ts";
import { helloOf } from "../peer/handshake.ts";
import { PeerCore, type PeerCoreOptions } from "../peer/peer_core.ts";
import type { Bitfield } from "../share/bitfield.ts";
import type { Geometry } from "../share/geometry.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";

export const SWARM_ID: Uint8Array = new Uint8Array(32).fill(7);

/** One core whose neighbours and driver are played by the test: input by input, output by output. */
export class ScriptedPeer {
  readonly core: PeerCore;
  readonly outputs: PeerOutput[] = [];
  nowMs = 0;

  /** Peer 1. */
  constructor(options: Partial<PeerCoreOptions> = {}) {
    this.core = new PeerCore({ peerId: 1, swarmId: SWARM_ID, rng: createRng(1), ...options }, 0);
  }

  input(input: PeerInput): readonly PeerOutput[] {
    const outputs = this.core.handle(input, this.nowMs);
    this.outputs.push(...outputs);
    return outputs;
  }

  /** Knows the manifest from now on. */
  open(geometry: Geometry, have: Bitfield): void {
    this.input({ type: "manifest_opened", geometry, have, manifest: new Uint8Array([1, 2, 3]) });
  }

  /** A neighbour calls on this link and says HELLO. */
  greet(link: number, peerId: number): void {
    this.input({ type: "link_opened", link });
    this.say(link, helloOf({ peerId, swarmId: SWARM_ID }));
  }

  say(link: number, message: PeerMessage, receivedBytes = 0): readonly PeerOutput[] {
    return this.input({ type: "received", link, message, receivedBytes });
  }

  /** Ticks at each deadline until `nowMs`. */
  runTo(nowMs: number): void {
    while (this.core.nextDeadlineMs() <= nowMs) {
      this.nowMs = Math.max(this.nowMs, this.core.nextDeadlineMs());
      this.input({ type: "tick" });
    }
    this.nowMs = nowMs;
  }

  /** All messages sent on a link so far. */
  sentTo(link: number): PeerMessage[] {
    return this.outputs.flatMap((output) => (output.type === "send" && output.link === link ? [output.message] : []));
  }

  /** The messages of one type sent on a link so far. */
  sent<Name extends PeerMessage["type"]>(link: number, type: Name): PeerMessage<Name>[] {
    return this.sentTo(link).filter((message): message is PeerMessage<Name> => message.type === type);
  }

  events<Kind extends PeerEvent["kind"]>(kind: Kind): Extract<PeerEvent, { readonly kind: Kind }>[] {
    return this.outputs.flatMap((output) =>
      output.type === "event" && output.event.kind === kind
        ? [output.event as Extract<PeerEvent, { readonly kind: Kind }>]
        : [],
    );
  }

  /** Why a link was dropped, if it was. */
  dropped(link: number): DropReason | undefined {
    const drop = this.outputs.find((output) => output.type === "drop" && output.link === link);
    return drop?.type === "drop" ? drop.reason : undefined;
  }

  /** The peers it wants to dial, in order. */
  dials(): number[] {
    return this.outputs.flatMap((output) => (output.type === "dial" ? [output.address.id] : []));
  }
}
