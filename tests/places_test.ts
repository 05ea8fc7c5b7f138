/** Where copies go: nothing that was there is lost, two runs keep apart, and what a disk cannot do is found out or told. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes, readTree, writeTree } from "../minibit/io/testing/temp_share.ts";
import type { Script } from "./support/script.ts";
import { useTestBed } from "./support/test_bed.ts";

const SAMPLE = join(import.meta.dir, "..", "arquivos");
const bed = useTestBed();

/** Mounts something for the test; returns whether that is possible here. */
function mount(...args: readonly string[]): boolean {
  const folder = args.at(-1) ?? "";
  mkdirSync(folder, { recursive: true });
  bed.defer(() => Bun.spawnSync(["umount", "--lazy", folder]));
  return Bun.spawnSync(["mount", ...args]).exitCode === 0;
}

/** A swarm of a seed with a folder to share; `leech` starts a peer that puts its copy at `to`. */
async function seeding(tree: Parameters<typeof writeTree>[1], ...seedFlags: readonly string[]) {
  const source = bed.path("source");
  writeTree(source, tree);
  const tracker = await bed.tracker();
  const flags = ["--source", source, "--dir", bed.path("seed"), ...seedFlags];
  await bed.peer(0, { tracker: tracker.address, flags }).reported("ready");
  const leech = (to: string, ...more: readonly string[]): Script =>
    bed.peer(1, { tracker: tracker.address, flags: ["--to", to, "--linger", "0s", ...more] });
  return { source, tracker, leech };
}

async function refusal(script: Script): Promise<string> {
  expect(await script.ended()).toBe(1);
  expect(script.complaints.filter((line) => line.startsWith("Cannot "))).toHaveLength(1);
  expect(script.complaints.join("\n")).not.toContain("bug in MiniBit");
  return script.complaints.at(-1) ?? "";
}

describe("what was at --to", () => {
  test("is refused before a byte travels when it only shares a name with the share, and replaced when the user says so", async () => {
    const { source, leech } = await seeding({ "bin/run": "new" });
    const to = bed.path("home");
    writeTree(to, { "bin/own": "x", "photos/1": "p", "thesis/t": "t" });
    const before = readTree(to);
    const refused = leech(to);
    expect(await refusal(refused)).toContain("'bin', 'bin/own', 'photos' and 3 more would be lost");
    expect(refused.report("summary")?.downBytes).toBe(0);
    expect(readTree(to)).toEqual(before);
    expect(readdirSync(bed.folder).sort()).toEqual(["home", "seed", "source"]);
    const replaced = leech(to, "--replace");
    await replaced.succeeded();
    expect(replaced.complaints.join("\n")).toContain(
      `Replacing what is at '${to}': 'bin', 'bin/own', 'photos' and 3 more`,
    );
    expect(readTree(to)).toEqual(readTree(source));
  });

  test("is updated when it is an older copy, but not once somebody edited it", async () => {
    const to = bed.path("copy");
    writeTree(bed.path("v1"), { a: "1", "b/c": "2", gone: "3" });
    writeTree(bed.path("v2"), { a: "1", "b/c": "two", new: "4" });
    const push = async (version: string, ...flags: readonly string[]): Promise<Script> => {
      const tracker = await bed.tracker({ flags: ["--expect", "2"] });
      const seed = ["--source", bed.path(version), "--dir", bed.path(`seed-${version}-${tracker.port}`)];
      bed.peer(0, { tracker: tracker.address, flags: seed });
      const peer = bed.peer(1, { tracker: tracker.address, flags: ["--to", to, "--linger", "0s", ...flags] });
      await peer.ended();
      return peer;
    };
    await (await push("v1")).succeeded();
    await (await push("v2")).succeeded();
    expect(readTree(to)).toEqual(readTree(bed.path("v2")));
    expect(readdirSync(bed.path(".copy.minibit"))).toEqual(["copy.txt"]);
    writeFileSync(join(to, "a"), "mine");
    expect(await refusal(await push("v1"))).toContain("'a' would be lost");
    expect(readFileSync(join(to, "a"), "utf8")).toBe("mine");
    await (await push("v1", "--replace")).succeeded();
    expect(readTree(to)).toEqual(readTree(bed.path("v1")));
  });

  test.each([
    ["a file", (to: string) => writeFileSync(to, "mine")],
    ["a link to a file", (to: string) => symlinkSync("/etc/hostname", to)],
  ])("is kept when it is %s and a file is shared", async (_, put) => {
    writeFileSync(bed.path("one.bin"), "new");
    const tracker = await bed.tracker();
    const flags = ["--source", bed.path("one.bin"), "--dir", bed.path("seed")];
    await bed.peer(0, { tracker: tracker.address, flags }).reported("ready");
    const to = bed.path("to");
    put(to);
    const before = readTree(to);
    const peer = bed.peer(1, { tracker: tracker.address, flags: ["--to", to, "--linger", "0s"] });
    expect(await refusal(peer)).toMatch(/is there|was put there by no earlier run/);
    expect(readTree(to)).toEqual(before);
    expect(existsSync(bed.path(".to.minibit"))).toBe(false);
  });
});

