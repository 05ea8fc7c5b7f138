import { expect } from "bun:test";
import type { TimedEvent } from "../../minibit/board/model/board_event.ts";
import { BoardModel } from "../../minibit/board/model/board_model.ts";
import type { Tracker } from "../../tracker.ts";
import { until } from "./until.ts";

interface News {
  readonly name: string;
  readonly now: number;
  readonly events: readonly TimedEvent[];
}

/** A page without a browser: keeps a model of its own from what it is told. */
export class Page {
  model = new BoardModel();
  readonly heard: News[] = [];
  comments = 0;
  readonly #abort = new AbortController();
  ended = false;

  static async open(tracker: Tracker): Promise<Page> {
    const page = new Page();
    const response = await fetch(new URL("/events", tracker.statusUrl), { signal: page.#abort.signal });
    expect(response.headers.get("Content-Type")).toStartWith("text/event-stream");
    void page
      .#read(response)
      .catch(() => undefined)
      .finally(() => {
        page.ended = true;
      });
    await page.until("a snapshot", () => page.heard.length > 0);
    return page;
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      const messages = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = messages.pop() ?? "";
      for (const message of messages) {
        this.#take(message);
      }
    }
  }

  #take(message: string): void {
    const [, name = "", data = ""] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? [];
    if (name === "") {
      this.comments++;
      return;
    }
    const news = { name, ...(JSON.parse(data) as Omit<News, "name">) };
    this.model = name === "snapshot" ? new BoardModel() : this.model;
    for (const event of news.events) {
      this.model.apply(event);
    }
    this.heard.push(news);
  }

  until(what: string, look: () => boolean): Promise<true> {
    return until(what, () => look() || undefined, { details: () => JSON.stringify(this.heard).slice(0, 2000) });
  }

  /** Waits until the page knows what the tracker knows. */
  async agrees(tracker: Tracker): Promise<void> {
    await this.until("the page to agree", () => Bun.deepEquals(stateOf(this.model), stateOf(tracker.feed.model)));
  }

  close(): void {
    this.#abort.abort();
  }
}

/** All but the charts, which depend on when samples were taken. */
function stateOf(model: BoardModel): unknown {
  return model.snapshot().filter(({ event }) => event.type !== "history");
}
