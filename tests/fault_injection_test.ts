/** Fault injection by `run_full.ts`, with real processes: what goes wrong on purpose does, and the rest is right. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { randomBytes, readTree } from "../minibit/io/testing/temp_share.ts";
import { heldBlocks } from "../utils.ts";
import { childrenOf, hasProc, isAlive } from "./support/processes.ts";
import type { Script } from "./support/script.ts";
import { useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const SAMPLE = join(import.meta.dir, "..", "arquivos");
const BLOCKS = 64;

const bed = useTestBed();

/** A swarm that shares 64 blocks. */
function swarm(...flags: readonly string[]): Script {
  writeFileSync(bed.path("data.bin"), randomBytes(BLOCKS * 1024));
  return bed.runFull("--source", bed.path("data.bin"), ...flags);
}

/** The line of the table at the end. */
function rowOf(run: Script, peerId: number): string {
  return run.lines.find((line) => line.startsWith(`${peerId} `)) ?? "";
}

function expectCopies(...peerIds: readonly number[]): void {
  for (const id of peerIds) {
    expect(readTree(bed.path(`reconstruido_peer_${id}.bin`))).toEqual(readTree(bed.path("data.bin")));
  }
}

/** Waits for a process of a run; returns its number. */
function untilChild(run: Script, words: string): Promise<number> {
  return until(words, () => [...childrenOf(run.pid)].find(([, line]) => line.includes(words))?.[0]);
}

/** Notes the children a run has now; call the result to see that they are gone. */
function watchChildren(run: Script): () => Promise<void> {
  const children = [...childrenOf(run.pid).keys()];
  return async () => {
    for (const pid of children) {
      await until(`process ${pid} to end`, () => !isAlive(pid) || undefined);
    }
  };
}

test("a free rider sends nothing, and has its copy in the end", async () => {
  const run = swarm("--peers", "5", "--free-rider", "3", "--upload-limit", "100KiB/s");
  await run.succeeded();
  expectCopies(1, 2, 3, 4);
  expect(rowOf(run, 3)).toMatch(/^3 +[\d.]+ +[\d.]+ KiB +0 B .* verified \(free rider\)$/);
  expect(rowOf(run, 4)).toMatch(/ verified$/);
});

test("a peer's own limit takes the place of everybody's", async () => {
  const run = swarm(
    ...["--peers", "2", "--upload-limit", "1KiB/s", "--peer-limit", "0=unlimited", "--peer-limit", "1=2KiB/s"],
  );
  await run.succeeded(); // a seed with 1 KiB/s would take a minute
  expectCopies(1);
  expect(rowOf(run, 1)).toMatch(/ verified \(sends at most 2KiB\/s\)$/);
});

describe.skipIf(!hasProc)("a peer that is killed on purpose", () => {
  test("is gone when it holds its part, and the others complete without it", async () => {
    const run = swarm("--peers", "4", "--kill", "2@40%", "--upload-limit", "40KiB/s");
    await untilChild(run, "peer.ts 3");
    const expectGone = watchChildren(run);
    await run.succeeded();
    expect(run.complaints).toEqual([]);
    expectCopies(1, 3);
    expect(rowOf(run, 2)).toMatch(/ killed on purpose at 40\.6%$/);
    expect(heldBlocks({ dir: bed.folder, peerId: 2 })).toHaveLength(26);
    expect(existsSync(bed.path("reconstruido_peer_2.bin"))).toBe(false);
    await expectGone();
  });

  test("goes on where it was killed, with --resume", async () => {
    await swarm("--peers", "3", "--kill", "2@50%").succeeded();
    const again = bed.runFull("--source", bed.path("data.bin"), "--peers", "3", "--resume");
    await again.succeeded();
    expectCopies(1, 2);
    expect(rowOf(again, 2)).toMatch(/^2 +[\d.]+ +32\.0 KiB /);
  });

  test("may hold enough from the start", async () => {
    const source = ["--source", SAMPLE, "--peers", "3"];
    await bed.runFull(...source).succeeded();
    const run = bed.runFull(...source, "--resume", "--kill", "1@30%");
    await run.succeeded();
    expect(rowOf(run, 1)).toMatch(/ killed on purpose at 100\.0%$/);
    expect(rowOf(run, 2)).toMatch(/ verified$/);
  });

  test("does not make a failure of another peer a success", async () => {
    const run = swarm("--peers", "4", "--kill", "2@90%", "--upload-limit", "10KiB/s");
    const victim = await until(
      "peer 3",
      () => [...childrenOf(run.pid)].find(([, line]) => line.includes("peer.ts 3"))?.[0],
    );
    process.kill(victim, "SIGKILL");
    expect(await run.ended()).toBe(1);
    expect(run.complaints.at(-1)).toMatch(/^Cannot (complete the run: |start )peer 3:? (it )?was ended by SIGKILL$/);
  });
});

