/** Paths as people write them for a machine: `~` is the home there, also where no shell has read it. */
import { homedir } from "node:os";
import { join } from "node:path";
import { UnitError } from "./units.ts";

/**
 * Reads a path of a flag.
 *
 * @returns the path, with `~` in front replaced by this user's home; relative ones stay so
 * @throws {UnitError} it is empty, or begins with what only a shell could replace: `~somebody`, `$HOME`
 */
export function parsePath(text: string): string {
  if (text === "") {
    throw new UnitError("path", text, "it is empty");
  }
  if (text.includes("\0")) {
    throw new UnitError("path", text, "no path has a character 0 in it");
  }
  if (/^\$[A-Za-z_{(]/.test(text)) {
    throw new UnitError("path", text, "variables are not replaced here (write the whole path, or begin it with ~/)");
  }
  const [first = "", ...rest] = text.split("/");
  if (first === "~") {
    return join(homedir(), ...rest) + (text.endsWith("/") ? "/" : "");
  }
  if (first.startsWith("~")) {
    throw new UnitError("path", text, `only ~ is a home here (write the whole path, or ./${first} for a name with ~)`);
  }
  return text;
}
