// Room io/net: framed TCP: connections, listeners, buffers, back-pressure, for any table of messages.
// It knows no message by name, and no store: what a message means is the core's to say.

import { ProtocolError } from "../../core/base/errors.ts";
import { CLOSE_TIMEOUT_MS, MAX_QUEUED_SEND_BYTES, TCP_KEEP_ALIVE_MS } from "../../core/base/limits.ts";
import type { ControlMessageOf, MessageTable, PayloadMessageOf, Wire } from "../../core/wire/message_table.ts";
import { formatAddress } from "../os/units.ts";
import { FrameReader, type PartialPayload } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";

/** Why a connection ended. */
export interface Closed<T extends MessageTable> {
  /**
   * ended: the other side closed; closed: `close` or `terminate` was called here; protocol: the other side sent
   * nonsense; overflow: it does not read what we send; failed: the network or the other process died.
   */
  readonly cause: "ended" | "closed" | "protocol" | "overflow" | "failed";
  /** For people: what was wrong, or the reason given to `close`. */
  readonly detail: string;
  /** A payload that was cut off. */
  readonly payload: PartialPayload<T> | undefined;
}

/**
 * What a connection's owner wants to hear. Nothing is called any more after `close`, `terminate` or the first
 * `ProtocolError`, but `onClosed`, once. A handler of received things may throw `ProtocolError`: what came is
 * well-formed but not allowed.
 */
export interface FrameHandlers<T extends MessageTable> {
  /** The connection has its handlers: from now on it may send, and things may come. Called at once, unless it was closed before. */
  onStart?(): void;
  onMessage(message: ControlMessageOf<T>): void;
  /** A message with a payload begins; false (or no handler): its bytes are skipped. */
  onPayloadStart?(message: PayloadMessageOf<T>): boolean;
  /** The next bytes of the payload, valid during the call only: who keeps them keeps an `ownedCopy`. `last`: the payload is whole. */
  onPayload?(message: PayloadMessageOf<T>, slice: Uint8Array, last: boolean): void;
  /** The kernel has taken all of a payload: the next may follow. Called in a later turn of the event loop. */
  onPayloadSent?(message: PayloadMessageOf<T>): void;
  /** The other side broke the protocol; `send` still works, for a last word. `onClosed` follows. */
  onProtocolError?(error: ProtocolError): void;
  /** The connection is gone. Never called from inside a method of the socket. */
  onClosed?(closed: Closed<T>): void;
}

/** Takes on a new connection: returns who handles it. It may close the connection again; what it sends, it sends in `onStart`. */
export type Accept<T extends MessageTable> = (socket: FramedSocket<T>) => FrameHandlers<T>;

/** What went over one or more connections: bytes with framing, messages by name. */
export interface Traffic<T extends MessageTable> {
  receivedBytes: number;
  sentBytes: number;
  readonly received: Record<keyof T & string, number>;
  readonly sent: Record<keyof T & string, number>;
}

/** Counters at zero. */
export function createTraffic<T extends MessageTable>(wire: Wire<T>): Traffic<T> {
  const zeros = () => Object.fromEntries(wire.names.map((name) => [name, 0])) as Record<keyof T & string, number>;
  return { receivedBytes: 0, sentBytes: 0, received: zeros(), sent: zeros() };
}

/** Options of `framed` and `connectFramed`. */
export interface FramedOptions<T extends MessageTable> {
  readonly accept: Accept<T>;
  /** Counters to add to; by default each connection has its own. */
  readonly traffic?: Traffic<T>;
}

/**
 * A TCP connection that speaks frames of one protocol, with back-pressure both ways.
 *
 * Sending: control frames of one turn of the event loop leave in one write; what the kernel does not take waits, and a
 * neighbour that lets more than MAX_QUEUED_SEND_BYTES wait is cut off. Receiving: see `FrameReader`; `pause` lets the
 * kernel's buffers fill, which stops the sender.
 */
