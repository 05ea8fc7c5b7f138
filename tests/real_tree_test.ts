/** What a user does with a real tree: copy it by hand, update it over ssh, and once more while a machine is down. */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes, writeTree } from "../minibit/io/testing/temp_share.ts";
import type { Script } from "./support/script.ts";
import { noHosts, SshHosts } from "./support/ssh_hosts.ts";
import { useTestBed } from "./support/test_bed.ts";

const MACHINES = 8;
const FILES = 20_000;
const TIMEOUT_MS = 120_000;
/** In memory where that is possible: hundreds of thousands of files come and go. */
const dir = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "minibit-tree-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const bed = useTestBed();

/** A tree as people have them: many small files, a few larger ones, odd names, empty things, programs. */
function writeRealTree(root: string): void {
  const names = ["plain.txt", "with space.md", "açaí.json", "-dash", "dots..js", "a b\tc", "日本.py", "UPPER.TXT"];
  const tree: { [path: string]: string | Uint8Array | null } = {
    "bin/run": "#!/bin/sh\n",
    "data/large.bin": randomBytes(400_000, 1),
    "empty/folder": null,
  };
  for (let i = 0; i < FILES; i++) {
    tree[`d${i % 200}/s${i % 7}/${i}-${names[i % names.length]}`] = i % 50 === 0 ? "" : `${i}\n`.repeat(1 + (i % 40));
  }
  writeTree(root, tree, ["bin/run"]);
}

/** Says where two trees differ, by a program that knows nothing of us. */
function difference(a: string, b: string): string {
  const { stdout, stderr } = Bun.spawnSync(["diff", "-r", "--no-dereference", a, b]);
  return `${stdout}${stderr}`.slice(0, 500);
}

describe.skipIf(noHosts !== undefined)(`${MACHINES} machines and ${FILES} files`, () => {
  test(
    "get them by hand, and updates over ssh, also while one of them is down",
    async () => {
      const machines = await SshHosts.up(
        Array.from({ length: MACHINES }, () => ({})),
        {
          dir: join(dir, "machines"),
          prefix: `mb${process.pid}t`,
        },
      );
      bed.defer(() => machines.close());
      const source = join(dir, "tree");
      writeRealTree(source);

      // by hand: each part started where it belongs, nothing read from another's disk
      const here = (script: string, ...args: readonly string[]): Script =>
        bed.startWrapped((command) => machines.inside(command), script, ...args);
      const tracker = here(
        ...["tracker.ts", "--host", "10.79.0.1", "--port", "0", "--http-port", "0"],
        ...["--expect", String(MACHINES + 1), "--exit-when-done"],
      );
      const [, address = ""] = await tracker.said(/listening on (\S+),/);
      const common = ["--tracker", address, "--port", "0", "--events", "--log-level", "warning"];
      const seed = here(
        "peer.ts",
        "0",
        ...common,
        "--host",
        "10.79.0.1",
        "--source",
        source,
        "--dir",
        join(dir, "seed"),
      );
      const peers = machines.hosts.map((host, index) =>
        bed.startWrapped(
          (command) => machines.inside(command, index + 1),
          ...["peer.ts", String(index + 1), ...common, "--host", host.address, "--to", join(host.data, "set")],
        ),
      );
      for (const script of [...peers, seed, tracker]) {
        expect([script.name, await script.ended(TIMEOUT_MS)]).toEqual([script.name, 0]);
      }
      for (const { data } of machines.hosts) {
        expect(difference(source, join(data, "set"))).toBe("");
        expect(readdirSync(data).sort()).toEqual([".set.minibit", "set"]);
      }

      // an update over ssh: what changed, what went, what came
      const list = join(dir, "hosts.txt");
      writeFileSync(list, machines.hosts.map((host) => `root@${host.address}:22\n`).join(""));
      const push = (...flags: readonly string[]): Script =>
        bed.startWrapped(
          (command) => machines.inside(["env", `XDG_CACHE_HOME=${join(dir, "cache")}`, ...command]),
          ...["run_full.ts", "--port", "0", "--http-port", "0", "--hosts", list, "--source", source],
          ...["--to", "/data/set", "--ssh", machines.ssh, ...flags],
        );
      for (let i = 0; i < FILES; i += 100) {
        const [folder, name = ""] = [`d${i % 200}/s${i % 7}`, readdirSync(join(source, `d${i % 200}/s${i % 7}`))[0]];
        rmSync(join(source, folder, name));
        writeTree(source, { [`${folder}/new ${i}`]: `new ${i}` });
      }
      chmodSync(join(source, "bin/run"), 0o644);
      const update = push();
      expect([await update.ended(TIMEOUT_MS), update.complaints]).toEqual([0, expect.anything()]);
      for (const { data } of machines.hosts) {
        expect(difference(source, join(data, "set"))).toBe("");
      }

      // once more, while one of them is down
      await machines.unplug(MACHINES);
      const before = join(dir, "before");
      Bun.spawnSync(["cp", "-a", source, before]);
      writeTree(source, { "data/large.bin": randomBytes(400_000, 2), "d0/last": "last" });
      const second = push("--quorum", "80%", "--grace", "5s");
      expect(await second.ended(TIMEOUT_MS)).toBe(0);
      const down = machines.hosts.at(-1);
      expect(second.lines.filter((line) => line.includes(`${down?.address}`)).at(-1)).toMatch(/unreachable/);
      for (const { data } of machines.hosts.slice(0, -1)) {
        expect(difference(source, join(data, "set"))).toBe("");
      }
      expect(difference(before, join(down?.data ?? "", "set"))).toBe("");
    },
    3 * TIMEOUT_MS,
  );
});