describe("two runs to one place", () => {
  test("by hand: the second is refused and names the first, whose copy is right", async () => {
    const { source, tracker, leech } = await seeding({ big: randomBytes(400_000) }, "--upload-limit", "200KiB/s");
    const to = bed.path("to");
    const first = leech(to);
    await first.reported("progress", ({ blocks }) => blocks > 0);
    const second = bed.peer(2, { tracker: tracker.address, flags: ["--to", bed.path("seed/../to")] });
    expect(await refusal(second)).toContain(`process ${first.pid} on `);
    await first.succeeded();
    expect(readTree(to)).toEqual(readTree(source));
  });

  test("of the same peer in one folder, or of whole swarms", async () => {
    const run = bed.runFull("--peers", "3", "--source", SAMPLE, "--upload-limit", "5KiB/s");
    await run.said(/Sharing "arquivos"/);
    expect(await refusal(bed.runFull("--peers", "2", "--source", SAMPLE))).toContain(
      `Cannot use '.': process ${run.pid} on `,
    );
    await run.until("peer 1 to be at work", () => existsSync(bed.path("blocos_peer_1/lock")) || undefined);
    const again = bed.peer(1, { tracker: "127.0.0.1:1", flags: [] });
    expect(await refusal(again)).toContain("Cannot use 'blocos_peer_1': process ");
    await run.succeeded();
    expect(readdirSync(bed.path("blocos_peer_1"))).not.toContain("lock");
  });
});

describe("bun run_full.ts", () => {
  test("starts fresh over what an earlier run left, but not over what somebody did to it", async () => {
    const run = (...flags: readonly string[]): Script => bed.runFull("--peers", "2", "--source", SAMPLE, ...flags);
    await run().succeeded();
    await run().succeeded();
    const copy = bed.path("reconstruido_peer_1");
    const [name = ""] = readdirSync(copy);
    writeFileSync(join(copy, name), "my notes");
    writeFileSync(bed.path("blocos_peer_1/diary.txt"), "mine");
    const before = readTree(bed.folder);
    const line = await refusal(run());
    expect(line).toContain(`'blocos_peer_1/diary.txt', 'reconstruido_peer_1/${name}' would be lost`);
    expect(readTree(bed.folder)).toEqual(before);
    await run("--replace").succeeded();
    expect(readTree(copy)).toEqual(readTree(SAMPLE));
  });
});

