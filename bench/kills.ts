/**
 * Kills peers and whole runs with -9 at random moments, starts them again, and checks that nothing was lost, damaged or left behind.
 *
 *     bun bench/kills.ts --rounds 400 --seed 1
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KillBed, roundsOf } from "../tests/support/kill_rounds.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "400" }, seed: { type: "string", default: "1" } },
});
const folder = mkdtempSync(join(tmpdir(), "minibit-kills-"));
const bed = await KillBed.up(folder);
const wrong: string[] = [];
const startMs = performance.now();
try {
  for (const [index, round] of roundsOf(Number(values.rounds), Number(values.seed)).entries()) {
    const text = await bed.round(round);
    if (text !== undefined) {
      wrong.push(`round ${index}, ${round.kind.name}, killed after ${round.killMs} ms: ${text}`);
      console.log(wrong.at(-1));
    }
  }
} finally {
  await bed.close();
  rmSync(folder, { recursive: true, force: true });
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
console.log(`${values.rounds} rounds of seed ${values.seed} in ${seconds} s: ${wrong.length} went wrong`);
process.exit(wrong.length === 0 ? 0 : 1);
