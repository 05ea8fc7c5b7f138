import { closeSync, openSync, write } from "node:fs";
import { MAX_RECORDING_BYTES, MAX_UNWRITTEN_RECORDING_BYTES } from "../../core/base/limits.ts";
import { quote } from "../../core/base/quote.ts";
import { diskError } from "../../io/os/disk_error.ts";
import { takenBytes } from "../../io/os/disk_writer.ts";
import { refuseOverwrite } from "../../io/store/overwrite_guard.ts";
import type { TimedEvent } from "../model/board_event.ts";
import { eventLine, headerLine, RECORDING_BEGINS } from "./recording.ts";

/** Lines are gathered for this long and then written together. */
const WRITE_MS = 200;

/**
 * Writes what happens to a file, without ever holding up the tracker.
 *
 * Whatever goes wrong with the disk later on ends the recording with one warning; the swarm matters more.
 */
export class Recorder {
  readonly #path: string;
  readonly #file: number;
  readonly #onWarning: (text: string) => void;
  readonly #maxBytes: number;
  #lines: string[] = [];
  /** Bytes in `#lines`, about, and all bytes so far. */
  #waitingBytes = 0;
  #totalBytes = 0;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #state: "open" | "failed" | "closed" = "open";

  /** Refuses a place where something else than a recording is. @throws {UserError} */
  static checkPlace(path: string): Promise<void> {
    return refuseOverwrite(path, {
      failure: `Cannot record to ${quote(path)}`,
      isOurs: (text) => text.startsWith(RECORDING_BEGINS),
    });
  }

  /**
   * Creates the file, or empties the older one: see `checkPlace`.
   *
   * @param options.began the moment from which the events' times count
   * @throws {UserError} the file cannot be written
   */
  constructor(
    path: string,
    options: { readonly began: Date; readonly onWarning: (text: string) => void; readonly maxBytes?: number },
  ) {
    try {
      this.#file = openSync(path, "w");
    } catch (error) {
      throw diskError(`Cannot record to ${quote(path)}`, error);
    }
    this.#path = path;
    this.#onWarning = options.onWarning;
    this.#maxBytes = options.maxBytes ?? MAX_RECORDING_BYTES;
    this.#add(headerLine(options.began));
  }

  /** Takes in an event; it is on disk a moment later. */
  write(event: TimedEvent): void {
    if (this.#state === "open") {
      this.#add(eventLine(event));
    }
  }

  /** Writes what is left; the recording is whole then, if the disk was well. */
  async close(): Promise<void> {
    if (this.#state === "closed") {
      return;
    }
    clearTimeout(this.#timer);
    this.#flush();
    await this.#writing;
    this.#state = "closed";
    closeSync(this.#file);
  }

  #add(line: string): void {
    this.#totalBytes += line.length;
    if (this.#totalBytes > this.#maxBytes) {
      this.#fail(`it has ${this.#maxBytes} bytes, and more cannot be replayed`);
      return;
    }
    this.#waitingBytes += line.length;
    if (this.#waitingBytes > MAX_UNWRITTEN_RECORDING_BYTES) {
      this.#fail("the disk is too slow (use another place)");
      return;
    }
    this.#lines.push(line);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, WRITE_MS);
  }

  #flush(): void {
    this.#writing = this.#writing.then(async () => {
      const text = this.#lines.join("");
      const waiting = this.#waitingBytes;
      this.#lines = [];
      try {
        await writeAll(this.#file, Buffer.from(text));
      } catch (error) {
        this.#fail(diskError("", error).message.replace(/^: /, ""));
      }
      this.#waitingBytes -= waiting;
    });
  }

  /** The lines that wait are still written: the file ends with a whole line. */
  #fail(why: string): void {
    if (this.#state === "open") {
      this.#state = "failed";
      this.#onWarning(`Cannot go on recording to ${quote(this.#path)}: ${why}`);
    }
  }
}

async function writeAll(file: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const written = await new Promise<number>((resolve, reject) => {
      write(file, bytes, at, bytes.length - at, null, (error, written) => (error ? reject(error) : resolve(written)));
    });
    at += takenBytes(written);
  }
}
