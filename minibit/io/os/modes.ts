import { chmodSync, closeSync, lstatSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { WRITE_FLAGS } from "./file_io.ts";

/**
 * Whether the disk under a folder keeps permissions: FAT, exFAT and some network mounts give every file the same ones. Tried out
 * on a file that is gone afterwards; true where that is not possible.
 */
export function keepsModes(folder: string): boolean {
  if (process.platform === "win32") {
    return false;
  }
  const path = join(folder, `.minibit-${process.pid}-modes.tmp`);
  try {
    closeSync(openSync(path, WRITE_FLAGS, 0o600));
  } catch {
    return true;
  }
  try {
    chmodSync(path, 0o700);
    const executable = lstatSync(path).mode;
    chmodSync(path, 0o600);
    return ((lstatSync(path).mode ^ executable) & 0o777) === 0o100;
  } catch {
    return false; // it will not hear of modes
  } finally {
    rmSync(path, { force: true });
  }
}