export class FramedSocket<T extends MessageTable> {
  /** The other end. */
  readonly remoteHost: string;
  readonly remotePort: number;
  /** This end. */
  readonly localPort: number;
  readonly traffic: Traffic<T>;
  readonly #socket: Bun.Socket<FramedSocket<T>>;
  readonly #reader: FrameReader<T>;
  readonly #writer: FrameWriter<T>;
  #handlers: FrameHandlers<T> = NOT_STARTED;
  /** closing: nothing is read and nothing more may be sent, what waits goes out; shut: it has, we said goodbye. */
  #state: "open" | "closing" | "shut" | "closed" = "open";
  /** Why we end it, once we do. */
  #ending: Pick<Closed<T>, "cause" | "detail"> | undefined;
  #closeTimer: Timer | undefined;
  #flushQueued = false;
  #paused = false;

  /** For `framed`; the connection is open, and `start` follows. */
  constructor(socket: Bun.Socket<FramedSocket<T>>, wire: Wire<T>, traffic: Traffic<T> = createTraffic(wire)) {
    this.#socket = socket;
    socket.data = this;
    // a socket that was reset before we looked has no address any more
    this.remoteHost = (socket.remoteAddress ?? "").replace(/^::ffff:(?=\d+\.)/, "");
    this.remotePort = socket.remotePort;
    this.localPort = socket.localPort;
    this.traffic = traffic;
    this.#reader = new FrameReader(wire, {
      onMessage: (message) => {
        this.traffic.received[message.type as keyof T & string]++;
        this.#handlers.onMessage(message);
      },
      onPayloadStart: (message) => {
        this.traffic.received[message.type as keyof T & string]++;
        return this.#handlers.onPayloadStart?.(message) ?? false;
      },
      onPayload: (message, slice, last) => this.#handlers.onPayload?.(message, slice, last),
    });
    this.#writer = new FrameWriter(wire, (bytes) => {
      const taken = socket.write(bytes);
      this.traffic.sentBytes += Math.max(0, taken);
      return taken;
    });
  }

  /** For `framed`, once, before anything can come: from now on the connection is handled. */
  start(handlers: FrameHandlers<T>): void {
    this.#handlers = handlers;
    if (this.#state === "open") {
      handlers.onStart?.();
    }
  }

  /** The other end as text. */
  get remote(): string {
    return formatAddress({ host: this.remoteHost, port: this.remotePort });
  }

  /** Whether messages may still be sent and received. */
  get open(): boolean {
    return this.#state === "open";
  }

  /** Whether a payload has not gone out entirely. */
  get sendingPayload(): boolean {
    return this.#writer.sendingPayload;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Queues a message; on a connection that is not open any more it is dropped. */
  send(message: ControlMessageOf<T>): void {
    if (this.#state !== "open") {
      return;
    }
    this.#writer.add(message);
    this.traffic.sent[message.type as keyof T & string]++;
    if (this.#writer.controlBytes > MAX_QUEUED_SEND_BYTES) {
      this.#flush();
    }
    if (this.#writer.controlBytes > MAX_QUEUED_SEND_BYTES) {
      this.#end("overflow", `${this.#writer.controlBytes} bytes wait to be read by the other side`);
      this.#socket.terminate();
    } else if (!this.#flushQueued) {
      this.#flushQueued = true;
      queueMicrotask(() => {
        this.#flushQueued = false;
        this.#flush();
      });
    }
  }

  /**
   * Sends a message with its payload, behind what was queued before; one at a time: wait for `onPayloadSent`. On a
   * connection that is not open any more it is dropped.
   *
   * @param fill writes the payload into exactly the bytes it is given; when it throws, nothing is sent
   */
  sendPayload(message: PayloadMessageOf<T>, fill: (into: Uint8Array) => void): void {
    if (this.#state !== "open") {
      return;
    }
    this.#writer.addPayload(message, fill);
    this.traffic.sent[message.type as keyof T & string]++;
    this.#flush();
  }

  /** Stops reading. What the kernel has handed over already, and the end of the connection, may still come. */
  pause(): void {
    if (this.#state === "open" && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  /** Reads on. */
  resume(): void {
    if (this.#paused) {
      this.#paused = false;
      this.#socket.resume();
    }
  }

  /**
   * Ends the connection once what was sent is out, at the latest after CLOSE_TIMEOUT_MS. Nothing is read from now on.
   *
   * Only the sending half is shut: closing a socket with unread bytes would reset the connection, and the other side
   * could lose our last words.
   */
  close(reason: string): void {
    if (this.#state === "open") {
      this.#end("closed", reason);
      this.resume();
      this.#closeTimer = setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
      this.#flush();
    }
  }

  /** Ends the connection at once; what waits to be sent is lost. */
  terminate(reason: string): void {
    if (this.#state !== "closed") {
      this.#end("closed", reason);
      this.#socket.terminate();
    }
  }

  /** For `framed`: bytes came. */
  received(chunk: Uint8Array): void {
    this.traffic.receivedBytes += chunk.length;
    if (this.#state !== "open") {
      return;
    }
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      if (this.open) {
        this.#ending = { cause: "protocol", detail: error.message };
        this.#handlers.onProtocolError?.(error);
        this.close(error.message);
      }
    } finally {
      releaseChunk(chunk);
    }
  }

  /** For `framed`: the kernel has room again. */
  drained(): void {
    this.#flush();
  }

  /** For `framed`: the connection is gone. */
  closed(error: Error | undefined): void {
    if (this.#state === "closed") {
      return;
    }
    this.#reader.stop();
    this.#state = "closed";
    clearTimeout(this.#closeTimer);
    this.#ending ??=
      error === undefined
        ? { cause: "ended", detail: "the other side closed the connection" }
        : { cause: "failed", detail: error.message };
    const closed = { ...this.#ending, payload: this.#reader.payload };
    queueMicrotask(() => this.#handlers.onClosed?.(closed));
  }

  #flush(): void {
    if (this.#state === "closed") {
      return;
    }
    const sent = this.#writer.flush();
    if (sent !== undefined) {
      // not at once: a fast reader would keep us in here, one payload inside the other
      setImmediate(() => {
        if (this.#state === "open") {
          this.#handlers.onPayloadSent?.(sent);
        }
      });
    }
    if (this.#state === "closing" && this.#writer.empty) {
      this.#state = "shut";
      this.#socket.shutdown();
    }
  }

  /** Stops reading; the first reason counts. */
  #end(cause: Closed<T>["cause"], detail: string): void {
    this.#reader.stop();
    this.#ending ??= { cause, detail };
    if (this.#state === "open") {
      this.#state = "closing";
    }
  }
}

/** Nothing can come before `start`: it is called in the turn of the event loop in which the connection opens. */
const NOT_STARTED = {
  onMessage: (): void => {
    throw new Error("a message came before the connection was started");
  },
};

/** Typed arrays up to this size lie in the engine's own heap (JavaScriptCore's `fastSizeLimit`), the buffers of others outside. */
const ENGINE_HEAP_BYTES = 1000;

/**
 * Gives the memory of a chunk back at once. The engine sees small objects with big buffers outside its heap, and would let
 * 150 MiB of them gather; and the next chunk finds memory that is still in the processor's cache.
 */
function releaseChunk(chunk: Uint8Array): void {
  if (chunk.length > ENGINE_HEAP_BYTES && chunk.length === chunk.buffer.byteLength) {
    (chunk.buffer as ArrayBuffer).transfer(0);
  }
}

/**
 * The handlers that make a socket of Bun's speak frames; for `Bun.listen`, and through `connectFramed` for `Bun.connect`.
 *
 * There is no `error` handler on purpose: Bun calls it for exceptions thrown in handlers, which are bugs of ours and
 * must not be swallowed. What goes wrong on the network comes to `close`.
 *
 * @example
 * Bun.listen({ hostname, port, socket: framed(trackerWire, { accept: (socket) => handlersFor(socket) }) });
 */
export function framed<T extends MessageTable>(
  wire: Wire<T>,
  options: FramedOptions<T>,
): Bun.SocketHandler<FramedSocket<T>> & Required<Pick<Bun.SocketHandler<FramedSocket<T>>, "open">> {
  return {
    open(socket) {
      // frames are written whole: waiting for more to fill a packet would only add latency
      socket.setNoDelay(true);
      socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
      const connection = new FramedSocket(socket, wire, options.traffic);
      connection.start(options.accept(connection));
    },
    data: (socket, chunk) => socket.data?.received(chunk),
    drain: (socket) => socket.data?.drained(),
    // a call that was given up has no data
    close: (socket, error) => socket.data?.closed(error),
  };
}
