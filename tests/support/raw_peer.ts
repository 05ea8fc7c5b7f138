import { PROTOCOL_VERSION } from "../../minibit/core/base/limits.ts";
import {
  type PeerMessage,
  type PeerMessageName,
  type PeerMessages,
  peerWire,
} from "../../minibit/core/wire/peer_wire.ts";
import { connectFramed } from "../../minibit/io/net/connect_framed.ts";
import type { FramedSocket } from "../../minibit/io/net/framed_socket.ts";
import { HOST } from "./test_bed.ts";
import { until } from "./until.ts";

/** A neighbour by script: speaks the peers' protocol over a real socket, and does nothing by itself. */
export class RawPeer {
  readonly id: number;
  /** Control messages in the order they came, and BLOCKs without their payload. */
  readonly inbox: PeerMessage[] = [];
  /** Whether the other side lets us ask: its last word. */
  unchoked = false;
  /** Told of each CHOKE and UNCHOKE. */
  onSlot: () => void = () => undefined;
  #socket: FramedSocket<PeerMessages> | undefined;
  #closed = false;

  private constructor(id: number) {
    this.id = id;
  }

  /** Calls a peer and greets it. */
  static async call(port: number, options: { readonly id: number; readonly swarmId: Uint8Array }): Promise<RawPeer> {
    const { id, swarmId } = options;
    const peer = new RawPeer(id);
    const result = await connectFramed(peerWire, {
      connect: (socket) => Bun.connect({ hostname: HOST, port, socket }),
      timeoutMs: 5000,
      accept: () => ({
        onMessage: (message) => peer.#received(message),
        onPayload: (message, _, last) => {
          if (last) {
            peer.#received(message);
          }
        },
        onPayloadStart: () => true,
        onClosed: () => {
          peer.#closed = true;
        },
      }),
    });
    if (!result.ok) {
      throw new Error(`Cannot call ${HOST}:${port}: ${result.detail}`);
    }
    peer.#socket = result.socket;
    peer.send({ type: "HELLO", version: PROTOCOL_VERSION, swarmId, peerId: id });
    await peer.received("HELLO");
    return peer;
  }

  /** Whether the connection has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  send(message: Exclude<PeerMessage, PeerMessage<"BLOCK">>): void {
    this.#socket?.send(message);
  }

  sendPayload(message: PeerMessage<"BLOCK">, payload: Uint8Array): void {
    this.#socket?.sendPayload(message, (into) => into.set(payload));
  }

  /** Reads nothing any more. */
  pause(): void {
    this.#socket?.pause();
  }

  request(block: number, length: number): void {
    this.send({ type: "REQUEST", block, offset: 0, length });
  }

  /** All messages of a kind. */
  all<Name extends PeerMessageName>(type: Name): PeerMessage<Name>[] {
    return this.inbox.filter((message): message is PeerMessage<Name> => message.type === type);
  }

  /** Waits for the n-th message of a kind. */
  async received<Name extends PeerMessageName>(type: Name, nth = 1): Promise<PeerMessage<Name>> {
    return await until(`${type} ${nth} at raw peer ${this.id}`, () => this.all(type)[nth - 1], {
      details: () => this.inbox.map((message) => message.type).join(" "),
    });
  }

  /** Waits until all that the other side sent before this call is here. */
  async caughtUp(): Promise<void> {
    const answers = this.all("HAS").length;
    this.send({ type: "HAVE", block: 0 });
    await this.received("HAS", answers + 1);
  }

  close(): void {
    this.#socket?.terminate("test over");
  }

  #received(message: PeerMessage): void {
    this.inbox.push(message);
    if (message.type === "CHOKE" || message.type === "UNCHOKE") {
      this.unchoked = message.type === "UNCHOKE";
      this.onSlot();
    }
  }
}
