/** A browser for tests of the board: pages that may talk to their own server only and must not complain. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { TimedEvent } from "../../minibit/board/model/board_event.ts";
import { BoardModel } from "../../minibit/board/model/board_model.ts";
import { boardHtml, type PageMode } from "../../minibit/board/server/page_html.ts";

/** Where Debian puts it. */
const CHROMIUM = "/usr/bin/chromium";

/** Whether there is a browser to test with. */
export const HAS_BROWSER = existsSync(CHROMIUM);

/** Starts a browser without a window. */
export function startBrowser(): Promise<Browser> {
  // root may not use Chromium's sandbox, and the pages here are our own
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** A page under watch. */
export interface WatchedPage {
  readonly page: Page;
  /** What it complained of, and what it asked of anybody but its server. */
  readonly faults: string[];
}

/** Opens an address and notes every complaint and every request that leaves for elsewhere. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  const faults: string[] = [];
  const { origin, protocol } = new URL(url);
  page.on("console", (message) => {
    // a stream that breaks is told by the browser itself, and is what some tests are about
    if (["error", "warning"].includes(message.type()) && !message.text().includes("net::ERR_")) {
      faults.push(message.text());
    }
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (request) => {
    const to = new URL(request.url());
    const isOurs = protocol === "file:" ? request.url() === url : to.origin === origin;
    if (!isOurs && to.protocol !== "data:") {
      faults.push(`asked ${request.url()}`);
    }
  });
  await page.goto(url);
  return { page, faults };
}

/** A tracker's HTTP side, as far as the page sees it: events come when the test says so. */
export class EventServer {
  readonly #server: Bun.Server<undefined>;
  readonly port: number;
  readonly #viewers = new Set<ReadableStreamDefaultController<string>>();
  readonly #model = new BoardModel();

  private constructor(options: { readonly html: string; readonly recording: string; readonly port: number }) {
    const html = { "Content-Type": "text/html; charset=utf-8" };
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: options.port,
      idleTimeout: 0,
      routes: {
        "/": () => new Response(options.html, { headers: html }),
        "/recording": () => new Response(options.recording),
        "/events": () => this.#greet(),
      },
      fetch: () => new Response("no such route", { status: 404 }),
    });
    this.port = this.#server.port ?? 0;
  }

  /** @param options.port 0: any free one */
  static async start(
    mode: PageMode,
    options: { readonly recording?: string; readonly port?: number } = {},
  ): Promise<EventServer> {
    return new EventServer({
      html: await boardHtml(mode),
      recording: options.recording ?? "",
      port: options.port ?? 0,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Tells all viewers. */
  tell(events: readonly TimedEvent[]): void {
    for (const event of events) {
      this.#model.apply(event);
    }
    for (const viewer of this.#viewers) {
      viewer.enqueue(messageOf("news", this.#model.nowMs, events));
    }
  }

  /** Ends at once, with all its streams. */
  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  #greet(): Response {
    let viewer: ReadableStreamDefaultController<string> | undefined;
    const stream = new ReadableStream<string>({
      start: (controller) => {
        viewer = controller;
        controller.enqueue(`retry: 100\n\n${messageOf("snapshot", this.#model.nowMs, this.#model.snapshot())}`);
        this.#viewers.add(controller);
      },
      cancel: () => {
        if (viewer !== undefined) {
          this.#viewers.delete(viewer);
        }
      },
    });
    return new Response(stream.pipeThrough(new TextEncoderStream()), {
      headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
    });
  }
}

function messageOf(name: string, now: number, events: readonly TimedEvent[]): string {
  return `event: ${name}\ndata: ${JSON.stringify({ now, events })}\n\n`;
}
