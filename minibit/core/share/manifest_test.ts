import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ManifestError } from "../base/errors.ts";
import { ownedCopy } from "../base/owned_copy.ts";
import { blockHash, encodeManifest, geometryOf, HASH_BYTES, type Manifest, parseManifest } from "./manifest.ts";
import { comparePaths } from "./share_paths.ts";

const folder = manifestOf({
  files: [
    { path: "a/run.sh", sizeBytes: 1500, executable: true },
    { path: "empty", sizeBytes: 0, executable: false },
    { path: "nome com ção\n.txt", sizeBytes: 1000, executable: false },
  ],
  emptyFolders: ["nothing here"],
});

function manifestOf(parts: Partial<Manifest>): Manifest {
  const files = parts.files ?? [];
  const blockSizeBytes = parts.blockSizeBytes ?? 1024;
  const sizeBytes = parts.sizeBytes ?? files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const blockCount = Math.ceil(sizeBytes / blockSizeBytes);
  const hashes = new Uint8Array(blockCount * HASH_BYTES).map((_, i) => i * 7);
  return {
    name: "arquivos",
    kind: "folder",
    emptyFolders: [],
    hashes,
    ...parts,
    files,
    blockSizeBytes,
    sizeBytes,
    blockCount,
  };
}

/** The manifest's JSON with some fields replaced (`undefined` leaves one out). */
function tampered(fields: { readonly [name: string]: unknown }, manifest: Manifest = folder): Uint8Array {
  const json = JSON.parse(new TextDecoder().decode(encodeManifest(manifest)));
  return new TextEncoder().encode(JSON.stringify({ ...json, ...fields }));
}

describe("encodeManifest() and parseManifest()", () => {
  test("keep everything", () => {
    expect(parseManifest(encodeManifest(folder))).toEqual(folder);
  });

  test("keep an empty share", () => {
    const empty = manifestOf({});
    expect(parseManifest(encodeManifest(empty))).toEqual(empty);
  });

  test("keep a share of one file", () => {
    const single = manifestOf({
      kind: "file",
      name: "x.txt",
      files: [{ path: "x.txt", sizeBytes: 1, executable: false }],
    });
    expect(parseManifest(encodeManifest(single))).toEqual(single);
  });

  test("make the same bytes however the object was built", () => {
    const reversed = Object.fromEntries(Object.entries(folder).reverse()) as unknown as Manifest;
    expect(encodeManifest(reversed)).toEqual(encodeManifest(folder));
  });

  test("keep any legal share", () => {
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((s) => !/[/\0]|^\.\.?$/u.test(s));
    const file = fc.record({
      path: name.map((s) => `dir/${s}`),
      sizeBytes: fc.nat(5000),
      executable: fc.boolean(),
    });
    const files = fc.uniqueArray(file, { selector: (f) => f.path.normalize("NFC").toUpperCase().toLowerCase() });
    fc.assert(
      fc.property(files, name, (list, shareName) => {
        const sorted = [...list].sort((a, b) => comparePaths(a.path, b.path));
        const manifest = manifestOf({ name: shareName, files: sorted });
        expect(parseManifest(encodeManifest(manifest))).toEqual(manifest);
      }),
    );
  });
});

test("blockHash() gives each block's own hash", () => {
  expect(blockHash(folder, 2)).toEqual(folder.hashes.subarray(64, 96));
  expect(() => blockHash(folder, 3)).toThrow("Assertion failed");
  expect(geometryOf(folder).lengthOf(2)).toBe(2500 - 2048);
});

