import { openSync } from "node:fs";
import { UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import { FileMap, type Geometry } from "../../core/share/geometry.ts";
import { diskError } from "../os/disk_error.ts";
import { READ_FLAGS } from "../os/file_io.ts";
import { FilePool } from "../os/file_pool.ts";
import { hasChanged } from "./hash_share.ts";
import { filePath, type Share, type ShareFile } from "./share.ts";

/** Reads blocks straight from the files of a share, and notices when someone changes them meanwhile. */
export class ShareReader {
  readonly #share: Share;
  readonly #geometry: Geometry;
  readonly #map: FileMap;
  readonly #pool: FilePool;

  constructor(share: Share, geometry: Geometry) {
    this.#share = share;
    this.#geometry = geometry;
    this.#map = new FileMap(share.files.map((file) => file.sizeBytes));
    this.#pool = new FilePool((file) => openSync(this.#pathOf(this.#file(file)), READ_FLAGS));
  }

  /**
   * Fills `into` with bytes of block `block` from `offset` on.
   *
   * @throws {UserError} a file vanished, was cut or was written to since it was scanned
   */
  readInto(block: number, offset: number, into: Uint8Array): void {
    let done = 0;
    for (const slice of this.#map.slices(this.#geometry.offsetOf(block) + offset, into.length)) {
      const file = this.#file(slice.file);
      try {
        const got = this.#pool.read(slice.file, into.subarray(done, done + slice.length), slice.offset);
        // After the read, so that a change before or during it is seen; costs 2 us.
        if (got < slice.length || hasChanged(this.#pool.status(slice.file), file)) {
          throw new UserError(
            `Cannot read ${quote(this.#pathOf(file))}: it changed while it is shared (start peer 0 again)`,
          );
        }
      } catch (error) {
        throw diskError(`Cannot read ${quote(this.#pathOf(file))}`, error);
      }
      done += slice.length;
    }
  }

  close(): void {
    this.#pool.close();
  }

  #file(index: number): ShareFile {
    return this.#share.files[index] as ShareFile;
  }

  #pathOf(file: ShareFile): string {
    return filePath(this.#share.source, this.#share.kind, file.path);
  }
}
