/** `run_full.ts --hosts`: onto machines with a network, a disk and an SSH server of their own, and nothing installed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes, readTree, writeTree } from "../minibit/io/testing/temp_share.ts";
import { isAlive } from "./support/processes.ts";
import type { Script } from "./support/script.ts";
import { noHosts, type SshHost, type SshHostOptions, SshHosts } from "./support/ssh_hosts.ts";
import { useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const FILES = { "a.bin": randomBytes(300_000, 1), "sub/b.txt": "b\n", empty: "", "folder/none": null };
/** Which machine is like what: five that work, and those that do not. */
const [DOWN, REFUSING, FULL] = [5, 6, 7];
const [NO_SHELL, FILES_ONLY, READ_ONLY, NO_EXEC, UNKNOWN, CHANGED, SILENT] = [8, 9, 10, 11, 12, 13, 14];
/** What people have in their configuration of ssh for sessions of their own, and in the login there. */
const LIVED_IN = {
  login: "printf '\\033]0;title\\007'",
  ssh: [
    "RemoteCommand echo hello",
    "RequestTTY yes",
    "LocalForward 192.0.2.1:9 127.0.0.1:9",
    "ExitOnForwardFailure yes",
  ],
};
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
    const master = ["ControlMaster auto", `ControlPath ${join(dir, "%C")}`, "ControlPersist 120"];
    const working = [{}, LIVED_IN, { ssh: master }, {}, {}];
    const known = [{ isDown: true }, { refusesKey: true }, { disk: "100k" }];
    const odd = [
      ...[{ shell: "/usr/sbin/nologin" }, { sftpOnly: true }, { home: "ro" }, { home: "noexec" }],
      ...[{ hostKey: "unknown" }, { hostKey: "changed" }, { login: "printf 'Press Enter: '; cat >/dev/null" }],
    ] as const;
    machines = await SshHosts.up([...working, ...known, ...odd], { dir, prefix: `mb${process.pid}h` });
    good = machines.hosts.slice(0, 5);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await machines.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Copies `FILES`, or what else is in `share`, to some of the machines. */
  function push(hosts: readonly (SshHost | undefined)[], ...flags: readonly string[]): Script {
    const source = bed.path("share");
    if (!existsSync(source)) {
      writeTree(source, FILES);
    }
    const list = bed.path("hosts.txt");
    const named = new Set<string>();
    const lines = hosts.map((host) => {
      const name = `root@${host?.address}:22`;
      const line = named.has(name) ? `root@${host?.address}` : name; // the same one by another name
      named.add(name);
      return `${line} # one`;
    });
    writeFileSync(list, ["# machines", ...lines, ""].join("\n"));
    mkdirSync(bed.path("tmp"), { recursive: true });
    const args = ["--port", "0", "--http-port", "0", "--hosts", list, "--source", source, "--to", "/data/set"];
    return bed.startWrapped(
      (command) => machines.inside(["env", `XDG_CACHE_HOME=${cache}`, `TMPDIR=${bed.path("tmp")}`, ...command]),
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
      const strict = push(machines.hosts.slice(0, 8));
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

      const lenient = push(machines.hosts.slice(0, 8), "--quorum", "60%");
      expect(await lenient.ended(TIMEOUT_MS)).toBe(0);
      const received = lenient.lines.filter((line) => line.endsWith("verified")).map((line) => line.split(/ {2,}/)[2]);
      expect(received).toEqual(Array.from({ length: 5 }, () => "0 B")); // they had it
      emptyDisks();
    },
    2 * TIMEOUT_MS,
  );

  test(
    "that are odd fail alone, each in its own words; one under two names is told",
    async () => {
      const [first] = good;
      const odd = [NO_SHELL, FILES_ONLY, READ_ONLY, NO_EXEC, UNKNOWN, CHANGED, SILENT];
      const run = push([first, first, ...odd.map((index) => machines.hosts[index])], "--login-timeout", "5s");
      expect(await run.ended(TIMEOUT_MS)).toBe(1);
      const last = run.complaints.at(-1) ?? "";
      expect(last).toStartWith("Cannot confirm 100.0% of 9 hosts: 1 holds the share, not ");
      const why = [
        [NO_SHELL, /^runs no commands: its login says 'This account is currently not available.'/],
        [FILES_ONLY, /^(runs no commands: its login|unreachable: )/],
        [READ_ONLY, /^cannot keep the program there: .*Read-only file system \(.*--remote-cache/],
        [NO_EXEC, /^may not run the program there: .*Permission denied \(.*--remote-cache/],
        [UNKNOWN, /^ssh refused: its host key is not known here/],
        [CHANGED, /^ssh refused: its host key is another one than before \(.*ssh-keygen .*-R/],
        [SILENT, /^does not answer: .* within 5.00s/],
      ] as const;
      for (const [index, reason] of why) {
        const [, told = ""] = last.split(`${machines.hosts[index]?.address}:22 (`);
        expect(told).toMatch(reason);
      }
      const { address = "" } = first ?? {};
      expect(last).toMatch(new RegExp(`root@${address}(:22)? \\(is the same machine as root@${address}(:22)?, and`));
      expect(readTree(join(first?.data ?? "", "set"))).toEqual(readTree(bed.path("share")));
      await expectClean(first as SshHost, ["set"]);
      expect(readdirSync(bed.path("tmp"))).toEqual([]);

      // where the program may be kept and run they are like others
      const elsewhere = [READ_ONLY, NO_EXEC].map((index) => machines.hosts[index]);
      const told = push(elsewhere, "--remote-cache", "/data/my programs");
      expect(await told.ended(TIMEOUT_MS)).toBe(0);
      await expectClean(elsewhere[0] as SshHost, ["my programs", "set"]);
      emptyDisks();
    },
    2 * TIMEOUT_MS,
  );

  test(
    "that are late are not waited for when enough have their copy",
    async () => {
      const slow = machines.hosts[SILENT];
      const run = push([...good.slice(0, 2), slow], "--quorum", "60%", "--grace", "1s", "--login-timeout", "1h");
      expect(await run.ended(TIMEOUT_MS)).toBe(0);
      await run.said(/^2 of 3 hosts have their copy, which is enough: the others have 1.00s more \(--grace\)$/);
      await run.said(/too slow: it had not begun when enough had their copy and 1.00s more had passed/);
      await expectClean(good[0] as SshHost, ["set"]);
      emptyDisks();
    },
    TIMEOUT_MS,
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
      run.signal("SIGINT");
      expect(await run.kill("SIGINT")).toBe(130); // `bun run` hands it on a second time
      expect(readdirSync(bed.path("tmp"))).toEqual([]);
      for (const host of good) {
        await expectClean(host, []);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "that are too slow for the deadline are told how far they came",
    async () => {
      const run = push(good.slice(0, 2), "--upload-limit", "20KiB/s", "--deadline", "6s", "--keep-partial");
      expect(await run.ended(TIMEOUT_MS)).toBe(1);
      expect(run.complaints.at(-1)).toMatch(/too slow: .* when 6.00s had passed/);
      const [, total = ""] = /^Total time: ([\d.]+) s$/.exec(run.lines.findLast((line) => line !== "") ?? "") ?? [];
      expect(Number(total)).toBeGreaterThanOrEqual(6); // not the 0.00 s to a last copy that is not there
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

describe.skipIf(noHosts !== undefined)("machines in several networks", () => {
  /** Copies a share to machines that are made for it; resolves when it is over. */
  async function pushTo(
    specs: readonly SshHostOptions[],
    options: { readonly flags?: readonly string[]; readonly meanwhile?: (machines: SshHosts) => Promise<void> } = {},
  ): Promise<{ readonly run: Script; readonly machines: SshHosts }> {
    const machines = await SshHosts.up(specs, { dir: bed.path("machines"), prefix: `mb${process.pid}n` });
    bed.defer(() => machines.close());
    writeTree(bed.path("share"), FILES);
    const list = bed.path("hosts.txt");
    writeFileSync(
      list,
      machines.hosts.map(({ address }) => `[${address}]:22`.replace(/\[([\d.]+)\]/, "$1")).join("\n"),
    );
    const args = [
      "--port",
      "0",
      "--http-port",
      "0",
      "--hosts",
      list,
      "--source",
      bed.path("share"),
      "--to",
      "/data/set",
    ];
    const run = bed.startWrapped(
      (command) => machines.inside(["env", `XDG_CACHE_HOME=${cache}`, ...command]),
      "run_full.ts",
      ...[...args, "--ssh", machines.ssh, ...(options.flags ?? [])],
    );
    await options.meanwhile?.(machines);
    expect(await run.ended(TIMEOUT_MS)).toBe(0);
    for (const { data } of machines.hosts) {
      expect(readTree(join(data, "set"))).toEqual(readTree(bed.path("share")));
    }
    return { run, machines };
  }

  /** The columns of the table's rows of machines. */
  function rowsOf(run: Script): readonly (readonly string[])[] {
    return run.lines.filter((line) => line.endsWith("verified")).map((line) => line.split(/ {2,}/));
  }

  test(
    "each call this one where they see it, whoever comes first, and only there it listens",
    async () => {
      const specs = [{ networks: ["a"] }, { networks: ["b"] }, { networks: ["ipv6"] }, { isHere: true }] as const;
      let listening: readonly string[] = [];
      await pushTo(specs, {
        flags: ["--upload-limit", "200KiB/s"],
        meanwhile: async (machines) => {
          const haveBegun = () => machines.hosts.every(({ data }) => readdirSync(data).length > 0) || undefined;
          await until("every machine to have begun", haveBegun, { timeoutMs: TIMEOUT_MS });
          listening = await machines.listeningHere();
        },
      });
      expect(listening).toEqual(["10.79.0.1", "10.80.0.1", "127.0.0.1", "fd77::1"]);
    },
    2 * TIMEOUT_MS,
  );

  test(
    "trade in the one network that they share, though they are called in others",
    async () => {
      const specs = [{ networks: ["a", "c"] }, { networks: ["b", "c"] }] as const;
      const { run } = await pushTo(specs, { flags: ["--upload-limit", "200KiB/s"] });
      expect(rowsOf(run).map(([, , , , sources]) => sources)).toEqual(["2", "2"]);
    },
    2 * TIMEOUT_MS,
  );

  test(
    "lose a moment, not a minute, where the first address that is advertised is dead",
    async () => {
      const dead = "10.79.0.250";
      const flags = ["--advertise", dead, "--advertise", "10.79.0.1,10.80.0.1"];
      const { run } = await pushTo([{ networks: ["a"] }, { networks: ["b"] }], { flags });
      const seconds = rowsOf(run).map(([, taken]) => Number(taken));
      expect(seconds).toHaveLength(2);
      expect(Math.max(...seconds)).toBeLessThan(8);
    },
    2 * TIMEOUT_MS,
  );

  test(
    "may be called at link-local addresses, which have another zone on each of them",
    async () => {
      await pushTo([{ networks: ["link-local"] }, { networks: ["link-local", "a"] }, { networks: ["a"] }]);
    },
    2 * TIMEOUT_MS,
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