test("wrong bytes of a corrupt peer are thrown away, who gets them bans it, and all copies are right", async () => {
  const run = swarm(
    ...["--peers", "4", "--corrupt", "1=10%", "--upload-limit", "100KiB/s", "--peer-limit", "0=30KiB/s"],
  );
  await run.succeeded();
  expectCopies(1, 2, 3);
  expect(rowOf(run, 1)).toMatch(/ verified \(sends wrong bytes\)$/);
  const banned = run.complaints.filter((line) => line.includes("banned peer"));
  expect(banned.length).toBeGreaterThan(0);
  expect(banned.every((line) => line.endsWith("banned peer 1: it sent a block with a wrong hash"))).toBe(true);
  const [, wrong] = await run.said(/^Blocks that came with a wrong hash and were thrown away: (\d+)$/);
  expect(Number(wrong)).toBeGreaterThan(0);
});

test("a mistake is told in one line before anything starts", async () => {
  const run = swarm("--peers", "4", "--kill", "4@40%");
  expect(await run.ended()).toBe(2);
  expect(run.complaints).toEqual(["Cannot use --kill for peer 4: there are only peers 0 to 3 (see --peers)"]);
  expect(run.lines).toEqual([]);
  expect(existsSync(bed.path("blocos_peer_0"))).toBe(false);
});

/** Sets a variable of the environment until the test is over. */
function setEnv(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  bed.defer(() => {
    if (before === undefined) {
      delete process.env[name];
    } else {
      process.env[name] = before;
    }
  });
}

/** Has a program of ours stand where the system's is that opens browsers; returns the file it writes its words to. */
function fakeBrowser(exitCode: number): string {
  const bin = bed.path("bin");
  mkdirSync(bin);
  for (const name of ["xdg-open", "open"]) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "$@" > "${bed.path("opened")}"\nexit ${exitCode}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  setEnv("PATH", `${bin}${delimiter}${process.env["PATH"]}`);
  setEnv("DISPLAY", ":99");
  return bed.path("opened");
}

describe.skipIf(!hasProc)("the page", () => {
  test("is opened in a browser, and stays until Ctrl+C, which is then no failure", async () => {
    const opened = fakeBrowser(0);
    const run = swarm("--peers", "3", "--open", "--stay");
    const [, url = ""] = await run.said(/^The swarm is done; its page stays at (\S+) \(Ctrl\+C ends it\)$/);
    const text = await until("the browser", () => (existsSync(opened) && readFileSync(opened, "utf8")) || undefined);
    expect(text).toBe(`${url}\n`);
    expect(url).toMatch(/^http:\/\/localhost:\d+\/$/);
    const swarms = (await (await fetch(`${url.replace("localhost", "127.0.0.1")}status`)).json()) as {
      swarms: readonly { readonly complete: number }[];
    };
    expect(swarms.swarms.map(({ complete }) => complete)).toEqual([3]);
    expect(rowOf(run, 2)).toMatch(/ verified$/);
    const expectGone = watchChildren(run);
    expect(await run.kill("SIGINT")).toBe(0);
    await expectGone();
  });

  test("that no browser shows is told of, and the run goes on", async () => {
    fakeBrowser(3);
    const run = swarm("--peers", "3", "--open");
    await run.succeeded();
    expect(run.complaints).toHaveLength(1);
    expect(run.complaints[0]).toMatch(
      /^Cannot open a browser: \S+ ended with exit code 3 \(look at http:\/\/localhost:\d+\/ yourself\)$/,
    );
  });
});

test.skipIf(!hasProc)("the demo shows all of it, and leaves nothing behind", async () => {
  fakeBrowser(0);
  mkdirSync(bed.path("tmp"));
  setEnv("TMPDIR", bed.path("tmp"));
  writeFileSync(bed.path("data.bin"), randomBytes(BLOCKS * 1024)); // its own share takes a minute
  const demo = bed.start("bench/demo.ts", "--http-port", "0", "--source", bed.path("data.bin"));
  await demo.said(/^The swarm is done/);
  expect(rowOf(demo, 2)).toMatch(/ killed on purpose at 50\.0%$/);
  expect(rowOf(demo, 4)).toMatch(/ verified \(sends at most 15KiB\/s\)$/);
  expect(rowOf(demo, 6)).toMatch(/ verified \(free rider\)$/);
  expect(readdirSync(bed.path("tmp"))).toHaveLength(1);
  const expectGone = watchChildren(demo);
  expect(await demo.kill("SIGINT")).toBe(0);
  await expectGone();
  expect(readdirSync(bed.path("tmp"))).toEqual([]);
});

test.skipIf(!hasProc)(
  "the demo stopped half-way, by a Ctrl+C that comes to all and twice, leaves nothing behind",
  async () => {
    fakeBrowser(0);
    mkdirSync(bed.path("tmp"));
    setEnv("TMPDIR", bed.path("tmp"));
    const demo = bed.start("bench/demo.ts", "--http-port", "0");
    await demo.said(/listening/);
    const swarmPid = await untilChild(demo, "run_full.ts");
    const expectGone = watchChildren(demo);
    const before = childrenOf(swarmPid).size;
    process.kill(swarmPid, "SIGINT");
    demo.signal("SIGINT");
    await until("the swarm to end", () => childrenOf(swarmPid).size < before || undefined);
    demo.signal("SIGINT"); // from `bun run`, which had it from the terminal as all of us
    expect(await demo.ended()).toBe(130);
    await expectGone();
    expect(readdirSync(bed.path("tmp"))).toEqual([]);
  },
);
