import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { randomBytes, useTempFolders, writeTree } from "../testing/temp_share.ts";
import { scanShare, swarmIdOf } from "./share.ts";

const tempFolder = useTempFolders();

async function refusal(source: string, options: { dir?: string } = {}): Promise<string> {
  try {
    await scanShare(source, options);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).not.toContain("\n");
    return (error as Error).message;
  }
  return "accepted";
}

describe("scanShare()", () => {
  test("lists files and empty folders in the order of their UTF-8 bytes, with sizes and executable bits", async () => {
    const source = join(tempFolder(), "my share");
    writeTree(
      source,
      {
        "b/two": "22",
        "b.txt": "",
        "😀": "astral",
        "\ue000": "private",
        "new\nline": "x",
        "b/empty": null,
        "a/deep/er": null,
      },
      ["b/two"],
    );
    const share = await scanShare(source);
    expect(share).toMatchObject({ source, name: "my share", kind: "folder", sizeBytes: 16 });
    expect(share.files.map(({ path }) => path)).toEqual(["b.txt", "b/two", "new\nline", "\ue000", "😀"]);
    expect(share.files.map(({ executable }) => executable)).toEqual([false, true, false, false, false]);
    expect(share.emptyFolders).toEqual(["a/deep/er", "b/empty"]);
  });

  test("takes a single file, by an absolute or a relative path, and an empty folder", async () => {
    const folder = tempFolder();
    const source = join(folder, "one.txt");
    writeFileSync(source, "hello");
    const share = await scanShare(relative(process.cwd(), source));
    expect(share).toMatchObject({ source, name: "one.txt", kind: "file", sizeBytes: 5, emptyFolders: [] });
    expect(share.files).toMatchObject([{ path: "one.txt", sizeBytes: 5, executable: false }]);
    expect(await scanShare(tempFolder())).toMatchObject({ kind: "folder", files: [], emptyFolders: [], sizeBytes: 0 });
  });

  test("refuses a symbolic link, wherever it points, and the source itself", async () => {
    for (const target of ["a", "/no/such/file", "."]) {
      const folder = tempFolder();
      writeTree(folder, { "d/a": "x" });
      symlinkSync(target, join(folder, "d/link"));
      expect(await refusal(folder)).toBe(
        `Cannot share '${join(folder, "d/link")}': it is a symbolic link to '${target}' (put a copy in its place)`,
      );
      expect(await refusal(join(folder, "d/link"))).toContain("symbolic link");
    }
  });

  test("refuses a socket, a FIFO and a device by name", async () => {
    const folder = tempFolder();
    const listener = Bun.listen({ unix: join(folder, "sock"), socket: { data: () => undefined } });
    expect(await refusal(folder)).toContain(`${join(folder, "sock")}': it is a socket`);
    listener.stop();

    const piped = tempFolder();
    expect(Bun.spawnSync(["mkfifo", join(piped, "pipe")]).exitCode).toBe(0);
    expect(await refusal(piped)).toContain(`${join(piped, "pipe")}': it is a FIFO`);
    expect(await refusal("/dev/null")).toBe("Cannot share '/dev/null': it is a device (take it out of the source)");
  });

  test("refuses what is not there", async () => {
    expect(await refusal("/no/such/place")).toBe(
      "Cannot share '/no/such/place': there is no such file or folder (look at the path)",
    );
    expect(await refusal("")).toContain("there is no name");
  });

  test("refuses a name that is no UTF-8, but not the replacement character itself", async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, "d"));
    writeFileSync(join(folder, "d/\ufffd"), "fine");
    expect((await scanShare(folder)).files).toHaveLength(1);
    writeFileSync(Buffer.concat([Buffer.from(join(folder, "d/bad")), Buffer.from([0xff])]), "x");
    expect(await refusal(folder)).toBe(
      `Cannot share '${join(folder, "d/bad")}ÿ': its name is not valid UTF-8 (rename it)`,
    );
  });

  test("refuses names that would meet on another system", async () => {
    const folder = tempFolder();
    writeTree(folder, { README: "1", readme: "2" });
    expect(await refusal(folder)).toContain("'README' and 'readme' are one name");
  });

  test("refuses a source that holds the folder for blocks, not one beside it", async () => {
    const folder = tempFolder();
    writeTree(folder, { "source/a": "x", "source-2": null, "..out": null });
    const source = join(folder, "source");
    expect(await refusal(source, { dir: source })).toContain("(use another --dir)");
    expect(await refusal(source, { dir: join(source, "below") })).toContain("(use another --dir)");
    expect(await refusal(folder, { dir: join(folder, "..out") })).toContain("(use another --dir)");
    expect(await refusal(source, { dir: folder })).toBe("accepted");
    expect(await refusal(source, { dir: join(folder, "source-2") })).toBe("accepted");
  });

  test.skipIf(process.getuid?.() === 0)("refuses what may not be read (not as root, who may read all)", async () => {
    const folder = tempFolder();
    writeTree(folder, { locked: "x" });
    chmodSync(join(folder, "locked"), 0);
    expect(await refusal(folder)).toContain(`${join(folder, "locked")}': permission denied`);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "refuses what may not be read (as another user, which needs root)",
    async () => {
      const folder = tempFolder();
      writeTree(folder, { "open/a": "x", "open/locked": "x", "shut/b": "x" });
      Bun.spawnSync(["chmod", "-R", "a+rX", join(folder, "..")]);
      chmodSync(join(folder, "open/locked"), 0o600);
      chmodSync(join(folder, "shut"), 0o700);
      const script = `
      const { scanShare } = await import(${JSON.stringify(join(import.meta.dir, "share.ts"))});
      process.setgid(65534);
      process.setuid(65534);
      for (const source of process.argv.slice(-2)) {
        await scanShare(source).catch((error) => console.log(error.message));
      }`;
      const child = Bun.spawnSync([process.execPath, "-e", script, join(folder, "open"), join(folder, "shut")]);
      const lines = child.stdout.toString().trim().split("\n");
      expect(lines[0]).toContain(`${join(folder, "open/locked")}': permission denied`);
      expect(lines[1]).toContain(`${join(folder, "shut")}': permission denied`);
    },
  );
});

test("swarmIdOf() is the SHA-256 of the manifest's bytes", () => {
  expect(Buffer.from(swarmIdOf(new TextEncoder().encode("abc"))).toString("hex")).toStartWith("ba7816bf");
  expect(swarmIdOf(randomBytes(10))).toHaveLength(32);
});
