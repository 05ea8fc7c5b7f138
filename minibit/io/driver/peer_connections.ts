import { LineWatch } from "../../core/base/line_watch.ts";
import type { PeerMessage, PeerMessages } from "../../core/wire/peer_wire.ts";
import type { FramedSocket } from "../net/framed_socket.ts";

export type PeerSocket = FramedSocket<PeerMessages>;
export type BlockMessage = PeerMessage<"BLOCK">;

/** A connection of ours: the socket, who is behind it, and the payload that is coming in. */
export interface PeerConnection {
  readonly link: number;
  readonly socket: PeerSocket;
  readonly watch: LineWatch;
  peerId: number | undefined;
  payload: { readonly message: BlockMessage; at: number; readonly wanted: boolean } | undefined;
}

/** What the core knows of a neighbour, as far as its line is concerned. */
interface LiveLink {
  readonly id: number;
  readonly peerId: number;
  readonly isBusy: boolean;
}

/** The open connections of a peer, by the number that its core knows them by. */
export class PeerConnections {
  readonly #open = new Map<number, PeerConnection>();
  #lastLink = 0;
  #isPaused = false;

  /** Nothing is read from neighbours. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  get sockets(): Iterable<PeerSocket> {
    return Array.from(this.#open.values(), ({ socket }) => socket);
  }

  get(link: number): PeerConnection | undefined {
    return this.#open.get(link);
  }

  /** A connection came about, and gets the next number. */
  add(socket: PeerSocket): PeerConnection {
    const link = ++this.#lastLink;
    const connection = { link, socket, watch: new LineWatch(), peerId: undefined, payload: undefined };
    this.#open.set(link, connection);
    return connection;
  }

  /** A connection is gone. */
  delete(link: number): void {
    this.#open.delete(link);
  }

  /** Sends a message, if the connection is there still. */
  send(link: number, message: Exclude<PeerMessage, BlockMessage>): void {
    const connection = this.#open.get(link);
    connection?.watch.spoke();
    connection?.socket.send(message);
  }

  /** Reads nothing from anybody, or reads on. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const { socket } of this.#open.values()) {
      if (isPaused) {
        socket.pause();
      } else {
        socket.resume();
      }
    }
  }

  /** Gives up lines that died without a word, and tells the others that we are here. Once every HEARTBEAT_MS. */
  beat(links: Iterable<LiveLink>, onSilent: (peerId: number) => void): void {
    for (const link of links) {
      const { socket, watch } = this.#open.get(link.id) ?? {};
      const care = watch?.beat({ isBusy: link.isBusy, isDeaf: this.#isPaused });
      if (care === "give up") {
        onSilent(link.peerId);
        socket?.terminate("it owes something and says nothing");
      } else if (care === "speak") {
        socket?.send({ type: "KEEP_ALIVE" });
      }
    }
  }

  /** Closes all of them: what was sent still goes out. */
  close(): void {
    for (const { socket } of this.#open.values()) {
      socket.close("leaving");
    }
  }
}
