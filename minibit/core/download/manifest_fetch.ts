import { ProtocolError } from "../base/errors.ts";
import { HANDSHAKE_TIMEOUT_MS, MANIFEST_SLICE_BYTES, MAX_MANIFEST_BYTES } from "../base/limits.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";

/** The slice of our manifest that starts at `offset`; while we have none, the message says so. @throws {ProtocolError} beyond its end */
export function manifestSlice(manifest: Uint8Array | undefined, offset: number): PeerMessage<"MANIFEST"> {
  if (manifest === undefined) {
    return { type: "MANIFEST", offset, totalBytes: 0, data: new Uint8Array(0) };
  }
  if (offset >= manifest.length) {
    throw new ProtocolError(`Cannot send the manifest from ${offset}: it has ${manifest.length} bytes`);
  }
  const data = manifest.subarray(offset, offset + MANIFEST_SLICE_BYTES);
  return { type: "MANIFEST", offset, totalBytes: manifest.length, data };
}

/**
 * Fetches the manifest, slice after slice, from one neighbour at a time.
 *
 * Whether its bytes hash to the swarm id is checked by the driver once they are all there; a liar costs one manifest
 * of at most MAX_MANIFEST_BYTES, held only as far as it was sent.
 */
export class ManifestFetch {
  readonly #ask: (link: number, offset: number) => void;
  readonly #whole: (link: number, bytes: Uint8Array) => void;
  /** Links to ask, the first one is being asked. */
  readonly #sources: number[] = [];
  #slices: Uint8Array[] = [];
  #received = 0;
  #totalBytes = 0;
  /** All of it came, and the driver checks it. */
  #checking = false;
  #askedMs = 0;

  constructor(options: {
    readonly ask: (link: number, offset: number) => void;
    readonly whole: (link: number, bytes: Uint8Array) => void;
  }) {
    this.#ask = options.ask;
    this.#whole = options.whole;
  }

  /** A neighbour that may have the manifest. */
  add(link: number, nowMs: number): void {
    if (!this.#sources.includes(link)) {
      this.#sources.push(link);
      if (this.#sources.length === 1) {
        this.#askFromStart(nowMs);
      }
    }
  }

  /** The link is gone, or has no manifest: the next one is asked. */
  remove(link: number, nowMs: number): void {
    const index = this.#sources.indexOf(link);
    if (index < 0) {
      return;
    }
    this.#sources.splice(index, 1);
    if (index === 0) {
      this.#askFromStart(nowMs);
    }
  }

  /** What `link` sent is not the swarm's manifest: the next one is asked. */
  refused(link: number, nowMs: number): void {
    this.#checking = false;
    // it may have gone while what it sent was checked
    if (this.#sources[0] === link) {
      this.#sources.shift();
    }
    this.#askFromStart(nowMs);
  }

  /** Asks another neighbour if this one takes too long. */
  expire(nowMs: number): void {
    const [source] = this.#sources;
    if (source !== undefined && !this.#checking && nowMs - this.#askedMs > HANDSHAKE_TIMEOUT_MS) {
      this.remove(source, nowMs);
      this.add(source, nowMs); // again when the others have had their turn
    }
  }

  /** A slice came. @throws {ProtocolError} when it is no answer to what was asked */
  received(link: number, options: { readonly message: PeerMessage<"MANIFEST">; readonly nowMs: number }): void {
    const { message, nowMs } = options;
    const { offset, totalBytes, data } = message;
    if (link !== this.#sources[0] || this.#checking) {
      return; // asked before, not needed any more
    }
    if (totalBytes === 0) {
      this.remove(link, nowMs); // it will send GET_BLOCKS once it has the manifest, and is asked again then
      return;
    }
    const isExpected = offset === this.#received && (offset === 0 || totalBytes === this.#totalBytes);
    const length = Math.min(MANIFEST_SLICE_BYTES, totalBytes - offset);
    if (!isExpected || totalBytes > MAX_MANIFEST_BYTES || length <= 0 || data.length !== length) {
      throw new ProtocolError("Cannot use a MANIFEST slice that was not asked for");
    }
    this.#slices.push(data);
    this.#received += length;
    this.#totalBytes = totalBytes;
    if (this.#received < totalBytes) {
      this.#askFor(this.#received, nowMs);
    } else {
      this.#checking = true;
      this.#whole(link, joined(this.#slices, totalBytes));
      this.#slices = [];
    }
  }

  /** Asks the first link, unless what came is being checked: its sender may go meanwhile, a second manifest would be opened beside it. */
  #askFromStart(nowMs: number): void {
    if (!this.#checking) {
      this.#slices = [];
      this.#received = 0;
      this.#askFor(0, nowMs);
    }
  }

  #askFor(offset: number, nowMs: number): void {
    const [source] = this.#sources;
    if (source !== undefined) {
      this.#askedMs = nowMs;
      this.#ask(source, offset);
    }
  }
}

function joined(slices: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const slice of slices) {
    whole.set(slice, at);
    at += slice.length;
  }
  return whole;
}