describe("parseManifest() refuses", () => {
  const file = { path: "a", sizeBytes: 1, executable: false };

  test.each<[string, { readonly [name: string]: unknown }]>([
    ["another format", { format: "minibit/2" }],
    ["a missing field", { emptyFolders: undefined }],
    ["an unknown field", { extra: 1 }],
    ["an unknown field of a file", { files: [{ ...file, mode: 4095 }], sizeBytes: 1, blockCount: 1 }],
    ["another kind", { kind: "symlink" }],
    ["a block size of zero", { blockSizeBytes: 0 }],
    ["a block size below the least", { blockSizeBytes: 512 }],
    ["a block size above the most", { blockSizeBytes: 2 ** 27 }],
    ["a broken block size", { blockSizeBytes: 1024.5 }],
    ["a size that is not the sum", { sizeBytes: 2499 }],
    ["a negative size", { files: [{ ...file, sizeBytes: -1 }] }],
    ["a size past 2^53", { files: [{ ...file, sizeBytes: 2 ** 53 }], sizeBytes: 2 ** 53 }],
    ["sizes whose sum passes 2^53", { files: [file, { ...file, path: "b", sizeBytes: Number.MAX_SAFE_INTEGER }] }],
    ["a block count that does not fit", { blockCount: 4 }],
    ["more blocks than allowed", { blockCount: 2 ** 20 + 1 }],
    ["too few hashes", { hashes: new Uint8Array(64).toBase64() }],
    ["too many hashes", { hashes: new Uint8Array(128).toBase64() }],
    ["hashes that are not base64", { hashes: "!".repeat(128) }],
    ["white space in base64", { hashes: `${" ".repeat(4)}${"A".repeat(124)}` }],
    ["an empty name", { name: "" }],
    ["a name with a slash", { name: "../x" }],
    ["a name of two dots", { name: ".." }],
    ["a single file under another name", { kind: "file" }],
    ["a path that leaves the folder", { files: [{ ...file, path: "../a", sizeBytes: 2500 }] }],
  ])("%s", (_, fields) => {
    expect(() => parseManifest(tampered(fields))).toThrow(ManifestError);
  });

  test("stray base64 bits, so that one share has one name", () => {
    const one = manifestOf({ files: [{ ...file, sizeBytes: 1 }] });
    const text = one.hashes.toBase64();
    const last = text.indexOf("=") - 1;
    const stray = `${text.slice(0, last)}${String.fromCharCode(text.charCodeAt(last) + 1)}=`;
    expect(() => parseManifest(tampered({ hashes: stray }, one))).toThrow("base64");
  });

  test("bytes that are no JSON, without a stack overflow", () => {
    for (const text of ["", "{", "null", "[]", '"x"', "[".repeat(1_000_000), '\ufeff{"format":1}']) {
      expect(() => parseManifest(new TextEncoder().encode(text))).toThrow(ManifestError);
    }
    expect(() => parseManifest(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(ManifestError);
    expect(() => parseManifest(tampered({ ["__proto__"]: { files: [] }, files: undefined }))).toThrow(ManifestError);
  });

  test("random changes of its bytes, or reads what those say", () => {
    const bytes = encodeManifest(folder);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = ownedCopy(bytes);
        changed[at] = value;
        try {
          const read = parseManifest(changed);
          expect(geometryOf(read).blockCount).toBe(read.blockCount);
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestError);
        }
      }),
    );
  });
});

test("parseManifest() names on Windows follow Windows' rules", () => {
  const bytes = encodeManifest(manifestOf({ files: [{ path: "dir/aux.c", sizeBytes: 1, executable: false }] }));
  expect(parseManifest(bytes).files).toHaveLength(1);
  expect(() => parseManifest(bytes, { platform: "win32" })).toThrow("reserves");
});

test("parseManifest() reads a manifest of 100,000 files", () => {
  const files = Array.from({ length: 100_000 }, (_, i) => ({
    path: `folder ${String(Math.floor(i / 100)).padStart(4, "0")}/${String(i).padStart(6, "0")}.txt`,
    sizeBytes: i,
    executable: false,
  }));
  const manifest = manifestOf({ files, blockSizeBytes: 4 * 1024 * 1024 });
  expect(parseManifest(encodeManifest(manifest)).files).toHaveLength(100_000);
});
