/** The board as people use it: the real page over a real swarm, then over its recording, then as a file of its own. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { PROTOCOL_VERSION } from "../../minibit/core/base/limits.ts";
import { Bitfield } from "../../minibit/core/share/bitfield.ts";
import { NO_STATS } from "../../minibit/core/tracker/tracker_peer.ts";
import { TrackerClient } from "../../minibit/io/driver/tracker_client.ts";
import { randomBytes } from "../../minibit/io/testing/temp_share.ts";
import { HOST, useTestBed } from "../support/test_bed.ts";
import { HAS_BROWSER } from "./browser.ts";
import { untilHeld } from "./map_pixels.ts";
import { tellWithoutBrowser, useBrowser } from "./use_browser.ts";

const NAME = "<script>window.pwned=1</script>";
const LIMIT_MS = 60_000;

tellWithoutBrowser();

describe.skipIf(!HAS_BROWSER)("the board", () => {
  const bed = useTestBed();
  const browser = useBrowser();

  function row(page: Page, id: number): ReturnType<Page["locator"]> {
    return page.locator(`tr[data-peer="${id}"]`);
  }

  /** Waits until a peer's row tells something else than it did; returns what. */
  async function untilChanged(page: Page, id: number, then: string): Promise<string> {
    await page.waitForFunction(
      ([peer, text]) => document.querySelector(`tr[data-peer="${peer}"]`)?.textContent !== text,
      [id, then] as const,
    );
    return (await row(page, id).textContent()) ?? "";
  }

  test(
    "shows a swarm from its first block to its verdict, again from the recording, and from a file",
    async () => {
      writeFileSync(bed.path("data.bin"), randomBytes(400 * 1024));
      const run = bed.runFull(
        ...["--source", bed.path("data.bin"), "--peers", "5", "--upload-limit", "80KiB/s", "--kill", "2@40%"],
        ...["--record", bed.path("run.ndjson"), "--export", bed.path("board.html"), "--stay"],
      );
      const [, url = ""] = await run.said(/^Tracker listening on \S+, board on (\S+)$/);
      const live = await browser.open(url);
      await row(live, 1).waitFor();
      const early = await untilHeld(live, "more", 0);
      const said = (await row(live, 1).textContent()) ?? "";
      const more = await untilHeld(live, "more", early);
      await untilChanged(live, 1, said);
      await live.getByText("live", { exact: true }).waitFor();
      expect(await live.locator(".verdict").isVisible()).toBe(false);

      await row(live, 2)
        .getByText(/^gone at 0:\d\d with [34]\d\.\d %$/)
        .waitFor();
      expect(await row(live, 2).getAttribute("class")).toContain("away");
      await untilHeld(live, "more", more);
      await live.getByText(/^3 of 4 receivers complete in \d+\.\d s = \d\.\d\d x the bound of \d\.\d s$/).waitFor();
      await live.getByText(/without the share: peer 2$/).waitFor();
      await live.getByText("3 of 4", { exact: true }).waitFor();
      await run.said(/^The swarm is done; its page stays/);
      await row(live, 1)
        .getByText(/^left at 0:\d\d$/)
        .waitFor();
      expect(await run.kill("SIGINT")).toBe(0);
      await live.getByText("reconnecting, this is the last picture").waitFor();
      expect(await live.locator(".verdict").isVisible()).toBe(true);

      const replay = bed.start("tracker.ts", "--http-port", "0", "--replay", bed.path("run.ndjson"));
      const [, replayUrl = ""] = await replay.said(/^Replaying .* on (http:\S+)$/);
      await expectRecording(await browser.open(replayUrl));
      expect(await replay.kill("SIGINT")).toBe(130);

      await expectRecording(await browser.open(pathToFileURL(bed.path("board.html")).href));
    },
    2 * LIMIT_MS,
  );

  /** The recording's end first, then its beginning, and back and forth between the two. */
  async function expectRecording(page: Page): Promise<void> {
    await page.getByText(/^3 of 4 receivers complete in/).waitFor();
    await row(page, 2)
      .getByText(/^gone at /)
      .waitFor();
    const slider = page.getByRole("slider", { name: "Time" });
    await slider.focus();
    await page.keyboard.press("Home");
    await page.locator(".verdict").waitFor({ state: "hidden" });
    await page.keyboard.press("ArrowRight");
    const early = await untilHeld(page, "more", 0);
    for (let second = 0; second < 2; second++) {
      await page.keyboard.press("ArrowRight");
    }
    const later = await untilHeld(page, "more", early);
    for (let second = 0; second < 2; second++) {
      await page.keyboard.press("ArrowLeft");
    }
    await untilHeld(page, "fewer", later);
    await page.keyboard.press("End");
    await page.locator(".verdict").waitFor();
  }

  test(
    "shows what a hostile peer calls itself, and its share, as text",
    async () => {
      const tracker = await bed.tracker();
      const page = await browser.open(tracker.boardUrl);
      const share = { name: NAME, sizeBytes: 3000, blockSizeBytes: 1024, blockCount: 3 };
      const swarmId = new Uint8Array(32).fill(5);
      const who = {
        swarmId,
        share,
        peerId: 1,
        name: NAME,
        hosts: [HOST],
        port: 6001,
        blocks: Bitfield.full(3),
        instance: 1,
        done: true,
      };
      const client = new TrackerClient({
        tracker: { host: HOST, port: tracker.port },
        register: () => ({ version: PROTOCOL_VERSION, ...who }),
        stats: () => ({ ...NO_STATS }),
        onRegistered: () => undefined,
        onPeers: () => undefined,
        onSwarmDone: () => undefined,
        onRefused: () => undefined,
      });
      bed.defer(() => client.close());
      await row(page, 1).waitFor();
      expect(await page.locator("h1").textContent()).toBe(NAME);
      expect(await row(page, 1).locator(".name").textContent()).toBe("<script>window.pwned=1<…");
      await page.locator(".map canvas").focus();
      await page.keyboard.press("ArrowRight");
      await page.locator(".map .tip", { hasText: "<script>" }).waitFor();
      await row(page, 1).locator(".name").click();
      await page.locator(".ring .told", { hasText: "<script>" }).waitFor();
      expect(await page.evaluate("window.pwned")).toBeUndefined();
      expect(await page.locator("script").count()).toBe(2);
    },
    LIMIT_MS,
  );
});