describe("--to", () => {
  test("with ~ is in the home; what only a shell replaces is refused", async () => {
    const { source } = await seeding({ a: "1" });
    const tracker = await bed.tracker();
    await bed
      .peer(0, { tracker: tracker.address, flags: ["--source", source, "--dir", bed.path("s2")] })
      .reported("ready");
    const home = bed.path("home");
    const inHome = (to: string): Script =>
      bed.startWrapped(
        (command) => ["env", `HOME=${home}`, ...command],
        "peer.ts",
        "1",
        "--port",
        "0",
        "--to",
        to,
        "--tracker",
        tracker.address,
        "--linger",
        "0s",
      );
    await inHome("~/sub/copy").succeeded();
    expect(readTree(join(home, "sub/copy"))).toEqual(readTree(source));
    const refused = inHome("$HOME/copy");
    expect(await refused.ended()).toBe(2);
    expect(refused.complaints.at(-1)).toContain("variables are not replaced here");
    expect(readdirSync(bed.folder)).not.toContain("~");
  });

  test("that no copy can be put at is refused at once, though no tracker answers", async () => {
    const at = (to: string): Script => bed.peer(1, { tracker: "127.0.0.1:1", flags: ["--to", to] });
    writeFileSync(bed.path("file"), "");
    expect(await refusal(at("."))).toContain("it is the folder this runs in");
    expect(await refusal(at("file/x"))).toMatch(/^Cannot put a copy at 'file\/x': /);
    expect(await refusal(at("n".repeat(256)))).toContain("the path is too long (use a shorter place)");
    expect(await refusal(at("/proc/x/y"))).toMatch(/^Cannot put a copy at '\/proc\/x\/y': /);
    if (mount("-t", "tmpfs", "tmpfs", bed.path("disk"))) {
      expect(await refusal(at("disk"))).toContain("a disk is mounted there");
    }
    expect(readdirSync(bed.folder).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("may be as long as a name can be", async () => {
    const { source, leech } = await seeding({ a: "1" });
    const to = bed.path("n".repeat(255));
    await leech(to).succeeded();
    expect(readTree(to)).toEqual(readTree(source));
  });

  test("with a slash behind it is a folder: a shared folder goes there, a shared file is refused", async () => {
    const { source, leech } = await seeding({ a: "1" });
    await leech(`${bed.path("dir")}/`).succeeded();
    expect(readTree(bed.path("dir"))).toEqual(readTree(source));
    writeFileSync(bed.path("one.bin"), "1");
    const tracker = await bed.tracker();
    await bed
      .peer(0, { tracker: tracker.address, flags: ["--source", bed.path("one.bin"), "--dir", bed.path("s2")] })
      .reported("ready");
    const file = bed.peer(1, { tracker: tracker.address, flags: ["--to", `${bed.path("other")}/`] });
    expect(await refusal(file)).toContain(`(use --to ${bed.path("other")}/one.bin)`);
  });

  test("on a disk that keeps no permissions gets a verified copy, and one line tells what is not kept", async () => {
    const image = bed.path("ntfs.img");
    const disk = bed.path("ntfs");
    mkdirSync(disk);
    bed.defer(() => Bun.spawnSync(["umount", "--lazy", disk]));
    const commands = [
      ["truncate", "-s", "16M", image],
      ["mkntfs", "-F", "-Q", image],
      ["ntfs-3g", image, disk],
    ];
    const mayMount = process.getuid?.() === 0 && ["mkntfs", "ntfs-3g"].every((program) => Bun.which(program) !== null);
    if (!mayMount || !commands.every((command) => Bun.spawnSync(command).exitCode === 0)) {
      console.warn(
        "Skipping the test of a disk without permissions: ntfs-3g and the right to mount are needed for one",
      );
      return;
    }
    const { leech } = await seeding({ "run.sh": "#!/bin/sh\n", "a.txt": "a" });
    const peer = leech(bed.path("ntfs/copy"));
    await peer.succeeded();
    expect(peer.report("complete")?.path).toBe(bed.path("ntfs/copy"));
    expect(readFileSync(bed.path("ntfs/copy/run.sh"), "utf8")).toBe("#!/bin/sh\n");
    expect(peer.complaints.filter((line) => line.includes("keeps no permissions"))).toHaveLength(1);
  });
});
