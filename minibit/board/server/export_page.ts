import { rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { MAX_RECORDING_BYTES } from "../../core/base/limits.ts";
import { quote } from "../../core/base/quote.ts";
import { diskError } from "../../io/os/disk_error.ts";
import { readNamedFile } from "../../io/os/small_file.ts";
import { refuseOverwrite } from "../../io/store/overwrite_guard.ts";
import { visitRecording, wholeLines } from "../recording/recording.ts";
import { boardHtml } from "./page_html.ts";

/** What every exported page begins with: by it a page of ours is known from a file that must not be replaced. */
const MARK = "<!-- MiniBit board -->\n";

/**
 * Reads a recording from disk and checks it.
 *
 * @param tell told when its last line is cut short, as after a crash of the tracker that wrote it
 * @returns its whole lines
 * @throws {UserError} it cannot be read, or is not what a tracker of ours writes
 */
export async function loadRecording(path: string, tell?: (text: string) => void): Promise<Uint8Array<ArrayBuffer>> {
  const failure = `Cannot replay ${quote(path)}`;
  const bytes = new Uint8Array(readNamedFile(path, { maxBytes: MAX_RECORDING_BYTES, failure }));
  visitRecording(bytes, { failure });
  const whole = wholeLines(bytes);
  if (whole.length < bytes.length) {
    tell?.(`The last line of ${quote(path)} is cut short: going on without it`);
  }
  return whole;
}

/** Refuses a place where something else is, before there is anything to write. @throws {UserError} */
export function checkExportPlace(path: string): Promise<void> {
  return refuseOverwrite(path, {
    failure: `Cannot export to ${quote(path)}`,
    isOurs: (text) => text.startsWith(MARK),
  });
}

/**
 * Writes one page that holds the recording and needs no server.
 *
 * @throws {UserError} what is there is not ours, or cannot be written
 */
export async function exportPage(recording: Uint8Array, path: string): Promise<void> {
  await checkExportPlace(path);
  const html = await boardHtml({ kind: "exported", recording: new TextDecoder().decode(recording) });
  const part = `${path}.part`;
  try {
    await Bun.write(part, MARK + html);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw diskError(`Cannot export to ${quote(path)}`, error);
  }
}

/**
 * For `--record` with `--export`: refuses what will not work before anything starts.
 *
 * @returns what to do once the recording is whole: write the page, if it is wanted
 * @throws {UserError}
 */
export async function exportAtEnd(flags: {
  readonly record: string | undefined;
  readonly export: string | undefined;
}): Promise<() => Promise<void>> {
  const { record, export: exportTo } = flags;
  if (exportTo === undefined) {
    return () => Promise.resolve();
  }
  if (record === undefined) {
    throw new UserError("Cannot use --export: nothing is recorded (add --record)", { exitCode: 2 });
  }
  if (resolve(record) === resolve(exportTo)) {
    throw new UserError(`Cannot use --record and --export for the same file ${quote(record)}`, { exitCode: 2 });
  }
  await checkExportPlace(exportTo);
  return async () => exportPage(await loadRecording(record), exportTo);
}
