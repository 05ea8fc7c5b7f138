/** kill -9 at random moments; `bun bench/kills.ts` does it many more times. */
import { expect, test } from "bun:test";
import { KINDS, KillBed, roundsOf } from "./support/kill_rounds.ts";
import { hasProc } from "./support/processes.ts";
import { useTestBed } from "./support/test_bed.ts";

const bed = useTestBed();

test.skipIf(!hasProc)(
  "a kill at any moment loses nothing verified, makes no wrong copy, and leaves nothing behind",
  async () => {
    const kills = await KillBed.up(bed.folder);
    bed.defer(() => kills.close());
    for (const round of roundsOf(KINDS.length, 7)) {
      const wrong = await kills.round(round);
      expect(`${round.kind.name}, killed after ${round.killMs} ms: ${wrong ?? "right"}`).toEndWith("right");
    }
  },
  60_000,
);
