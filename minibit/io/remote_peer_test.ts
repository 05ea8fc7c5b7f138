import { afterEach, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessGroup } from "./process_group.ts";
import { RemoteFailure, RemotePeer } from "./remote_peer.ts";
import { RemotePrograms } from "./remote_program.ts";
import { useTempFolders, writeTree } from "./temp_share.ts";

const tempFolder = useTempFolders();
const groups: ProcessGroup[] = [];

afterEach(async () => {
  await Promise.all(groups.splice(0).map((group) => group.stopAll()));
});

/** What stands in for the peer: tells how it was started, and ends with its stdin. */
const ENTRY = `console.log(JSON.stringify([process.argv.slice(2), process.env.MINIBIT_TO]));
  process.stdin.on("end", () => process.exit(0)).resume();`;

/** A machine that is this one: in place of ssh a script that runs the command by `shell`, or says what ssh would. */
function machine(shell: string): {
  readonly cache: string;
  call: (lines: string[]) => RemotePeer;
  readonly programs: RemotePrograms;
  hash: string;
} {
  const dir = tempFolder();
  const cache = join(dir, "home", ".cache", "minibit");
  writeTree(dir, { "entry.ts": ENTRY, ssh: `#!/bin/sh\nfor last; do :; done\n${shell}\n`, home: null });
  chmodSync(join(dir, "ssh"), 0o755);
  const programs = new RemotePrograms({ entry: join(dir, "entry.ts"), oldestBun: "1.0.0", cache: join(dir, "ours") });
  const group = new ProcessGroup();
  groups.push(group);
  const made = {
    cache,
    programs,
    hash: "",
    call: (lines: string[]) =>
      new RemotePeer(
        { name: "there", user: "u", host: "there", port: 22 },
        { group, ssh: [join(dir, "ssh")], hash: made.hash, onReport: (line) => lines.push(line) },
      ),
  };
  return made;
}

/** Runs the command as a login shell there would, with a home of its own and this Bun on its PATH. */
const HERE = `export HOME="$(dirname "$0")/home" SSH_CONNECTION="10.0.0.1 5 10.0.0.2 22"; unset XDG_CACHE_HOME
PATH="${join(process.execPath, "..")}:$PATH" exec sh -c "$last"`;

test("the program is sent once, and started with the flags as they are", async () => {
  const there = machine(HERE);
  there.hash = await there.programs.hash();
  for (const _ of [1, 2]) {
    const lines: string[] = [];
    const peer = there.call(lines);
    expect(await peer.facts).toMatchObject({ system: "Linux", ourAddress: "10.0.0.1", ownAddress: "10.0.0.2" });
    await peer.install(there.programs);
    await peer.start(7, { MINIBIT_TO: "/a path/with 'quotes' $HOME and `more`" });
    await peer.stop();
    expect(lines).toEqual([JSON.stringify([["7", "--events"], "/a path/with 'quotes' $HOME and `more`"])]);
  }
  const kept = readdirSync(there.cache);
  expect(kept).toEqual([`${there.hash}.js`]);
  expect(readFileSync(join(there.cache, kept[0] ?? ""), "utf8")).toContain("MINIBIT_TO");
});

test("a flag with a line break is refused, for it would be read as two", async () => {
  const there = machine(HERE);
  there.hash = await there.programs.hash();
  const peer = there.call([]);
  await peer.install(there.programs);
  await expect(peer.start(1, { MINIBIT_TO: "/a\nPEER=2" })).rejects.toThrow("line break");
});

test("a machine that is left before it was sent the program keeps nothing of it", async () => {
  const there = machine(HERE);
  there.hash = await there.programs.hash();
  const peer = there.call([]);
  await peer.facts;
  await peer.stop();
  expect(existsSync(there.cache)).toBe(false);
});

test("why a machine cannot be used is told in ssh's own words", async () => {
  const cases = [
    ["Permission denied (publickey).", "ssh refused: Permission denied"],
    ["Host key verification failed.", "ssh refused: Host key verification failed"],
    ["ssh: connect to host there port 22: Connection refused", "unreachable: ssh: connect to host"],
  ] as const;
  for (const [said, told] of cases) {
    const peer = machine(`echo "${said}" >&2; exit 255`).call([]);
    await expect(peer.facts).rejects.toThrow(RemoteFailure);
    await expect(peer.facts).rejects.toThrow(told);
  }
  const broken = machine(`echo "minibit-host|Linux|x86_64|||| "; exit 255`).call([]);
  await broken.facts;
  expect((await broken.ended).message).toStartWith("lost: the connection to it broke");
});
