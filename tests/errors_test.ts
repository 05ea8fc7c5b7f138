/** What a user can mend is told in exactly one line that names it and what to do, and the exit code tells the rest. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../minibit/io/net/listening.ts";
import { randomBytes, readTree, writeTree } from "../minibit/io/testing/temp_share.ts";
import { heldBlocks } from "../utils.ts";
import type { Script } from "./support/script.ts";
import { HOST, useTestBed } from "./support/test_bed.ts";

const SAMPLE = join(import.meta.dir, "..", "arquivos");
const FAILED = 1;
const USAGE = 2;

const bed = useTestBed();

/** The script fails with this code and this one line, and nothing else on stderr. */
async function expectComplaint(script: Script, exitCode: number, line: string | RegExp): Promise<void> {
  expect(await script.ended()).toBe(exitCode);
  expect(script.complaints).toHaveLength(1);
  if (typeof line === "string") {
    expect(script.complaints[0]).toBe(line);
  } else {
    expect(script.complaints[0]).toMatch(line);
  }
}

/** A peer that logs nothing. */
function quietPeer(id: number, tracker: string, ...flags: readonly string[]): Script {
  return bed.peer(id, { tracker, flags: ["--log-level", "off", ...flags] });
}

describe("a port in use", () => {
  function takenPort(): number {
    const listener = Bun.listen({ hostname: HOST, port: 0, socket: { data: () => undefined } });
    bed.defer(() => listener.stop(true));
    return listener.port;
  }

  const CASES: { readonly [whose: string]: (port: number) => readonly string[] } = {
    "the tracker's": (port) => ["tracker.ts", "--http-port", "0", "--port", `${port}`],
    "the status page's": (port) => ["tracker.ts", "--port", "0", "--http-port", `${port}`],
    "a peer's": (port) => ["peer.ts", "1", "--port", `${port}`],
    "the seed's": (port) => ["peer.ts", "0", "--source", SAMPLE, "--port", `${port}`],
  };
  test.each(Object.entries(CASES))("%s", async (_, command) => {
    const port = takenPort();
    const [script = "", ...args] = command(port);
    const flag = args.at(-2);
    const line = `Cannot listen on ${HOST}:${port}: the port is in use (try ${flag})`;
    await expectComplaint(bed.start(script, ...args), FAILED, line);
  });

  test("of a peer under run_full is told with the flag that run_full has", async () => {
    const port = takenPort();
    const run = bed.start(
      "run_full.ts",
      "--port",
      "0",
      "--http-port",
      "0",
      "--source",
      SAMPLE,
      "--peer-port",
      `${port}`,
    );
    const reason = `Cannot listen on ${HOST}:${port}: the port is in use (try --peer-port)`;
    await expectComplaint(run, FAILED, `Cannot start peer 0: it ended with exit code 1: ${reason}`);
  });

  test("under run_full is told once, with the child that needs it", async () => {
    const port = takenPort();
    const run = bed.runFull("--source", SAMPLE, "--http-port", String(port));
    await expectComplaint(
      run,
      FAILED,
      `Cannot start tracker: it ended with exit code 1: Cannot listen on ${HOST}:${port}: the port is in use (try --http-port)`,
    );
  });
});

describe("a tracker that does not answer", () => {
  test.each([
    ["a leecher", ["1"]],
    ["the seed", ["0", "--source", SAMPLE]],
  ])("ends %s once --tracker-timeout is over", async (_, [id = "", ...flags]) => {
    const tracker = `${HOST}:${freePort(HOST)}`;
    const line = `Cannot reach the tracker at ${tracker}: no answer for 300ms (start it with: bun tracker.ts, or name it with --tracker)`;
    await expectComplaint(quietPeer(Number(id), tracker, "--tracker-timeout", "300ms", ...flags), FAILED, line);
  });

  test("is told with what to look at where run_full.ts started the peer", async () => {
    const tracker = `${HOST}:${freePort(HOST)}`;
    const env = ["env", "MINIBIT_STARTED_BY_RUN=1", "MINIBIT_LOG_LEVEL=off", `MINIBIT_TRACKER=${tracker}`];
    const flags = ["1", "--port", "0", "--tracker-timeout", "300ms"];
    const peer = bed.startWrapped((command) => [...env, ...command], "peer.ts", ...flags);
    await expectComplaint(
      peer,
      FAILED,
      /no answer for 300ms \(is this an address at which .*see --advertise and --port\)$/,
    );
  });

  test("because it is none is told at once", async () => {
    const { script } = await bed.tracker();
    const [, status = ""] = await script.said(/board on http:\/\/([^/]+)/);
    const line = `Cannot use what listens on ${status}: it is no tracker (see --tracker)`;
    await expectComplaint(quietPeer(1, status), FAILED, line);
  });
});

