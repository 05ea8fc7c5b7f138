/** The board's page in a real browser, over a server that tells what the tests want. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BrowserContextOptions, Page } from "playwright-core";
import type { TimedEvent } from "../../minibit/board/model/board_event.ts";
import { boardHtml, type PageMode } from "../../minibit/board/server/page_html.ts";
import { DIES, livelyEvents, toRecording } from "../../minibit/board/testing/lively_recording.ts";
import { EventServer, HAS_BROWSER } from "./browser.ts";
import { heldPixels, untilHeld } from "./map_pixels.ts";
import { tellWithoutBrowser, useBrowser } from "./use_browser.ts";

const EVENTS = livelyEvents();
const HALF_MS = 19_000;
const HOSTILE = `<script>document.title="owned"</script><img src=x onerror=alert(1)>`;

tellWithoutBrowser();

describe.skipIf(!HAS_BROWSER)("the board", () => {
  const browser = useBrowser();
  const servers: EventServer[] = [];
  const folders: string[] = [];

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    for (const folder of folders.splice(0)) {
      rmSync(folder, { recursive: true });
    }
  });

  async function serve(mode: PageMode, options: { recording?: string; port?: number } = {}): Promise<EventServer> {
    const server = await EventServer.start(mode, options);
    servers.push(server);
    return server;
  }

  async function replay(events: readonly TimedEvent[], options?: BrowserContextOptions): Promise<Page> {
    const server = await serve({ kind: "replay" }, { recording: toRecording(events) });
    const page = await browser.open(server.url, options);
    await page.waitForSelector(".table tbody tr");
    return page;
  }

  function row(page: Page, id: number): ReturnType<Page["locator"]> {
    return page.locator(`tr[data-peer="${id}"]`);
  }

  function between(from: number, to: number): TimedEvent[] {
    return EVENTS.filter(({ t }) => t >= from && t < to);
  }

  test("map, table and figures follow the events, a killed peer shows as gone, and the verdict comes", async () => {
    const server = await serve({ kind: "live" });
    const page = await browser.open(server.url);
    await page.getByText("Waiting for the first peer").waitFor();
    server.tell(between(0, 6000));
    const early = await untilHeld(page, "more", 0);
    const percent = await row(page, 1).locator(".bar").textContent();
    server.tell(between(6000, HALF_MS));
    await untilHeld(page, "more", early);
    await page.waitForFunction(
      (text) => document.querySelector('tr[data-peer="1"] .bar')?.textContent !== text,
      percent,
    );
    await row(page, DIES).getByText("gone: silent since 0:13").waitFor();
    expect(await row(page, DIES).getAttribute("class")).toContain("away");
    await page.getByText("live", { exact: true }).waitFor();
    expect(await page.locator(".verdict").isVisible()).toBe(false);
    server.tell(between(HALF_MS, Number.POSITIVE_INFINITY));
    await page.getByText(/^10 of 11 receivers complete in 38\.\d s = 1\.\d\d x the bound of \d+\.\d s$/).waitFor();
    await page.getByText(/without the share: peer 5/).waitFor();
    expect(await page.locator(".verdict ol li").count()).toBe(10);
    await page.getByText("10 of 11", { exact: true }).waitFor();
  }, 60_000);

  test("a lost connection keeps the picture, and a new one goes on with it", async () => {
    const server = await serve({ kind: "live" });
    const page = await browser.open(server.url);
    server.tell(between(0, 6000));
    const early = await untilHeld(page, "more", 0);
    await server.stop();
    await page.getByText("reconnecting, this is the last picture").waitFor();
    expect(await heldPixels(page)).toBe(early);
    const second = await serve({ kind: "live" }, { port: server.port });
    second.tell(between(0, HALF_MS));
    await page.getByText("live", { exact: true }).waitFor();
    await untilHeld(page, "more", early);
  }, 60_000);

  test("several swarms have a chooser", async () => {
    const server = await serve({ kind: "live" });
    const page = await browser.open(server.url);
    const others = livelyEvents({ peers: 4, blocks: 20, seconds: 4, shareName: "other", swarm: "0dd".repeat(21) });
    server.tell([...between(0, 4000), ...others]);
    await page.locator("h1", { hasText: "dataset" }).waitFor();
    await page.locator("#swarm-chooser").selectOption({ index: 1 });
    await page.locator("h1", { hasText: "other" }).waitFor();
    expect(await page.locator(".table tbody tr").count()).toBe(4);
    server.tell([{ t: 40_000, event: { type: "forgotten", swarm: "0dd".repeat(21) } }]);
    await page.locator("h1", { hasText: "dataset" }).waitFor();
    expect(await page.locator("#swarm-chooser").isVisible()).toBe(false);
  }, 60_000);

  test("pointing at the map tells of a block, and so do the arrow keys", async () => {
    const page = await replay(between(0, HALF_MS));
    const canvas = page.locator(".map canvas");
    await canvas.hover({ position: { x: 400, y: 150 } });
    const tip = page.locator(".map .tip");
    await tip.waitFor();
    expect(await tip.textContent()).toMatch(/^Block \d+ · 64\.0 KiB\d+ cop(y|ies) among 11 peers/);
    await page.mouse.move(0, 0);
    await tip.waitFor({ state: "hidden" });
    await canvas.focus();
    await page.keyboard.press("ArrowRight");
    expect(await tip.textContent()).toContain("Block 0 ");
    expect(await tip.textContent()).toContain("peer 0 holds it");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("ArrowDown");
    expect(await tip.textContent()).toContain("Block 10 ");
    expect(await tip.textContent()).toContain("peer 1 ");
    await page.keyboard.press("Enter");
    await page.locator('tr[data-peer="1"].chosen').waitFor();
    await page.locator(".ring .told", { hasText: "peer 1 gets" }).waitFor();
    await page.keyboard.press("Escape");
    await tip.waitFor({ state: "hidden" });
  }, 60_000);

  test("the ring tells of a chosen peer, and draws who is choked when asked to", async () => {
    const page = await replay(between(0, HALF_MS));
    const ring = page.locator(".ring canvas");
    const picture = (): Promise<string> => ring.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const before = await picture();
    await page.getByLabel(/show who is choked/).check();
    await page.waitForFunction(
      (then) => document.querySelector<HTMLCanvasElement>(".ring canvas")?.toDataURL() !== then,
      before,
    );
    await ring.focus();
    await page.keyboard.press("ArrowRight");
    await page.locator(".ring .told", { hasText: "peer 0 gets nothing; gives" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.locator(".ring .told", { hasText: "peer 1 gets" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".ring .told", { hasText: "Point at a peer" }).waitFor();
  }, 60_000);

  test("the table sorts by any column, by keyboard", async () => {
    const page = await replay(between(0, HALF_MS));
    const names = (): Promise<string[]> => page.locator(".table .name").allTextContents();
    expect((await names()).slice(0, 3)).toEqual(["peer 0", "peer 1", "peer 2"]);
    await page.getByRole("button", { name: "Holds" }).focus();
    await page.keyboard.press("Enter");
    await page.locator('th[aria-sort="ascending"]', { hasText: "Holds" }).waitFor();
    await page.waitForFunction(() => document.querySelector(".table .name")?.textContent !== "peer 0");
    await page.keyboard.press("Enter");
    await page.locator('th[aria-sort="descending"]', { hasText: "Holds" }).waitFor();
    await page.waitForFunction(() => document.querySelector(".table .name")?.textContent === "peer 0");
  }, 60_000);

  test("the replay's slider moves the map forward and back, and space plays", async () => {
    const page = await replay(EVENTS);
    const atEnd = await untilHeld(page, "more", 0);
    await page.locator(".verdict").waitFor();
    const slider = page.getByRole("slider", { name: "Time" });
    await slider.focus();
    await page.keyboard.press("Home");
    const atStart = await untilHeld(page, "fewer", atEnd);
    await page.locator(".verdict").waitFor({ state: "hidden" });
    await page.keyboard.press("PageUp");
    const later = await untilHeld(page, "more", atStart);
    expect(await slider.getAttribute("aria-valuetext")).toBe("0:10 of 0:38");
    await page.keyboard.press("ArrowLeft");
    await untilHeld(page, "fewer", later);
    expect(await slider.getAttribute("aria-valuetext")).toBe("0:09 of 0:38");
    await page.getByLabel("Speed").selectOption("50");
    await slider.focus();
    await page.keyboard.press("Space");
    await page.getByText("0:38 / 0:38").waitFor();
    await page.getByRole("button", { name: "Play" }).waitFor();
    await page.locator(".verdict").waitFor();
  }, 60_000);

  test("an exported board opens from a file, with no server", async () => {
    const folder = mkdtempSync(join(tmpdir(), "minibit-board-"));
    folders.push(folder);
    const file = join(folder, "board.html");
    await Bun.write(file, await boardHtml({ kind: "exported", recording: toRecording(EVENTS) }));
    const page = await browser.open(pathToFileURL(file).href);
    await page.locator(".verdict").waitFor();
    expect(await untilHeld(page, "more", 0)).toBeGreaterThan(1000);
  }, 60_000);

  test("a recording that is none is refused in words", async () => {
    const server = await serve({ kind: "replay" }, { recording: HOSTILE });
    const page = await browser.open(server.url);
    await page.getByText("Cannot read the recording: its first line is not a recording's header").waitFor();
  }, 60_000);

  test("what untrusted peers call themselves is shown as text", async () => {
    const page = await replay(
      livelyEvents({ peers: 8, blocks: 20, seconds: 4, shareName: HOSTILE, nameOf: () => HOSTILE }),
    );
    expect(await page.locator("h1").textContent()).toContain("<script>document.title=");
    expect(await row(page, 1).locator(".name").textContent()).toStartWith("<script>");
    await page.locator(".map canvas").hover({ position: { x: 400, y: 150 } });
    expect(await page.locator(".map .tip").textContent()).toContain("<script>");
    expect(await page.title()).toBe("MiniBit board");
    expect(await page.locator("img").count()).toBe(0);
  }, 60_000);

  test("light and dark follow the system until somebody chooses", async () => {
    const page = await replay(between(0, HALF_MS), { colorScheme: "dark" });
    const background = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await background();
    await page.emulateMedia({ colorScheme: "light" });
    await page.waitForFunction(() => document.documentElement.dataset["theme"] === "light");
    expect(await background()).not.toBe(dark);
    await page.getByRole("button", { name: "Dark colours" }).click();
    expect(await background()).toBe(dark);
    await untilHeld(page, "more", 0);
    await page.reload();
    await page.getByRole("button", { name: "Light colours" }).waitFor();
    expect(await background()).toBe(dark);
  }, 60_000);

  test("on a phone nothing is wider than the screen", async () => {
    const page = await replay(EVENTS, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    await page.locator(".verdict").waitFor();
    expect(await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth])).toEqual([390, 390]);
  }, 60_000);
});
