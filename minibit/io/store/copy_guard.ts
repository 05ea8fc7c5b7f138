/**
 * What is at the destination of a copy, and whether it may be replaced. Without `--replace`, MiniBit replaces only what it put
 * there itself and nobody has changed since.
 */
import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { type Foreign, findForeign } from "./copy_record.ts";
import { type CopyPlace, recordsOf } from "./put_in_place.ts";
import { statusOf } from "./result.ts";

/** What the user said of the destination. */
export interface CopyGuardOptions {
  readonly manifest: Manifest;
  /** Whether something other than an older copy may be replaced. */
  readonly replace: boolean;
  /** Whether the user named the destination: the error then suggests a path inside it. */
  readonly isNamed: boolean;
}

/**
 * Refuses a destination that holds something other than an older copy, which would be lost.
 *
 * @returns a note on what `--replace` will remove; undefined when it removes nothing of the user's
 * @throws {UserError} naming what is there
 */
export async function guardCopy(place: CopyPlace, options: CopyGuardOptions): Promise<string | undefined> {
  const { result } = place;
  const { manifest, replace, isNamed } = options;
  const status = statusOf(result);
  if (status === undefined) {
    return undefined;
  }
  const failure = `Cannot put the ${manifest.kind} "${manifest.name}" at ${quote(result)}`;
  const inside = isNamed && status.isDirectory() ? `--to ${join(result, manifest.name)}` : undefined;
  const foreign = await findForeign(result, recordsOf(place));
  if (replace) {
    return foreign.count === 0 ? undefined : `Replacing what is at ${quote(result)}: ${describe(foreign, result)}`;
  }
  if (status.isSymbolicLink()) {
    throw new UserError(`${failure}: a symbolic link is there (name the place it leads to, or --replace the link)`);
  }
  if (status.isDirectory() !== (manifest.kind === "folder")) {
    const there = status.isDirectory() ? "a folder" : "a file";
    throw new UserError(`${failure}: ${there} is there (use ${inside ?? elsewhere(isNamed)})`);
  }
  if (foreign.count > 0) {
    const origin = "put there by no earlier run, or changed since";
    const what = status.isDirectory()
      ? `${describe(foreign, result)} would be lost, ${origin}`
      : `what is there was ${origin}`;
    throw new UserError(`${failure}: ${what} (use ${inside ?? elsewhere(isNamed)}, or --replace)`);
  }
  return undefined;
}

/** The first few things and how many there are: `'photos', 'thesis' and 3 more`. */
function describe({ count, first }: Foreign, root: string): string {
  const names = first.map((path) => quote(path === "" ? root : path));
  const more = count - names.length;
  return `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function elsewhere(isNamed: boolean): string {
  return isNamed ? "another --to" : "another --dir";
}
