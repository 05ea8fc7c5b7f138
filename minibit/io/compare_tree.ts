import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Manifest, ManifestFile } from "../core/manifest.ts";
import { quote } from "../core/quote.ts";
import { createBreather } from "./breather.ts";
import { statusOf } from "./result.ts";
import { filePath, isExecutable } from "./share.ts";

/**
 * Looks for something in a copy that is missing, of another kind, size or mode than in the share, or that should not be
 * there. Contents are not read.
 *
 * @returns the first difference, in words; undefined when there is none
 * @throws {UserError} something may not be looked at
 */
export async function differentTree(root: string, manifest: Manifest): Promise<string | undefined> {
  const breathe = createBreather();
  for (const file of manifest.files) {
    const difference = differentFile(filePath(root, manifest.kind, file.path), file);
    if (difference !== undefined) {
      return `${quote(file.path)} ${difference}`;
    }
    await breathe();
  }
  const files = new Set(manifest.files.map((file) => file.path));
  const folders = foldersOf(manifest);
  for (const folder of folders) {
    if (statusOf(join(root, folder))?.isDirectory() !== true) {
      return `the folder ${quote(folder || ".")} is missing`;
    }
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (!files.has(path) && !folders.has(path)) {
        return `${quote(path)} is not in the share`;
      }
    }
    await breathe();
  }
  return undefined;
}

/** All folders of a share, its own as the empty path. */
function foldersOf({ kind, files, emptyFolders }: Manifest): Set<string> {
  const folders = new Set(emptyFolders);
  for (const path of [...files.map((file) => file.path), ...emptyFolders]) {
    let end = path.lastIndexOf("/");
    while (end > 0 && !folders.has(path.slice(0, end))) {
      folders.add(path.slice(0, end));
      end = path.lastIndexOf("/", end - 1);
    }
  }
  return kind === "folder" ? folders.add("") : folders;
}

function differentFile(path: string, file: ManifestFile): string | undefined {
  const status = statusOf(path);
  if (status === undefined) {
    return "is missing";
  }
  if (!status.isFile()) {
    return "is not a file";
  }
  if (status.size !== file.sizeBytes) {
    return `has ${status.size} bytes instead of ${file.sizeBytes}`;
  }
  if (isExecutable(status.mode) !== file.executable && process.platform !== "win32") {
    return file.executable ? "is not executable" : "is executable";
  }
  return undefined;
}
