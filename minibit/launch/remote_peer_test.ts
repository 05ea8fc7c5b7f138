import { afterEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { useTempFolders, writeTree } from "../io/testing/temp_share.ts";
import type { ChildRole } from "./children.ts";
import { ProcessGroup } from "./process_group.ts";
import { type CallOptions, RemoteFailure, RemotePeer } from "./remote_peer.ts";
import { RemotePrograms } from "./remote_program.ts";

const tempFolder = useTempFolders();
const groups: ProcessGroup<ChildRole>[] = [];

afterEach(async () => {
  await Promise.all(groups.splice(0).map((group) => group.stopAll()));
});

const LIMITS = { to: "/data/set", loginTimeoutMs: 20_000 };

/** What stands in for the peer: tells how it was started, and ends with its stdin. */
const ENTRY = `console.log(JSON.stringify([process.argv.slice(2), process.env.MINIBIT_TO]));
  process.stdin.on("end", () => process.exit(0)).resume();`;

/** A machine that is this one: in place of ssh a script that runs the command by `shell`, or says what ssh would. */
function machine(shell: string): {
  readonly cache: string;
  call: (lines: string[], options?: Partial<CallOptions>) => RemotePeer;
  readonly programs: RemotePrograms;
  hash: string;
} {
  const dir = tempFolder();
  const cache = join(dir, "home", ".cache", "minibit");
  writeTree(dir, { "entry.ts": ENTRY, ssh: `#!/bin/sh\nfor last; do :; done\n${shell}\n`, home: null });
  chmodSync(join(dir, "ssh"), 0o755);
  const programs = new RemotePrograms({ entry: join(dir, "entry.ts"), oldestBun: "1.0.0", cache: join(dir, "ours") });
  const group = new ProcessGroup<ChildRole>();
  groups.push(group);
  const made = {
    cache,
    programs,
    hash: "",
    call: (lines: string[], options: Partial<CallOptions> = {}) =>
      new RemotePeer(
        { name: "there", user: "u", host: "there", port: 22 },
        {
          group,
          ssh: [join(dir, "ssh")],
          hash: made.hash,
          ...LIMITS,
          ...options,
          onReport: (line) => lines.push(line),
        },
      ),
  };
  return made;
}

/** Runs the command as a login shell there would, with a home of its own and this Bun on its PATH. */
const HERE = `${homeThere()}
exec sh -c "$last"`;
/** A machine that answers, and then does something else. */
const ANSWERS = `echo "minibit-host|Linux|x86_64||${Bun.version}||";`;

function homeThere(): string {
  return `export HOME="$(dirname "$0")/home" SSH_CONNECTION="10.0.0.1 5 10.0.0.2 22"; unset XDG_CACHE_HOME
export PATH="${join(process.execPath, "..")}:$PATH"`;
}

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
    ["Host key verification failed.", "ssh refused: its host key is not known here"],
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

test("a login that writes without ending its line is understood", async () => {
  const there = machine(`printf '\\033]0;x\\007'; ${HERE}`);
  there.hash = await there.programs.hash();
  const peer = there.call([]);
  expect(await peer.facts).toMatchObject({ system: "Linux" });
  await peer.install(there.programs);
});

/** Why a promise is rejected. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => "it did not fail",
    (error: unknown) => String(error instanceof Error ? error.message : error),
  );
}

test("no machine is waited for for ever, whichever step it does not take", async () => {
  const quiet = "cat >/dev/null";
  const silent = machine(quiet).call([], { loginTimeoutMs: 50 });
  expect(await failureOf(silent.facts)).toStartWith("does not answer: nothing came within 50ms");
  const asking = machine(`echo Continue?; ${quiet}`).call([], { loginTimeoutMs: 1000 });
  expect(await failureOf(asking.facts)).toContain("the last that came is 'Continue?'");
  expect(await asking.ended).toBeInstanceOf(RemoteFailure);

  const cases = [
    [`exec <&-; ${ANSWERS} sleep 2`, "does not go on: it has not taken what it was sent within 500ms"],
    [`${ANSWERS} ${quiet}`, "does not go on: it has not stored the program within 500ms"],
    [`${ANSWERS} echo "minibit-host|stored"; ${quiet}`, "does not go on: it has not started its peer within 500ms"],
  ] as const;
  for (const [shell, told] of cases) {
    const there = machine(shell);
    await there.programs.hash();
    const peer = there.call([], { stepMs: 500 });
    const run = async (): Promise<void> => {
      await peer.install(there.programs);
      await peer.start(1, {});
      throw await peer.ended;
    };
    expect(await failureOf(run())).toBe(told);
  }
});

test("a machine that ends while it is sent the program is told as such, and is no error of ours", async () => {
  const there = machine(HERE);
  writeTree(join(there.cache, "..", ".."), { ".cache": "a file" });
  there.hash = await there.programs.hash();
  await expect(there.call([]).install(there.programs)).rejects.toThrow(
    /^cannot keep the program there: mkdir: .*--remote-cache/,
  );
});

test("addresses are handed on as the machine tells them, IPv4 as IPv4", async () => {
  const told = (connection: string) =>
    machine(`echo "minibit-host|Linux|x86_64||||${connection}"; cat >/dev/null`).call([]).facts;
  expect(await told("fe80::1%eth0 5 fe80::2%eth0 22")).toMatchObject({ ownAddress: "fe80::2%eth0" });
  expect(await told("::ffff:10.0.0.1 5 ::ffff:10.0.0.2 22")).toMatchObject({ ownAddress: "10.0.0.2" });
});

test("a place has one name, over links, relative to the home, and before the folders on the way are made", async () => {
  const there = machine(HERE);
  const home = join(there.cache, "..", "..");
  writeTree(home, { "real/a": "a" });
  symlinkSync("real", join(home, "link"));
  const placeOf = async (to: string): Promise<string> => (await there.call([], { to }).facts).place;
  const place = await placeOf(join(home, "real", "deep", "it's the set"));
  expect(place).toEndWith("/home/real/deep/it's the set");
  expect(await placeOf(join(home, "link/deep/it's the set"))).toBe(place);
  expect(await placeOf("~/link/../real/deep/it's the set")).toBe(place);
  mkdirSync(join(home, "real", "deep"));
  expect(await placeOf(join(home, "real", "deep", "it's the set/"))).toBe(place);
  expect(await placeOf(join(home, "real", "deep", "set"))).not.toBe(place);
});

test("of other versions' programs two are kept, for two weeks; what is not ours stays", async () => {
  const there = machine(HERE);
  there.hash = await there.programs.hash();
  const days = (name: string, age: number): void => {
    writeTree(there.cache, { [name]: "x" });
    const then = Date.now() / 1000 - age * 24 * 3600;
    utimesSync(join(there.cache, name), then, then);
  };
  const version = (digit: string, ending: string): string => `${digit.repeat(32)}.${ending}`;
  const foreign = ["precious.txt", "a.js", `${"g".repeat(32)}.js`, version("9", "linux-x64.gz")];
  for (const name of foreign) {
    days(name, 100);
  }
  days(version("1", "js"), 1);
  days(version("2", "linux-x64-musl"), 2);
  days(version("3", "darwin-arm64"), 3);
  days(version("4", "js.otherhost.1.tmp"), 0);
  days(version("5", "linux-x64.otherhost.1.tmp"), 3);
  days(version("6", `linux-x64.${hostname()}.4194305.tmp`), 0); // no process has such a number
  await there.call([]).install(there.programs);
  const kept = [version("1", "js"), version("2", "linux-x64-musl"), version("4", "js.otherhost.1.tmp")];
  expect(readdirSync(there.cache).sort()).toEqual([...foreign, ...kept, `${there.hash}.js`].sort());

  days(version("2", "linux-x64-musl"), 15);
  days(`${there.hash}.js`, 15); // used now
  await there.call([]).install(there.programs);
  expect(readdirSync(there.cache)).not.toContain(version("2", "linux-x64-musl"));
  expect(statSync(join(there.cache, `${there.hash}.js`)).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
});

test.skipIf(process.getuid?.() !== 0)(
  "the program is kept where the user says, and nobody else's is run from there",
  async () => {
    const there = machine(HERE);
    there.hash = await there.programs.hash();
    const home = join(there.cache, "..", "..");
    const planted = join(home, "my programs", `${there.hash}.js`);
    writeTree(join(home, "my programs"), { [`${there.hash}.js`]: "console.log(1)" });
    chownSync(planted, 65_534, 65_534);
    const lines: string[] = [];
    const peer = there.call(lines, { cache: "~/my programs" });
    await peer.install(there.programs);
    await peer.start(7, { MINIBIT_TO: "/x" });
    await peer.stop();
    expect(lines).toEqual([JSON.stringify([["7", "--events"], "/x"])]);
    expect(existsSync(there.cache)).toBe(false);
  },
);