describe("a command line", () => {
  const CASES: readonly (readonly [command: string, line: string])[] = [
    ["peer.ts 1 --prot 0", "Cannot run peer.ts: unknown option '--prot' (did you mean --port?)"],
    ["peer.ts", "Cannot run peer.ts: missing required argument 'id' (see bun peer.ts --help)"],
    ["peer.ts one", `Cannot use <id> "one": not a whole number of 0 to 4294967295`],
    ["peer.ts 1 --port 70000", `Cannot use --port "70000": not a whole number of 0 to 65535`],
    [
      "peer.ts 1 --tracker here",
      `Cannot use --tracker "here": not a host and a port of 1 to 65535 (write it like 127.0.0.1:5000)`,
    ],
    ["peer.ts 0 --source=", `Cannot use --source "": it is empty`],
    [
      "peer.ts 1 --upload-limit 5",
      `Cannot use --upload-limit "5": not an amount a second (write it like 512KiB/s, 50mbit or unlimited)`,
    ],
    ["tracker.ts --expect some", /^Cannot use --expect "some": not a whole number of 0 to \d+$/.source],
    ["dist_block.ts --peers 1", `Cannot use --peers "1": not a whole number of 2 to 20000`],
    ["dist_block.ts --min 5 --max 2", "Cannot deal 5 to 2 blocks: --min is above --max"],
    ["tracker.ts --quorum 50%", "Cannot use --quorum: when should it be judged? (add --deadline)"],
    ["tracker.ts --record a --export ./a", "Cannot use --record and --export for the same file 'a'"],
    ["run_full.ts --to copy", "Cannot use --to without --hosts: it is for copies on other machines"],
    ["run_full.ts --quorum 50%", "Cannot use --quorum without --hosts: it is for copies on other machines"],
    ["run_full.ts --keep-partial", "Cannot use --keep-partial without --hosts: it is for copies on other machines"],
    ["run_full.ts --ssh rsh", "Cannot use --ssh without --hosts: it is for copies on other machines"],
    ["run_full.ts --peers 0", `Cannot use --peers "0": not a whole number of 2 to 500`],
    ["run_full.ts --peers 1", `Cannot use --peers "1": not a whole number of 2 to 500`],
    ...["--peers 5", "--dir here", "--resume", "--store direct"].map(
      (flag) =>
        [
          `run_full.ts --hosts hosts --to /a ${flag}`,
          `Cannot use ${flag.split(" ")[0]} with --hosts: it is for peers on this machine`,
        ] as const,
    ),
    [
      "run_full.ts --peer-limit 0=0",
      `Cannot use --peer-limit "0=0": 0 is no rate (write unlimited for no limit; who gives nothing is a --free-rider)`,
    ],
    [
      `run_full.ts --upload-limit 1${"0".repeat(30)}GiB/s`,
      `Cannot use --upload-limit "1${"0".repeat(30)}GiB/s": more than 2^53 bytes a second (write unlimited for no limit)`,
    ],
    ["peer.ts 70000", "Cannot use port 76000 for peer 70000: the last one is 65535 (name one with --port)"],
    ["peer.ts 1 --keep-partial", "Cannot use --keep-partial without --to: all else is kept anyway"],
    ["peer.ts 0 --to copy", "Cannot use --to for a peer that has the source: it makes no copy"],
    [
      "run_full.ts --peer-port 65535 --peers 3",
      "Cannot use --peer-port 65535 for 3 peers: the last one's would be 65537, and 65535 is the last there is",
    ],
    ["peer.ts 1 --linger 1000h", `Cannot use --linger "1000h": longer than the 596h that a timer can run`],
    [
      "tracker.ts --peer-uplink 4=0",
      `Cannot use --peer-uplink "4=0": 0 is nothing (write none for a peer that gives nothing)`,
    ],
    ["run_full.ts --advertise 10.0.0.1", "Cannot use --advertise without --hosts: it is for copies on other machines"],
    [
      "run_full.ts --hosts hosts.txt --to /x --advertise 10.0.0.300",
      `Cannot use --advertise "10.0.0.300": neither an IP address nor a name (write it like 10.0.0.1, fd00::1 or my-host)`,
    ],
    [
      "peer.ts 1 --advertise nobody.invalid",
      "Cannot use --advertise 'nobody.invalid': no address of this name is known here (name an IP address)",
    ],
    [
      "run_full.ts --upload-limit fast",
      `Cannot use --upload-limit "fast": not an amount a second (write it like 512KiB/s, 50mbit or unlimited)`,
    ],
  ];
  test.each(CASES)("%s", async (command, line) => {
    const [script = "", ...args] = command.split(" ");
    await expectComplaint(bed.start(script, ...args), USAGE, line.startsWith("^") ? new RegExp(line) : line);
    expect(readdirSync(bed.folder)).toEqual([]);
  });
});

