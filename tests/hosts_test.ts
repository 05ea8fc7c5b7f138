/** `run_full.ts --hosts`: onto machines with a network, a disk and an SSH server of their own, and nothing installed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes, readTree, writeTree } from "../minibit/io/temp_share.ts";
import { isAlive } from "./support/processes.ts";
import type { Script } from "./support/script.ts";
import { noHosts, type SshHost, SshHosts } from "./support/ssh_hosts.ts";
import { useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const FILES = { "a.bin": randomBytes(300_000, 1), "sub/b.txt": "b\n", empty: "", "folder/none": null };
/** Which machine is like what: five that work, and three that do not. */
const [DOWN, REFUSING, FULL] = [5, 6, 7];
const TIMEOUT_MS = 60_000;

const bed = useTestBed();
/** Where the executable is kept that all tests send. */
const cache = mkdtempSync(join(tmpdir(), "minibit-cache-"));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

if (noHosts !== undefined) {
  console.log(`Skipped: copying to other machines, for ${noHosts}`);
}

describe.skipIf(noHosts !== undefined)("machines", () => {
  let dir = "";
  let machines: SshHosts;
  let good: SshHost[] = [];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "minibit-hosts-"));
    const working = Array.from({ length: 5 }, () => ({}));
    machines = await SshHosts.up([...working, { isDown: true }, { refusesKey: true }, { disk: "100k" }], {
      dir,
      prefix: `mb${process.pid}h`,
    });
    good = machines.hosts.slice(0, 5);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await machines.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Copies `FILES`, or what else is in `share`, to some of the machines. */
  function push(hosts: readonly SshHost[], ...flags: readonly string[]): Script {
    const source = bed.path("share");
    if (!existsSync(source)) {
      writeTree(source, FILES);
    }
    const list = bed.path("hosts.txt");
    writeFileSync(list, ["# machines", ...hosts.map(({ address }) => `root@${address}:22 # one`), ""].join("\n"));
    const args = ["--port", "0", "--http-port", "0", "--hosts", list, "--source", source, "--to", "/data/set"];
    return bed.startWrapped(
      (command) => machines.inside(["env", `XDG_CACHE_HOME=${cache}`, ...command]),
      "run_full.ts",
      ...[...args, "--ssh", machines.ssh, ...flags],
    );
  }

  /** Nothing is left on a machine but what should be, the record of a copy that was put there, and the SSH server. */
  async function expectClean({ data, processes }: SshHost, left: readonly string[]): Promise<void> {
    const records = left.filter((name) => name === "set").map((name) => `.${name}.minibit`);
    expect(readdirSync(data).sort()).toEqual([...left, ...records].sort());
    for (const name of records) {
      expect(readdirSync(join(data, name))).toEqual(["copy.txt"]);
    }
    // an SSH server's own process may take a moment longer than the run that it served
    await until(
      "the SSH server to be alone",
      async () => (await processes()).filter(isAlive).length === 1 || undefined,
    );
  }

  function emptyDisks(): void {
    for (const { data } of good) {
      for (const name of readdirSync(data)) {
        rmSync(join(data, name), { recursive: true, force: true }); // not the folder: it is mounted
      }
    }
  }

  test(
    "get verified copies; those that cannot are named, and whether that is success the quorum says",
    async () => {
      const strict = push(machines.hosts);
      expect(await strict.ended(TIMEOUT_MS)).toBe(1);
      const [last = ""] = strict.complaints.slice(-1);
      expect(last).toStartWith("Cannot confirm 100.0% of 8 hosts: 5 hold the share, not ");
      const why = [
        [DOWN, /^unreachable: .*(No route to host|timed out)/],
        [REFUSING, /^ssh refused: .*Permission denied/],
        [FULL, /it takes 293 KiB more, and the disk has/],
      ] as const;
      for (const [index, reason] of why) {
        const { address = "" } = machines.hosts[index] ?? {};
        const [, told = ""] = last.split(`${address}:22 (`);
        expect(told).toMatch(reason);
      }
      const expected = readTree(bed.path("share"));
      for (const host of good) {
        expect(readTree(join(host.data, "set"))).toEqual(expected);
        await expectClean(host, ["set"]);
      }

      const lenient = push(machines.hosts, "--quorum", "60%");
      expect(await lenient.ended(TIMEOUT_MS)).toBe(0);
      const received = lenient.lines.filter((line) => line.endsWith("verified")).map((line) => line.split(/ {2,}/)[2]);
      expect(received).toEqual(Array.from({ length: 5 }, () => "0 B")); // they had it
      emptyDisks();
    },
    2 * TIMEOUT_MS,
  );

  test(
    "keep no process and no file after Ctrl+C",
    async () => {
      const run = push(good, "--upload-limit", "20KiB/s");
      await until(
        "every machine to have begun",
        () => good.every(({ data }) => readdirSync(data).length > 0) || undefined,
        {
          timeoutMs: TIMEOUT_MS,
        },
      );
      expect(await run.kill("SIGINT")).toBe(130);
      for (const host of good) {
        await expectClean(host, []);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "that are too slow for the deadline are told how far they came",
    async () => {
      const run = push(good.slice(0, 2), "--upload-limit", "20KiB/s", "--deadline", "3s", "--keep-partial");
      expect(await run.ended(TIMEOUT_MS)).toBe(1);
      expect(run.complaints.at(-1)).toMatch(/too slow: .* when 3.00s had passed/);
      const [, total = ""] = /^Total time: ([\d.]+) s$/.exec(run.lines.findLast((line) => line !== "") ?? "") ?? [];
      expect(Number(total)).toBeGreaterThanOrEqual(3); // not the 0.00 s to a last copy that is not there
      expect(readdirSync(good[0]?.data ?? "")).toEqual([".set.minibit"]); // the next run goes on with it
      const next = push(good.slice(0, 2));
      expect(await next.ended(TIMEOUT_MS)).toBe(0);
      await expectClean(good[0] as SshHost, ["set"]);
      emptyDisks();
    },
    TIMEOUT_MS,
  );

  test(
    "take over what has not changed, and replace an older copy only by a verified one",
    async () => {
      const [first, second] = good as [SshHost, SshHost];
      writeTree(bed.path("share"), { ...FILES, "a.bin": randomBytes(300_000, 2), "sub/gone": "x" });
      expect(await push([first]).ended(TIMEOUT_MS)).toBe(0);
      rmSync(bed.path("share"), { recursive: true });
      writeTree(join(second.data, "older"), { ...FILES, "sub/b.txt": "a\n" });
      writeTree(bed.path("share"), FILES);
      const run = push([first, second], "--basis", "/data/older", "--block-size", "1KiB");
      expect(await run.ended(TIMEOUT_MS)).toBe(0);
      const expected = readTree(bed.path("share"));
      expect(readTree(join(first.data, "set"))).toEqual(expected);
      expect(readTree(join(second.data, "set"))).toEqual(expected);
      const received = run.lines.filter((line) => line.endsWith("verified")).map((line) => line.split(/ {2,}/)[2]);
      expect(received[1]).toMatch(/^\d{1,3} B$|^1\.00 KiB$/); // one block
      await expectClean(first, ["set"]);
      await expectClean(second, ["older", "set"]);
      emptyDisks();
    },
    TIMEOUT_MS,
  );

  test("lose nothing that is no older copy", async () => {
    const [first] = good as [SshHost];
    writeTree(join(first.data, "set"), { "precious.txt": "mine" });
    const run = push([first]);
    expect(await run.ended(TIMEOUT_MS)).toBe(1);
    expect(run.complaints.at(-1)).toContain("'precious.txt' would be lost");
    expect(readFileSync(join(first.data, "set", "precious.txt"), "utf8")).toBe("mine");
    emptyDisks();
  });

  test(
    "that can dial nobody get their copy from those that can dial them",
    async () => {
      const port = 6100;
      for (const index of [1, 2]) {
        await machines.forbidDialing(index, port);
        expect(await machines.canDial(index, { to: 3, port })).toBe(false);
      }
      const run = push(good.slice(0, 3), "--peer-port", String(port));
      expect(await run.ended(TIMEOUT_MS)).toBe(0);
      expect(await machines.canDial(3, { to: 1, port })).toBe(true);
      emptyDisks();
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(noHosts !== undefined)("machines of IPv6", () => {
  test(
    "get verified copies",
    async () => {
      const dir = bed.path("machines");
      const machines = await SshHosts.up([{}, {}], { dir, prefix: `mb${process.pid}s`, ipv6: true });
      bed.defer(() => machines.close());
      writeTree(bed.path("share"), FILES);
      const list = bed.path("hosts.txt");
      writeFileSync(list, `${machines.hosts[0]?.address}\nroot@[${machines.hosts[1]?.address}]:22\n`);
      const args = ["--hosts", list, "--source", bed.path("share"), "--to", "/data/deep/set", "--ssh", machines.ssh];
      const run = bed.startWrapped(
        (command) => machines.inside(["env", `XDG_CACHE_HOME=${cache}`, ...command]),
        "run_full.ts",
        ...args,
      );
      expect(await run.ended(TIMEOUT_MS)).toBe(0);
      for (const { data } of machines.hosts) {
        expect(readTree(join(data, "deep", "set"))).toEqual(readTree(bed.path("share")));
      }
    },
    TIMEOUT_MS,
  );
});
