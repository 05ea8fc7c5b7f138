/**
 * A swarm for the projector: slow enough to be watched, with a slow peer, a free rider, and one that is killed half-way.
 *
 *     bun run demo
 *
 * Takes about a minute. Flags of `run_full.ts` may be added: `bun run demo --http-port 8090 --corrupt 5=1%`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "../minibit/core/base/rng.ts";
import { runMain } from "../minibit/io/cli/run_main.ts";
import { EXIT_WITH_PARENT, exitCodeOf, onStop, type StopReason } from "../minibit/io/os/lifecycle.ts";

/** 1024 blocks: enough to see rarity, few enough to see each of them. */
const SHARE_BYTES = 4 * 1024 * 1024;

const SWARM = [
  ...["--peers", "8", "--upload-limit", "50KiB/s", "--peer-limit", "0=200KiB/s,4=15KiB/s"],
  ...["--free-rider", "6", "--kill", "2@50%", "--port", "0", "--peer-port", "0", "--open", "--stay"],
];

/** Bytes that are the same each time and nothing in particular. */
function shareBytes(): Uint8Array {
  const rng = createRng(1);
  return Uint8Array.from({ length: SHARE_BYTES }, () => rng.below(256));
}

/** Runs the swarm in a temporary folder; returns the exit code. */
async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "minibit-demo-"));
  const source = join(folder, "demo.bin");
  writeFileSync(source, shareBytes());
  mkdirSync(join(folder, "peers"));
  // it ends with this process, however this one ends
  const swarm = Bun.spawn(
    [
      ...[process.execPath, join(import.meta.dir, "..", "run_full.ts"), ...SWARM],
      ...["--source", source, "--dir", join(folder, "peers"), ...process.argv.slice(2)],
    ],
    { stdio: ["pipe", "inherit", "inherit"], env: { ...process.env, [EXIT_WITH_PARENT]: "1" } },
  );
  // Ctrl+C in a terminal has reached it as well by then: a second SIGINT would cut its end short
  let stoppedFor: StopReason = "SIGTERM";
  const forget = onStop((reason) => {
    stoppedFor = reason;
    swarm.kill("SIGTERM");
  });
  try {
    const exitCode = await swarm.exited;
    return exitCode === exitCodeOf("SIGTERM") ? exitCodeOf(stoppedFor) : exitCode;
  } finally {
    forget();
    rmSync(folder, { recursive: true, force: true });
  }
}

await runMain(main);
