import { FRAME_HEADER_BYTES, Reader } from "../../core/wire/codec.ts";
import type { ControlMessageOf, MessageTable, PayloadMessageOf, Wire } from "../../core/wire/message_table.ts";

/** Receives what a reader decodes. A `ProtocolError` thrown here counts as the sender's fault, as one of the reader does. */
export interface FrameSink<T extends MessageTable> {
  onMessage(message: ControlMessageOf<T>): void;
  /** A message with a payload begins; false: its bytes are skipped. */
  onPayloadStart(message: PayloadMessageOf<T>): boolean;
  /**
   * The next bytes of the payload: a part of the received chunk, not a copy, and a Buffer when the chunk is one. A sink that
   * keeps them makes an `ownedCopy`. `last`: the payload is whole.
   */
  onPayload(message: PayloadMessageOf<T>, slice: Uint8Array, last: boolean): void;
}

/** A payload that has not fully arrived. */
export interface PartialPayload<T extends MessageTable> {
  readonly message: PayloadMessageOf<T>;
  /** Bytes given to `onPayload` so far. */
  readonly handedBytes: number;
}

/** A frame whose header was read and found allowed. */
interface OpenFrame {
  readonly code: number;
  readonly bodyBytes: number;
  /** What must be in one piece before it is decoded: all of it, or the fields in front of a payload. */
  readonly fieldBytes: number;
  readonly hasPayload: boolean;
}

/** A payload that is arriving. */
interface OpenPayload<T extends MessageTable> {
  readonly message: PayloadMessageOf<T>;
  readonly wanted: boolean;
  handedBytes: number;
  leftBytes: number;
}

const NOTHING = new Uint8Array(0);

/**
 * Decodes a byte stream into messages, however the network splits it.
 *
 * A frame's type and length are checked before anything is allocated for it. A field that lies whole in a
 * chunk is decoded in place. Only a split one is copied, into a buffer of the checked size. Payloads are never collected:
 * their parts are passed on as they come, so a receiver's memory does not grow with the size of a unit.
 */
export class FrameReader<T extends MessageTable> {
  readonly #wire: Wire<T>;
  readonly #sink: FrameSink<T>;
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  /** The beginning of a split header or body, and how much of it is there. */
  #split: Uint8Array = NOTHING;
  #splitBytes = 0;
  #frame: OpenFrame | undefined;
  #payload: OpenPayload<T> | undefined;
  #stopped = false;

  constructor(wire: Wire<T>, sink: FrameSink<T>) {
    this.#wire = wire;
    this.#sink = sink;
  }

  /** The payload that is arriving and that the sink wants. */
  get payload(): PartialPayload<T> | undefined {
    return this.#payload?.wanted
      ? { message: this.#payload.message, handedBytes: this.#payload.handedBytes }
      : undefined;
  }

  /**
   * Reads the next chunk. The reader keeps no part of `chunk`; slices that the sink gets are views of it.
   *
   * @throws {ProtocolError} the stream is invalid; feed no more
   */
  feed(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
    while (!this.#stopped && this.#step()) {
      // each step reads a header, a body or a part of a payload
    }
    this.#chunk = NOTHING;
  }

  /** Reads nothing more, not even the rest of the chunk that is being fed. */
  stop(): void {
    this.#stopped = true;
  }

  /** Reads one thing; returns false when the chunk has not enough for it. */
  #step(): boolean {
    if (this.#payload !== undefined) {
      return this.#readPayload(this.#payload);
    }
    if (this.#frame !== undefined) {
      return this.#readBody(this.#frame);
    }
    return this.#readHeader();
  }

  #readHeader(): boolean {
    const header = this.#take(FRAME_HEADER_BYTES);
    if (header === undefined) {
      return false;
    }
    const length = new Reader(header).u32();
    const code = header[FRAME_HEADER_BYTES - 1] as number;
    const row = this.#wire.rowOf(code, length);
    const bodyBytes = length - 1;
    const fieldBytes = Math.min(row.fieldBytes ?? bodyBytes, bodyBytes);
    this.#frame = { code, bodyBytes, fieldBytes, hasPayload: row.fieldBytes !== undefined };
    return true;
  }

  #readBody(frame: OpenFrame): boolean {
    const body = this.#take(frame.fieldBytes);
    if (body === undefined) {
      return false;
    }
    const message = this.#wire.decode(frame.code, body, frame.bodyBytes);
    this.#frame = undefined;
    if (frame.hasPayload) {
      const start = message as PayloadMessageOf<T>;
      const wanted = this.#sink.onPayloadStart(start);
      this.#payload = { message: start, wanted, handedBytes: 0, leftBytes: frame.bodyBytes - frame.fieldBytes };
    } else {
      this.#sink.onMessage(message as ControlMessageOf<T>);
    }
    return true;
  }

  #readPayload(payload: OpenPayload<T>): boolean {
    const slice = this.#chunk.subarray(this.#at, this.#at + payload.leftBytes);
    if (slice.length === 0 && payload.leftBytes > 0) {
      return false;
    }
    this.#at += slice.length;
    payload.leftBytes -= slice.length;
    const last = payload.leftBytes === 0;
    if (last) {
      this.#payload = undefined;
    }
    if (payload.wanted) {
      payload.handedBytes += slice.length;
      this.#sink.onPayload(payload.message, slice, last);
    }
    return true;
  }

  /** The next `length` bytes in one piece, or undefined until they have all come. */
  #take(length: number): Uint8Array | undefined {
    const left = this.#chunk.length - this.#at;
    if (this.#splitBytes === 0) {
      if (left >= length) {
        this.#at += length;
        return this.#chunk.subarray(this.#at - length, this.#at);
      }
      if (left === 0) {
        return undefined;
      }
      this.#split = new Uint8Array(length);
    }
    const part = this.#chunk.subarray(this.#at, this.#at + length - this.#splitBytes);
    this.#split.set(part, this.#splitBytes);
    this.#splitBytes += part.length;
    this.#at += part.length;
    if (this.#splitBytes < length) {
      return undefined;
    }
    this.#splitBytes = 0;
    return this.#split;
  }
}
