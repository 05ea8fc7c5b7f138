import { assert } from "../../core/base/errors.ts";
import { MAX_IDLE_SEND_BUFFER_BYTES } from "../../core/base/limits.ts";
import { FRAME_HEADER_BYTES } from "../../core/wire/codec.ts";
import type {
  ControlMessageOf,
  MessageOf,
  MessageTable,
  PayloadMessageOf,
  Wire,
} from "../../core/wire/message_table.ts";
import { SendBuffers } from "./send_buffers.ts";

/** A stretch of bytes to send: one control frame, or a payload's frame with its message. */
interface Part<T extends MessageTable> {
  readonly bytes: Uint8Array;
  readonly payload?: PayloadMessageOf<T>;
}

/** Writes bytes to the kernel. Returns how many it took, or -1 when the connection is closed. */
export type Write = (bytes: Uint8Array) => number;

const NOTHING = new Uint8Array(0);
const sendBuffers = new SendBuffers(MAX_IDLE_SEND_BUFFER_BYTES);

/**
 * The send queue of one connection, in order.
 *
 * The kernel takes as many bytes as its buffer has space for; the rest stays here until `flush` is called again. Control frames are
 * copied and sent together in one write. A payload is filled directly into a send buffer, one at a time on a connection: a second
 * one would use memory and leave no sooner.
 */
export class FrameWriter<T extends MessageTable> {
  readonly #wire: Wire<T>;
  readonly #write: Write;
  readonly #parts: Part<T>[] = [];
  /** What is left of the bytes being written, and whose payload they are. */
  #tail: Uint8Array = NOTHING;
  #tailPayload: PayloadMessageOf<T> | undefined;
  #controlBytes = 0;
  /** Holds the payload that has not gone out entirely. */
  #sendBuffer: Uint8Array | undefined;

  constructor(wire: Wire<T>, write: Write) {
    this.#wire = wire;
    this.#write = write;
  }

  /** Bytes of control frames that the kernel has not taken. */
  get controlBytes(): number {
    return this.#controlBytes;
  }

  /** Whether a payload has not gone out entirely: until then no other may be queued. */
  get sendingPayload(): boolean {
    return this.#sendBuffer !== undefined;
  }

  /** Whether the queue is empty. */
  get empty(): boolean {
    return this.#tail.length === 0 && this.#parts.length === 0;
  }

  /** Queues a control frame behind all that was queued before. */
  add(message: ControlMessageOf<T>): void {
    const bytes = this.#wire.encode(message);
    this.#controlBytes += bytes.length;
    this.#parts.push({ bytes });
  }

  /**
   * Queues a frame with a payload.
   *
   * @param fill writes the payload into exactly the bytes it is given; when it throws, nothing was queued
   */
  addPayload(message: PayloadMessageOf<T>, fill: (into: Uint8Array) => void): void {
    assert(!this.sendingPayload, "one payload at a time");
    const head = this.#wire.encode(message as MessageOf<T>);
    const frameBytes = FRAME_HEADER_BYTES - 1 + new DataView(head.buffer, head.byteOffset).getUint32(0);
    const buffer = sendBuffers.take(frameBytes);
    buffer.set(head);
    fill(buffer.subarray(head.length, frameBytes));
    this.#sendBuffer = buffer;
    this.#parts.push({ bytes: buffer.subarray(0, frameBytes), payload: message });
  }

  /**
   * Writes what the kernel takes.
   *
   * @returns the payload message whose last byte was taken just now, if any
   */
  flush(): PayloadMessageOf<T> | undefined {
    let sent: PayloadMessageOf<T> | undefined;
    while (this.#tail.length > 0 || this.#nextTail()) {
      const taken = Math.max(0, this.#write(this.#tail));
      this.#tail = this.#tail.subarray(taken);
      if (this.#tailPayload === undefined) {
        this.#controlBytes -= taken;
      }
      if (this.#tail.length > 0) {
        return sent;
      }
      if (this.#tailPayload !== undefined && this.#sendBuffer !== undefined) {
        sent = this.#tailPayload;
        sendBuffers.give(this.#sendBuffer);
        this.#sendBuffer = undefined;
      }
    }
    return sent;
  }

  /** Makes the next payload, or all control frames in front of it, the tail; returns false when nothing waits. */
  #nextTail(): boolean {
    const payloadAt = this.#parts.findIndex((part) => part.payload !== undefined);
    const parts = this.#parts.splice(0, payloadAt === -1 ? this.#parts.length : Math.max(1, payloadAt));
    const [first] = parts;
    if (first === undefined) {
      return false;
    }
    this.#tail = parts.length === 1 ? first.bytes : Buffer.concat(parts.map((part) => part.bytes));
    this.#tailPayload = first.payload;
    return true;
  }
}
