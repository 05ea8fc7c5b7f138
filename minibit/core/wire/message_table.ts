// Room core/wire: frames, and the two tables of messages that encoder, decoder, types and documents are made from.
// It says what a message looks like, never what follows from it: no rule and no state of a link enters.

import { assert, ProtocolError } from "../base/errors.ts";
import { type Codec, FRAME_HEADER_BYTES, Reader, Writer } from "./codec.ts";

/**
 * From one table of rows to a whole protocol: the message union, encoder, decoder and names.
 *
 * A new message is one row; handlers are a mapped type over the table, so a forgotten one does not compile.
 */

/** One row: the type byte, the fields in wire order, and what the message is for. */
export interface MessageRow {
  readonly code: number;
  readonly fields: { readonly [name: string]: Codec<unknown> };
  readonly doc: string;
  /** Largest body in bytes, checked before anything is allocated. */
  readonly maxBytes: number;
  /** The field that tells how many raw bytes follow the fields; they are streamed, never decoded. */
  readonly payload?: string;
}

/** A protocol's rows by message name. */
export type MessageTable = { readonly [name: string]: MessageRow };

type Fields<Row extends MessageRow> = {
  readonly [F in keyof Row["fields"]]: Row["fields"][F] extends Codec<infer V> ? V : never;
};

/** The message `Name` of table `T`: its `type` and its fields. */
export type MessageOf<T extends MessageTable, Name extends keyof T = keyof T> = {
  [N in keyof T]: { readonly type: N } & Fields<T[N]>;
}[Name];

/** The names of the rows that carry a payload, and of those that do not. */
type PayloadName<T extends MessageTable> = {
  [N in keyof T]: T[N] extends { readonly payload: string } ? N : never;
}[keyof T];

/** The messages that carry a payload: streamed, never held whole. */
export type PayloadMessageOf<T extends MessageTable> = MessageOf<T, PayloadName<T>>;

/** The messages that are their fields and nothing else. */
export type ControlMessageOf<T extends MessageTable> = MessageOf<T, Exclude<keyof T, PayloadName<T>>>;

/** One handler a message, with what else it needs as `Context`; leaving one out is a compile error. */
export type Handlers<T extends MessageTable, Result = void, Context extends readonly unknown[] = []> = {
  readonly [N in keyof T]: (message: MessageOf<T, N>, ...context: Context) => Result;
};

/** What a type byte stands for. */
export interface NamedRow<T extends MessageTable> {
  readonly name: keyof T & string;
  readonly row: MessageRow;
  /** The row's fields in wire order: listing an object's entries anew for every message is dear. */
  readonly fields: readonly (readonly [string, Codec<unknown>])[];
  /** Bytes of the body that `decode` wants when a payload follows them; undefined: the whole body. */
  readonly fieldBytes: number | undefined;
}

/** Decoder and encoder of one protocol. */
export class Wire<T extends MessageTable> {
  readonly table: T;
  readonly #byCode = new Map<number, NamedRow<T>>();
  readonly #byName = new Map<string, NamedRow<T>>();

  constructor(table: T) {
    this.table = table;
    for (const [name, row] of Object.entries(table)) {
      assert(!this.#byCode.has(row.code), () => `message code ${row.code} used twice`);
      const named = {
        name,
        row,
        fields: Object.entries(row.fields),
        fieldBytes: row.payload === undefined ? undefined : fieldBytes(row),
      };
      this.#byCode.set(row.code, named);
      this.#byName.set(name, named);
    }
  }

  /** All message names in table order. */
  get names(): readonly (keyof T & string)[] {
    return Object.keys(this.table);
  }

  /**
   * Checks a frame's header before its body is read.
   *
   * @param length the u32 that opens the frame: type byte and body
   * @returns the row of the type `code`
   * @throws {ProtocolError} empty frame, unknown type, or longer than that type may be
   */
  rowOf(code: number, length: number): NamedRow<T> {
    if (length < 1) {
      throw new ProtocolError("Cannot read a frame without a type");
    }
    const found = this.#byCode.get(code);
    if (found === undefined) {
      throw new ProtocolError(`Cannot read a message of unknown type ${code}`);
    }
    if (length - 1 > found.row.maxBytes) {
      throw new ProtocolError(`Cannot read a ${found.name} of ${length - 1} bytes: at most ${found.row.maxBytes}`);
    }
    return found;
  }

  /**
   * Reads a frame's fields.
   *
   * @param body all of the body, or for a row with a payload its first `fieldBytes` bytes
   * @param bodyLength length of the whole body in bytes
   * @throws {ProtocolError} too short, trailing bytes, a value out of its range
   */
  decode(code: number, body: Uint8Array, bodyLength: number = body.length): MessageOf<T> {
    const { name, row, fields } = this.rowOf(code, bodyLength + 1);
    const reader = new Reader(body);
    const message: { [field: string]: unknown } = { type: name };
    for (const [field, codec] of fields) {
      message[field] = codec.read(reader);
    }
    const trailing = bodyLength - (body.length - reader.left);
    const expected = row.payload === undefined ? 0 : message[row.payload];
    if (trailing !== expected) {
      throw new ProtocolError(`Cannot read a ${name}: ${trailing} bytes follow its fields, expected ${expected}`);
    }
    return message as MessageOf<T>;
  }

  /**
   * Makes a frame. For a row with a payload the frame's length counts it, but its bytes are left to the caller to append.
   *
   * @returns header and fields; the caller owns the bytes
   */
  encode(message: MessageOf<T>): Uint8Array {
    const { row, fields } = this.#byName.get(message.type as string) as NamedRow<T>;
    const values = message as { readonly [field: string]: unknown };
    const writer = new Writer();
    writer.u32(0);
    writer.u8(row.code);
    for (const [field, codec] of fields) {
      codec.write(writer, values[field]);
    }
    const payloadBytes = row.payload === undefined ? 0 : (values[row.payload] as number);
    const length = writer.length - FRAME_HEADER_BYTES + 1 + payloadBytes;
    assert(length - 1 <= row.maxBytes, () => `${String(message.type)} of ${length - 1} bytes`);
    writer.patchU32(0, length);
    return writer.finish();
  }
}

/** Bytes the fields of `row` take; all of a row with a payload are numbers, hence of fixed size. */
function fieldBytes(row: MessageRow): number {
  const writer = new Writer();
  for (const codec of Object.values(row.fields)) {
    codec.write(writer, 0);
  }
  return writer.length;
}
