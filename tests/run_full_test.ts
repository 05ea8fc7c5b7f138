/** `bun run_full.ts`, the whole: it ends by itself with the right verdict, and whatever goes wrong nothing is left running. */
import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAddress } from "../minibit/io/os/units.ts";
import { changeByte, randomBytes, readTree } from "../minibit/io/testing/temp_share.ts";
import { heldBlocks } from "../utils.ts";
import { childrenOf, hasProc, isAlive } from "./support/processes.ts";
import type { Script } from "./support/script.ts";
import { HOST, useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const SAMPLE = join(import.meta.dir, "..", "arquivos");
const STOP_MS = 2000;

const bed = useTestBed();

/** A share of 64 blocks. */
function writeSource(sizeBytes = 64 * 1024): string {
  const source = bed.path("data.bin");
  writeFileSync(source, randomBytes(sizeBytes));
  return source;
}

/** A swarm that will take several seconds, so that something can happen to it. */
function slowSwarm(...flags: readonly string[]): Script {
  return bed.runFull("--source", writeSource(), "--peers", "4", "--upload-limit", "20KiB/s", ...flags);
}

function blocksOf(peerId: number): number {
  return heldBlocks({ dir: bed.folder, peerId }).length;
}

/** The process of a swarm whose command line holds `words`. */
function childOf(run: Script, words: string): Promise<number> {
  return until(`a child: ${words}`, () => [...childrenOf(run.pid)].find(([, line]) => line.includes(words))?.[0]);
}

/** The tracker's port, once it listens. */
async function trackerPort(run: Script): Promise<number> {
  const [, address = ""] = await run.said(/^Tracker listening on ([^,]+)/);
  return parseAddress(address).port;
}

function expectFree(port: number): void {
  Bun.listen({ hostname: HOST, port, socket: { data: () => undefined } }).stop(true);
}

/** Waits for the end of a run that must be quick, and of all its children. */
async function expectEnd(run: Script, exit: number | string, children: Iterable<number>): Promise<void> {
  expect(await run.ended(STOP_MS)).toBe(exit);
  for (const pid of children) {
    await until(`process ${pid} to end`, () => !isAlive(pid) || undefined, { timeoutMs: STOP_MS });
  }
}

describe("a swarm", () => {
  for (const peers of [2, 4, 5, 10, 12]) {
    test(`of ${peers} peers ends by itself, every copy verified`, async () => {
      const run = bed.runFull("--peers", String(peers), "--source", SAMPLE);
      await run.succeeded();
      expect(run.complaints).toEqual([]);
      expect(run.lines.filter((line) => /^\d+ .* verified$/.test(line))).toHaveLength(peers - 1);
      for (let id = 1; id < peers; id++) {
        expect(readTree(bed.path(`reconstruido_peer_${id}`))).toEqual(readTree(SAMPLE));
      }
    });
  }

  test("of two, one block and one source is told of as one", async () => {
    writeFileSync(bed.path("small"), "x");
    const run = bed.runFull("--peers", "2", "--source", bed.path("small"), "--log-level", "info");
    await run.succeeded();
    expect(run.lines[0]).toBe('Sharing "small" (1 B in 1 block) with 1 peer');
    const told = [...run.lines, ...run.complaints].join("\n");
    expect(told).toContain("from 1 peer\n");
    expect(told).not.toMatch(/\b1 (peers|blocks|receivers|hosts)\b|peer \d peer/);
  });

  test("tells of every peer, of the messages, of the seed's part and the time", async () => {
    const run = bed.runFull("--peers", "3", "--source", SAMPLE);
    await run.succeeded();
    expect(run.lines.filter((line) => /^(0 \(seed\)|1|2) /.test(line))).toHaveLength(3);
    expect(run.lines.filter((line) => /^Messages between peers: .*REQUEST \d+.*BLOCK \d+/.test(line))).toHaveLength(1);
    expect(run.lines.filter((line) => /^The seed sent \d+\.\d\d times/.test(line))).toHaveLength(1);
    expect(run.lines.filter((line) => /^Total time: \d+\.\d\d s$/.test(line))).toHaveLength(1);
  });

  test.skipIf(!hasProc)(
    "tells that the seed's uplink was busy where that held it up, and idle where the receiver did",
    async () => {
      const idle: number[] = [];
      for (const limit of ["--upload-limit", "--download-limit"]) {
        const run = bed.runFull("--source", writeSource(500 * 1024), "--peers", "2", limit, "100KiB/s");
        await run.succeeded();
        const [, percent = ""] = await run.said(/^Where the time went: the seed's uplink was idle for ([\d.]+) %/);
        idle.push(Number(percent));
      }
      const [busy = 100, waiting = 0] = idle;
      expect(busy).toBeLessThan(40); // processes that start on busy machines ask late
      expect(waiting).toBeGreaterThan(60);
    },
  );

  test("starts fresh, whatever an earlier run left", async () => {
    writeFileSync(bed.path("older.bin"), "an older share");
    await bed.runFull("--peers", "2", "--source", bed.path("older.bin")).succeeded();
    await bed.runFull("--peers", "2", "--source", SAMPLE).succeeded();
    expect(existsSync(bed.path("reconstruido_peer_1.bin"))).toBe(false);
    const run = bed.runFull("--peers", "2", "--source", writeSource());
    await run.succeeded();
    expect(existsSync(bed.path("reconstruido_peer_1"))).toBe(false);
    expect(readTree(bed.path("reconstruido_peer_1.bin"))).toEqual(readTree(bed.path("data.bin")));
  });

  test("takes flags from the environment for itself, not for its children", async () => {
    process.env["MINIBIT_SOURCE"] = SAMPLE;
    bed.defer(() => delete process.env["MINIBIT_SOURCE"]);
    await bed.runFull("--peers", "3").succeeded();
    expect(readTree(bed.path("reconstruido_peer_2"))).toEqual(readTree(SAMPLE));
  });

  test("with a copy that is not right in the end fails and names it", async () => {
    const run = bed.runFull(
      ...["--source", writeSource(256 * 1024), "--peers", "3", "--download-limit", "200KiB/s", "--store", "folder"],
    );
    await until("a result", () => existsSync(bed.path("reconstruido_peer_1.bin")) || undefined);
    changeByte(bed.path("reconstruido_peer_1.bin"), 70_000);
    expect(await run.ended()).toBe(1);
    expect(run.lines.filter((line) => /^1 .* WRONG: block 68/.test(line))).toHaveLength(1);
    expect(run.lines.filter((line) => /^2 .* verified$/.test(line))).toHaveLength(1);
  });
});

describe.skipIf(!hasProc)("Ctrl+C", () => {
  const moments: { readonly [moment: string]: (run: Script) => Promise<unknown> } = {
    "while peer 0 starts": (run) => childOf(run, "peer.ts 0"),
    "while blocks are dealt": (run) => run.said(/^Sharing /),
    "while the others start": (run) => childOf(run, "peer.ts 1"),
    "while blocks move": (run) => run.until("blocks", () => blocksOf(1) + blocksOf(2) + blocksOf(3) > 45 || undefined),
  };
  for (const [moment, come] of Object.entries(moments)) {
    test(`${moment} ends all within 2 s, frees the ports and keeps the blocks`, async () => {
      const run = slowSwarm();
      await come(run);
      const port = run.lines.some((line) => line.startsWith("Tracker")) ? await trackerPort(run) : undefined;
      const children = childrenOf(run.pid).keys();
      const kept = blocksOf(1) + blocksOf(2) + blocksOf(3);
      run.signal("SIGINT");
      await expectEnd(run, 130, children);
      expect(blocksOf(1) + blocksOf(2) + blocksOf(3)).toBeGreaterThanOrEqual(kept);
      if (port !== undefined) {
        expectFree(port);
      }
    });
  }

  test("is no loss: --resume goes on where it stopped", async () => {
    const run = slowSwarm();
    await run.until("blocks", () => blocksOf(1) > 32 || undefined);
    run.signal("SIGINT");
    expect(await run.ended(STOP_MS)).toBe(130);
    const kept = blocksOf(1);
    const again = bed.runFull("--source", bed.path("data.bin"), "--peers", "4", "--resume");
    await again.succeeded();
    const [, received = "0"] = await again.said(/^1 +\S+ +(\S+) KiB /);
    expect(Number(received)).toBeLessThanOrEqual(64 - kept);
  });
});

describe.skipIf(!hasProc)("a failed child", () => {
  for (const [words, name] of [
    ["peer.ts 2", "peer 2"],
    ["peer.ts 0", "peer 0"],
    ["tracker.ts", "tracker"],
  ] as const) {
    test(`ends the run and is named: ${name}`, async () => {
      const run = slowSwarm();
      const victim = await childOf(run, words);
      await childOf(run, "peer.ts 3");
      const children = [...childrenOf(run.pid).keys()];
      process.kill(victim, "SIGKILL");
      await expectEnd(run, 1, children);
      expect(run.complaints.at(-1)).toMatch(
        new RegExp(`^Cannot (complete the run: |start )${name}:? (it )?was ended by SIGKILL$`),
      );
    });
  }

  test("what a child complains of is the user's to read", async () => {
    const run = bed.runFull("--source", bed.path("nowhere"));
    expect(await run.ended()).toBe(1);
    expect(run.complaints.join("\n")).toContain(
      `Cannot share '${bed.path("nowhere")}': there is no such file or folder`,
    );
    expect(existsSync(bed.path("blocos_peer_1"))).toBe(false);
  });

  test("kill -9 of the run itself ends its children too", async () => {
    const run = slowSwarm();
    await run.until("blocks", () => blocksOf(1) > 15 || undefined);
    const children = [...childrenOf(run.pid).keys()];
    expect(children.length).toBe(5);
    run.signal("SIGKILL");
    await expectEnd(run, "SIGKILL", children);
  });
});
