import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where the report goes: the project's `docs`. */
const DOCS = join(import.meta.dir, "..", "..", "docs");

/** Writes files of the report, by name; the only place where the lab touches a disk. Returns their folder. */
export function writeDocs(files: Readonly<Record<string, string>>): string {
  mkdirSync(DOCS, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(DOCS, name), text);
  }
  return DOCS;
}
