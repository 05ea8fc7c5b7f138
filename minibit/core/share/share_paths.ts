import { MAX_NAME_BYTES, MAX_PATH_BYTES } from "../base/limits.ts";
import { quote } from "../base/quote.ts";

/**
 * Which names a share may hold. A manifest comes from an untrusted peer and its paths are created on our disk. The rules here keep
 * every file inside its folder, and any two files apart.
 */

/** The tree of a share. Paths are relative, with `/` between the segments. */
export interface PathTree {
  readonly files: readonly { readonly path: string }[];
  readonly emptyFolders: readonly string[];
}

/**
 * Orders paths by Unicode code point, which is also the order of their UTF-8 bytes: the same on every machine.
 *
 * JavaScript's own order is by UTF-16 unit and puts the characters above U+FFFF before U+E000.
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      return codePointRank(x) - codePointRank(y);
    }
  }
  return a.length - b.length;
}

/** Moves surrogates behind all other units. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/**
 * Checks all paths of a share, one by one and against each other.
 *
 * @param platform where the files would be created (`process.platform`); decides which names are legal
 * @returns what is wrong first, or `undefined`
 */
export function findPathFault(tree: PathTree, platform: string): string | undefined {
  const files = tree.files.map((file) => file.path);
  for (const paths of [files, tree.emptyFolders]) {
    for (const [i, path] of paths.entries()) {
      const fault = pathFault(path, platform);
      if (fault !== undefined) {
        return `the path ${quote(path)} ${fault}`;
      }
      const previous = paths[i - 1];
      if (previous !== undefined && comparePaths(previous, path) >= 0) {
        return previous === path ? `${quote(path)} is there twice` : `${quote(path)} is out of order`;
      }
    }
  }
  return findClash(files, tree.emptyFolders);
}

/**
 * Checks one name: a segment of a path, or a share's own name.
 *
 * @returns what is wrong, to follow the name in a sentence, or `undefined`
 */
export function nameFault(name: string, platform: string): string | undefined {
  if (name === "") {
    return "has an empty segment";
  }
  if (name === "." || name === "..") {
    return `has the segment '${name}'`;
  }
  if (name.includes("\0") || name.includes("/")) {
    return "holds a NUL or a slash inside a name";
  }
  if (!name.isWellFormed()) {
    return "is not valid Unicode";
  }
  if (takesMoreThan(name, MAX_NAME_BYTES)) {
    return `has a name of more than ${MAX_NAME_BYTES} bytes`;
  }
  return platform === "win32" ? windowsFault(name) : undefined;
}

function pathFault(path: string, platform: string): string | undefined {
  if (path.startsWith("/")) {
    return "is absolute";
  }
  if (takesMoreThan(path, MAX_PATH_BYTES)) {
    return `is longer than ${MAX_PATH_BYTES} bytes`;
  }
  for (const name of path.split("/")) {
    const fault = nameFault(name, platform);
    if (fault !== undefined) {
      return fault;
    }
  }
  return undefined;
}

/**
 * Source: Microsoft, "Naming Files, Paths, and Namespaces". A drive (`C:`), a stream (`a:b`) and a backslash are all
 * caught by the reserved characters.
 */
function windowsFault(name: string): string | undefined {
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) < 0x20 || '<>:"\\|?*'.includes(name.charAt(i))) {
      return "holds a character that Windows does not allow";
    }
  }
  if (name.endsWith(".") || name.endsWith(" ")) {
    return "has a name that ends in a dot or a space, which Windows drops";
  }
  if (/^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)/i.test(name)) {
    return "has a name that Windows reserves for a device";
  }
  return undefined;
}

/**
 * Finds two names that collide on some file system: they differ only in case or Unicode form, or one is a file that another
 * path uses as a folder, or a folder that is listed as empty is not.
 */
function findClash(files: readonly string[], emptyFolders: readonly string[]): string | undefined {
  const folders = new Map<string, string>();
  for (const path of [...files, ...emptyFolders]) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = path.slice(0, end);
      const key = fold(folder);
      const known = folders.get(key);
      if (known === folder) {
        break; // and so are the folders above it
      }
      if (known !== undefined) {
        return clash(known, folder);
      }
      folders.set(key, folder);
    }
  }
  const leaves = new Map<string, string>();
  for (const path of [...files, ...emptyFolders]) {
    const key = fold(path);
    const known = leaves.get(key) ?? folders.get(key);
    if (known !== undefined) {
      return known === path ? `${quote(path)} is both a folder with content and something else` : clash(known, path);
    }
    leaves.set(key, path);
  }
  return undefined;
}

function clash(a: string, b: string): string {
  return `${quote(a)} and ${quote(b)} are one name where case or Unicode form does not count`;
}

/** Folds a name as the least strict file systems do: NFC, then full case folding by way of upper case. */
function fold(path: string): string {
  return path.normalize("NFC").toUpperCase().toLowerCase();
}

const encoder = new TextEncoder();

/** Whether `text` takes more than `maxBytes` in UTF-8: one to three bytes for a unit, so most need no encoding. */
function takesMoreThan(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || (text.length * 3 > maxBytes && encoder.encode(text).length > maxBytes);
}
