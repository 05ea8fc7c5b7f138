/** With few descriptors: everybody is told, nobody spins, and what can be done is done. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { randomBytes, readTree, writeTree } from "../minibit/io/testing/temp_share.ts";
import { hasProc } from "./support/processes.ts";
import type { Script, Wrap } from "./support/script.ts";
import { HOST, useTestBed } from "./support/test_bed.ts";
import { until } from "./support/until.ts";

const LIMIT = 64;
/** What a process may take of a core while it waits; spinning takes nearly all of it. */
const MAX_CORE = 0.4;
/** Ticks of processor time in a second, as /proc counts them. */
const TICKS = 100;

const bed = useTestBed();

const limited: Wrap = (command) => ["sh", "-c", `ulimit -n ${LIMIT} && exec "$@"`, "sh", ...command];

/** Seconds of processor time that a process has used. */
function processorSeconds({ pid }: Script): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Which part of a core a process takes, over two seconds. */
async function coreOf(script: Script): Promise<number> {
  const [startMs, start] = [performance.now(), processorSeconds(script)];
  await until("two seconds to be measured", () => performance.now() - startMs > 2000 || undefined);
  return (1000 * (processorSeconds(script) - start)) / (performance.now() - startMs);
}

describe.skipIf(!hasProc)("when descriptors run out", () => {
  test("a tracker says so once, does not spin, and goes on when there are some again", async () => {
    const tracker = bed.startWrapped(limited, "tracker.ts", "--port", "0", "--http-port", "0");
    const [, port = "", boardUrl = ""] = await tracker.said(/listening on [\d.]+:(\d+), board on (\S+)/);
    const callers: Bun.Socket[] = [];
    bed.defer(() => callers.map((caller) => caller.terminate()));
    // more than there is room for: those beyond wait in the system's queue
    for (let i = 0; i < 2 * LIMIT; i++) {
      const caller = await Bun.connect({ hostname: HOST, port: Number(port), socket: { data: () => undefined } }).catch(
        () => undefined,
      );
      callers.push(...(caller === undefined ? [] : [caller]));
    }
    await tracker.complained(new RegExp(`nearly all of the ${LIMIT} files and connections .* \\(raise 'ulimit -n'\\)`));
    expect(await coreOf(tracker)).toBeLessThan(MAX_CORE);
    for (const caller of callers.splice(0)) {
      caller.terminate();
    }
    await until("the tracker to answer again", async () => {
      const response = await fetch(new URL("status", boardUrl)).catch(() => undefined);
      return response?.ok || undefined;
    });
    const source = bed.path("data.bin");
    await Bun.write(source, randomBytes(10_000));
    const peer = bed.peer(0, { tracker: `${HOST}:${port}`, flags: ["--source", source] });
    await peer.reported("ready");
    await until(
      "the peer to be registered",
      async () => (await (await fetch(new URL("status", boardUrl))).text()).includes("data.bin") || undefined,
    );
    expect(tracker.complaints.filter((line) => line.includes("ulimit"))).toHaveLength(1);
  });

  test("peers say how many neighbours they can have, and copy more files than they may open", async () => {
    const source = bed.path("many");
    writeTree(source, Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`f${i}`, randomBytes(300, i)])));
    const tracker = await bed.tracker({ flags: ["--expect", "4"] });
    const peers = [0, 1, 2, 3].map((id) =>
      bed.startWrapped(
        limited,
        "peer.ts",
        ...[String(id), "--events", "--port", "0", "--tracker", tracker.address],
        ...["--store", id % 2 === 0 ? "direct" : "folder", ...(id === 0 ? ["--source", source] : [])],
      ),
    );
    await Promise.all(peers.map((peer) => peer.succeeded()));
    for (const id of [1, 2, 3]) {
      expect(readTree(bed.path(`reconstruido_peer_${id}`))).toEqual(readTree(source));
    }
    for (const peer of peers) {
      const told = peer.complaints.filter((line) => line.includes("ulimit"));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(/only 64 files and connections may be open at a time: at most \d+ neighbours/);
    }
  });
});
