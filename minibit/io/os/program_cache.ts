/**
 * Where executables for other machines are kept between runs: those that are in use. What follows here runs on this
 * machine; `remote_start.sh` does the same on the others.
 */
import { lstatSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";

/** An executable that no run has sent for so long goes, and so do all but the versions sent last. */
const KEPT_MS = 14 * 24 * 3600 * 1000;
const KEPT_VERSIONS = 3;
/** What a write that was cut off left goes after so long: none takes longer. */
const BROKEN_MS = 24 * 3600 * 1000;
/** `<hash>.<target>.gz`, and what it is called until it is whole. */
const OWN_NAME = /^([0-9a-f]{32})\.(?:linux|darwin)-[a-z0-9-]+\.gz(\.\d+\.tmp)?$/;

/** The executable's file in the cache. */
export function keptProgram(cache: string, program: { readonly hash: string; readonly target: string }): string {
  return join(cache, `${program.hash}.${program.target}.gz`);
}

/** Says that a file of the cache is in use now. */
export function touch(path: string): void {
  attempt(() => utimesSync(path, new Date(), new Date()));
}

/** Removes from the cache what is of no use any more, and nothing that is not ours. What cannot be removed stays. */
export function tidyPrograms(cache: string): void {
  const versions = new Set<string>();
  for (const { name, ageMs } of newestFirst(cache)) {
    const [, hash, temporary] = OWN_NAME.exec(name) ?? [];
    if (hash === undefined) {
      continue;
    }
    const isProgram = temporary === undefined;
    if (isProgram) {
      versions.add(hash);
    }
    const isSurplus = isProgram && [...versions].indexOf(hash) >= KEPT_VERSIONS;
    if (isSurplus || ageMs > (isProgram ? KEPT_MS : BROKEN_MS)) {
      attempt(() => rmSync(join(cache, name), { force: true }));
    }
  }
}

function newestFirst(cache: string): { readonly name: string; readonly ageMs: number }[] {
  const nowMs = Date.now();
  const files = attempt(() => readdirSync(cache)) ?? [];
  return files
    .map((name) => ({ name, ageMs: nowMs - (attempt(() => lstatSync(join(cache, name)).mtimeMs) ?? nowMs) }))
    .sort((a, b) => a.ageMs - b.ageMs);
}

/** Somebody else may own or remove what is there: that is no failure of what we are here for. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
