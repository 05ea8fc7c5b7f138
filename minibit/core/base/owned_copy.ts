/**
 * Who owns bytes. What a socket delivers, and every part of it, is valid in the turn of the event loop in which it came: then
 * its memory is given back. What is kept longer is copied by `ownedCopy`, and by nothing else.
 */

declare const forbidden: unique symbol;

/** What the compiler takes the result of a forbidden method for: nothing that can be used. */
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
 * A copy in memory of its own, which stays as it is whatever becomes of `bytes`.
 *
 * Also of a Buffer, whose `slice()` would be a view: Bun hands one to a socket's handlers. The copy is a plain Uint8Array.
 */
export function ownedCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
