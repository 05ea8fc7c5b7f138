/**
 * Where a copy goes when the user says so (`--to`): nothing is seen there before it is verified, and nothing is lost
 * that was there and is no older copy.
 */
import { readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import type { Manifest } from "../core/manifest.ts";
import { quote } from "../core/quote.ts";
import { diskError } from "./disk_error.ts";
import { statusOf } from "./result.ts";

/** The folder beside `to` in which its copy is made: on the same disk, so that a rename puts it in its place. */
export function workFolderOf(to: string): string {
  const target = resolve(to);
  return join(dirname(target), `.${basename(target)}.minibit`);
}

/**
 * Refuses a place that holds something else than an older copy of the share: it would be replaced.
 *
 * @param options.replace whether the user said that it may be
 * @throws {UserError} naming it
 */
export function checkTarget(to: string, options: { readonly manifest: Manifest; readonly replace: boolean }): void {
  const { manifest, replace } = options;
  const status = statusOf(to);
  if (status === undefined || replace) {
    return;
  }
  if (status.isDirectory() !== (manifest.kind === "folder")) {
    const there = status.isDirectory() ? "a folder" : "a file";
    const hint = status.isDirectory() ? `name the copy itself: --to ${join(to, manifest.name)}` : "use another --to";
    throw new UserError(
      `Cannot put the ${manifest.kind} "${manifest.name}" at ${quote(to)}: ${there} is there (${hint})`,
    );
  }
  if (manifest.kind === "folder" && isForeign(to, manifest)) {
    throw new UserError(
      `Cannot put "${manifest.name}" at ${quote(to)}: the folder there holds other things (use --to ${join(to, manifest.name)}, or --replace)`,
    );
  }
}

/** Whether a folder holds something, but nothing of the share. */
function isForeign(folder: string, { files, emptyFolders }: Manifest): boolean {
  const firstOf = (path: string): string => path.split("/", 1)[0] ?? "";
  const names = new Set([...files.map((file) => firstOf(file.path)), ...emptyFolders.map(firstOf)]);
  try {
    const there = readdirSync(folder);
    return there.length > 0 && !there.some((name) => names.has(name));
  } catch (error) {
    throw diskError(`Cannot look into ${quote(folder)}`, error);
  }
}
