/**
 * Who owns bytes. The bytes that a socket delivers, and every view of them, are valid only in the turn of the event loop in
 * which they arrive: their memory is reused afterwards. Whatever keeps them longer copies them with `ownedCopy`.
 */

declare const forbidden: unique symbol;

/** The result type of a forbidden method: the compiler accepts it nowhere. */
interface Forbidden {
  readonly [forbidden]: "use ownedCopy() for a copy, subarray() for a view";
}

declare global {
  // A parameter of a literal type puts an overload before those of the libraries: where the result of `bytes.slice()` is used,
  // it does not compile.
  interface Uint8Array<TArrayBuffer extends ArrayBufferLike> {
    /** @deprecated A copy, but a view when the bytes are a Buffer, which the type does not tell: use `ownedCopy`, or `subarray`. */
    slice(start?: number, end?: number, never?: "never"): Forbidden;
  }
  interface Buffer<TArrayBuffer extends ArrayBufferLike> {
    /** @deprecated A view: use `ownedCopy`, or `subarray`. */
    slice(start?: number, end?: number, never?: "never"): Forbidden;
  }
}

/**
 * Copies `bytes` into memory of its own.
 *
 * The copy is a plain Uint8Array, also of a Buffer, whose `slice()` is only a view. Bun passes Buffers to socket handlers.
 */
export function ownedCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