describe("a source", () => {
  test("that is not there", async () => {
    const line = "Cannot share 'nowhere': there is no such file or folder (look at the path)";
    await expectComplaint(bed.start("peer.ts", "0", "--port", "0", "--source", "nowhere"), FAILED, line);
    await expectComplaint(bed.runFull("--source", "nowhere"), FAILED, line);
    expect(readdirSync(bed.folder)).toEqual([]);
  });

  test("that the run would remove", async () => {
    writeTree(bed.path("reconstruido_peer_1"), { "precious.txt": "the only copy" });
    mkdirSync(bed.path("blocos_peer_0"));
    const source = bed.path("reconstruido_peer_1");
    await expectComplaint(
      bed.runFull("--source", source),
      FAILED,
      `Cannot share '${source}': an earlier run left it, and it would be removed (move it)`,
    );
    expect(readdirSync(bed.folder).sort()).toEqual(["blocos_peer_0", "reconstruido_peer_1"]);
    expect(readdirSync(source)).toEqual(["precious.txt"]);
  });
});

test("a peer id that is taken", async () => {
  const tracker = await bed.tracker();
  const first = bed.peer(0, { tracker: tracker.address, flags: ["--source", SAMPLE] });
  const { port } = await first.reported("ready");
  await tracker.untilSwarm("peer 0", ({ peers }) => peers.length === 1);
  mkdirSync(bed.path("elsewhere"));
  const second = quietPeer(0, tracker.address, "--source", SAMPLE, "--dir", bed.path("elsewhere"));
  const line = `Cannot register as peer 0: the id belongs to the peer at ${HOST} port ${port} (choose another)`;
  await expectComplaint(second, FAILED, line);
  expect(first.running).toBe(true);
});

test("a folder of another share", async () => {
  await bed.runFull("--peers", "2", "--source", SAMPLE).succeeded();
  const before = readTree(bed.path("blocos_peer_1"));
  writeFileSync(bed.path("other.bin"), randomBytes(5000));
  const other = ["--source", bed.path("other.bin"), "--dir", bed.path("elsewhere")];
  const tracker = await bed.tracker();
  await bed.peer(0, { tracker: tracker.address, flags: other }).reported("ready");
  await expectComplaint(
    quietPeer(1, tracker.address),
    FAILED,
    `Cannot use 'blocos_peer_1' in '.': another share is in it, "arquivos" (remove it, or use another --dir)`,
  );
  await expectComplaint(
    quietPeer(0, tracker.address, "--source", bed.path("other.bin")),
    FAILED,
    "Cannot use 'blocos_peer_0': it holds another share (remove it, or use another --dir)",
  );
  expect(readTree(bed.path("blocos_peer_1"))).toEqual(before);
});

describe("a --dir", () => {
  test("that is no folder", async () => {
    writeFileSync(bed.path("file"), "");
    const line = "Cannot write to 'file/blocos_peer_0': a part of the path is not a folder (look at the path)";
    await expectComplaint(quietPeer(0, `${HOST}:1`, "--source", SAMPLE, "--dir", "file"), FAILED, line);
  });

  test.skipIf(process.getuid?.() === 0)("that may not be written to", async () => {
    mkdirSync(bed.path("closed"), { mode: 0o555 });
    const line = /^Cannot write to 'closed\/blocos_peer_0': permission denied \(.*another place\)$/;
    await expectComplaint(quietPeer(0, `${HOST}:1`, "--source", SAMPLE, "--dir", "closed"), FAILED, line);
  });
});

