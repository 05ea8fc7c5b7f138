/**
 * What MiniBit put at a place: path, size, time and mode of each thing in a copy. Only what still is so may be replaced by a
 * newer copy without a question; everything else there is somebody's.
 *
 * The record is a text file, a line a thing. One that cannot be read counts as none: then nothing is replaced.
 */
import { type BigIntStats, closeSync, fstatSync, lstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { quote } from "../../core/base/quote.ts";
import { diskError, errorCode } from "../os/disk_error.ts";
import { READ_FLAGS } from "../os/file_io.ts";
import { createTurnYielder } from "../os/yield_turn.ts";
import { writeWhole } from "./peer_folder.ts";

/** The first line of every record; another one is another format. */
const HEAD = "minibit-copy/1";
/** More things than this are not counted one by one when somebody is told of them. */
const MAX_COUNTED = 10_000;
/** The permission bits of a mode. */
export const PERMISSIONS = 0o7777;

/** What one thing in a copy was like: a folder, or a file with its size in bytes and its time of change in nanoseconds. */
interface Entry {
  readonly isFolder: boolean;
  readonly size: string;
  readonly modifiedNs: string;
  readonly mode: number;
}

/** What a copy was like when it was put in its place, by path; the copy itself is the empty path. */
export type CopyRecord = ReadonlyMap<string, Entry>;

/** How a place compares with the record of the copy that was put there. */
export interface Foreign {
  /** How many things are there that are in no record, or have changed since; counting ends somewhere above 10,000. */
  readonly count: number;
  /** The first few of them: paths in the copy; the empty one is the copy itself. */
  readonly first: readonly string[];
}

/**
 * Writes down what is at a place.
 *
 * @param modes by path, modes that somebody else chose: what MiniBit itself would have set, which is what a record tells
 * @returns when the status of something there changed last, in milliseconds
 * @throws {UserError} it cannot be looked at, or the record cannot be written
 */
export async function writeRecord(
  path: string,
  { root, modes = new Map() }: { readonly root: string; readonly modes?: ReadonlyMap<string, number> },
): Promise<number> {
  const lines = [HEAD];
  let newestChangeMs = 0;
  await walk(root, (name, status) => {
    newestChangeMs = Math.max(newestChangeMs, Number(status.ctimeNs) / 1e6);
    const entry = entryOf(status);
    lines.push(JSON.stringify([name, ...Object.values({ ...entry, mode: modes.get(name) ?? entry.mode })]));
    return true;
  });
  writeWhole(path, Buffer.from(`${lines.join("\n")}\n`), { synced: true });
  return newestChangeMs;
}

/** Reads a record; undefined when there is none that can be used. */
export function readRecord(path: string): CopyRecord | undefined {
  try {
    const [head, ...lines] = readText(path).split("\n");
    if (head !== HEAD || lines.pop() !== "") {
      return undefined;
    }
    return new Map(lines.map(parseLine));
  } catch {
    return undefined; // not there, cut short, or written by somebody else
  }
}

/** The text of a file; throws for what is none, without waiting for it. */
function readText(path: string): string {
  const fd = openSync(path, READ_FLAGS);
  try {
    return fstatSync(fd).isFile() ? readFileSync(fd, "utf8") : "";
  } finally {
    closeSync(fd);
  }
}

/**
 * Looks for what is at a place and not as one of the records has it.
 *
 * @param records of copies that were put there; a thing is ours when all that is there is as one of them says
 * @returns what is somebody's; `count` 0: all that is there was put there by MiniBit
 * @throws {UserError} something there may not be looked at
 */
export async function findForeign(root: string, records: readonly CopyRecord[]): Promise<Foreign> {
  let least: Foreign | undefined;
  for (const record of records.length === 0 ? [new Map<string, Entry>()] : records) {
    const foreign = await compare(root, record);
    if (least === undefined || foreign.count < least.count) {
      least = foreign;
    }
  }
  return least ?? { count: 0, first: [] };
}

async function compare(root: string, record: CopyRecord): Promise<Foreign> {
  const first: string[] = [];
  let count = 0;
  await walk(root, (path, status) => {
    const now = entryOf(status);
    const then = record.get(path);
    const isOurs = then !== undefined && isSame(now, then);
    // the folder itself holds nobody's bytes
    if (!isOurs && !(path === "" && now.isFolder)) {
      count++;
      if (first.length < 3) {
        first.push(path);
      }
    }
    return count < MAX_COUNTED;
  });
  return { count, first };
}

function isSame(now: Entry, then: Entry): boolean {
  return now.isFolder ? then.isFolder : !then.isFolder && now.size === then.size && now.modifiedNs === then.modifiedNs;
}

/** What is neither a file nor a folder is never put there, and never the same as anything. */
function entryOf(status: BigIntStats): Entry {
  const isFolder = status.isDirectory();
  return {
    isFolder,
    size: isFolder ? "" : status.isFile() ? String(status.size) : "special",
    modifiedNs: isFolder ? "" : String(status.mtimeNs),
    mode: Number(status.mode) & PERMISSIONS,
  };
}

/** Goes through a file, or a folder with all in it, until `see` returns false; links are not followed. */
async function walk(root: string, see: (path: string, status: BigIntStats) => boolean): Promise<void> {
  const yieldTurn = createTurnYielder();
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const full = path === "" ? root : join(root, path);
    try {
      const status = lstatSync(full, { bigint: true });
      if (!see(path, status)) {
        return;
      }
      if (status.isDirectory()) {
        const names = readdirSync(full).sort().reverse();
        pending.push(...names.map((name) => (path === "" ? name : `${path}/${name}`)));
      }
    } catch (error) {
      if (errorCode(error) !== "ENOENT") {
        throw diskError(`Cannot look at ${quote(full)}`, error);
      }
    }
    await yieldTurn();
  }
}

function parseLine(line: string): [string, Entry] {
  const [path, isFolder, size, modifiedNs, mode] = JSON.parse(line) as [string, boolean, string, string, number];
  return [path, { isFolder, size, modifiedNs, mode }];
}
