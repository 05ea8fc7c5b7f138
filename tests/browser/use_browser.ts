import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { HAS_BROWSER, openPage, startBrowser, type WatchedPage } from "./browser.ts";

/** Opens pages for the test that runs now. */
export interface TestBrowser {
  open(url: string, options?: BrowserContextOptions): Promise<Page>;
}

/**
 * A browser for the tests of this `describe`. After each test its pages are closed, and it fails if one of them complained
 * or asked somebody else than its server.
 */
export function useBrowser(): TestBrowser {
  let browser: Browser;
  const pages: WatchedPage[] = [];
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    const faults = pages.flatMap((one) => one.faults);
    await Promise.all(pages.splice(0).map(({ page }) => page.close()));
    expect(faults).toEqual([]);
  });
  return {
    open: async (url, options) => {
      const opened = await openPage(browser, url, options);
      pages.push(opened);
      return opened.page;
    },
  };
}

/** Says why tests are skipped where there is no browser. */
export function tellWithoutBrowser(): void {
  if (!HAS_BROWSER) {
    console.log("Skipping the board's browser tests: no /usr/bin/chromium (apt-get install chromium)");
  }
}