/** Mounts a disk in memory in the test's folder until the test is over; only root may. */
function mountDisk(options: string): void {
  mkdirSync(bed.path("disk"));
  mount("-t", "tmpfs", "-o", options, "tmpfs", bed.path("disk"));
  const disk = bed.path("disk");
  bed.defer(() => Bun.spawnSync(["umount", "--lazy", disk]));
}

function mount(...args: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["mount", ...args]);
  if (exitCode !== 0) {
    throw new Error(`Cannot mount a small disk: ${stderr}`);
  }
}

const mayMount =
  process.getuid?.() === 0 &&
  Bun.which("mount") !== null &&
  Bun.spawnSync(["unshare", "--mount", "true"]).exitCode === 0;
if (!mayMount) {
  console.warn("Skipping the tests of full and read-only disks: only root may mount the small ones they need");
}

describe.skipIf(!mayMount).each(["folder", "direct"])("a disk that is full under the %s store", (store) => {
  test("is told with what is kept, and the peer goes on once there is room", async () => {
    writeFileSync(bed.path("data.bin"), randomBytes(2_000_000));
    const tracker = await bed.tracker();
    const source = ["--source", bed.path("data.bin"), "--block-size", "64KiB", "--store", "direct"];
    await bed.peer(0, { tracker: tracker.address, flags: source }).reported("ready");
    mountDisk("size=1m");
    const leech = (...flags: readonly string[]) =>
      quietPeer(1, tracker.address, "--dir", "disk", "--store", store, "--linger", "0s", ...flags);
    await expectComplaint(
      leech(),
      FAILED,
      /^Cannot copy to '.*': it takes \d\.\d+ MiB more, and the disk has \d+ KiB \(free some space, or try all the same with --ignore-space\)$/,
    );
    const first = leech("--ignore-space");
    await expectComplaint(
      first,
      FAILED,
      /^Cannot write block \d+ to '.*': the disk is full \(free some space and start again; \d+ verified blocks are kept\)$/,
    );
    const [, kept = "0"] = /; (\d+) verified/.exec(first.complaints[0] ?? "") ?? [];
    expect(Number(kept)).toBeGreaterThan(5);
    if (store === "folder") {
      expect(heldBlocks({ dir: bed.path("disk"), peerId: 1 }).length).toBeGreaterThanOrEqual(Number(kept));
    }

    mount("-o", "remount,size=16m", bed.path("disk"));
    const second = leech();
    expect((await second.reported("share")).blocks).toBeGreaterThanOrEqual(Number(kept));
    await second.succeeded();
    expect(readTree(bed.path("disk", "reconstruido_peer_1.bin"))).toEqual(readTree(bed.path("data.bin")));
  });
});

test.skipIf(!mayMount)("a disk that is read-only", async () => {
  mountDisk("ro");
  const line = /^Cannot write to 'disk\/blocos_peer_0': the disk is read-only \(use another place\)$/;
  await expectComplaint(quietPeer(0, `${HOST}:1`, "--source", SAMPLE, "--dir", "disk"), FAILED, line);
});

describe("machines that cannot be used", () => {
  test("fail alone, each with its reason, whatever --ssh is made of", async () => {
    const answer = 'echo "minibit-host|Linux|x86_64|||||"; cat >/dev/null';
    const shell = `case $* in *linked*) ${answer};; *) echo "ssh: no such machine" >&2; exit 255;; esac`;
    writeTree(bed.folder, { "my ssh": shell, "hosts.txt": "linked\nother\n" });
    const flags = ["--hosts", "hosts.txt", "--source", SAMPLE, "--to", "/data/set", "--log-level", "off"];
    await expectComplaint(
      bed.start("run_full.ts", ...flags, "--ssh", `sh '${bed.path("my ssh")}'`),
      FAILED,
      "Cannot confirm 100.0% of 2 hosts: 0 hold the share, not linked (cannot tell at which address of ours it reaches this machine (name one with --advertise)), other (unreachable: ssh: no such machine)",
    );
    await expectComplaint(
      bed.start("run_full.ts", ...flags, "--ssh", bed.path("my ssh")),
      FAILED,
      /^Cannot confirm 100.0% of 2 hosts: 0 hold the share, not linked \(Cannot start linked: .*\), other \(Cannot start other: .*\)$/,
    );
    await expectComplaint(
      bed.start("run_full.ts", ...flags, "--ssh", "ssh -F 'my file"),
      USAGE,
      `Cannot use --ssh "ssh -F 'my file": the quote ' is not closed`,
    );
  });
});
