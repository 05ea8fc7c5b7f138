import type { TimedEvent } from "../model/board_event.ts";
import { BoardModel } from "../model/board_model.ts";
import type { BoardPage } from "./board_page.ts";

/** A browser that gives up on a stream, as on an error from the server, is told to try again after this. */
const RETRY_MS = 2000;
/** How often what a peer does is told anew, though nothing happened: "for 3 s" turns into "for 4 s". */
const TICK_MS = 1000;

/** Follows the tracker's events, for as long as the page is open. The last picture stays while there is no connection. */
export function followLive(page: BoardPage): void {
  let model = new BoardModel();
  let nowMs = 0;
  let heardMs = performance.now();
  let isLive = false;
  const show = (): void => {
    // without news the events' clock goes on by ours, unless we do not know whether there would be news
    const elapsedMs = isLive ? performance.now() - heardMs : 0;
    page.show({ model, nowMs: nowMs + elapsedMs, endMs: undefined });
  };
  const hear = (message: MessageEvent<string>): void => {
    const news = JSON.parse(message.data) as { readonly now: number; readonly events: readonly TimedEvent[] };
    if (message.type === "snapshot") {
      model = new BoardModel();
    }
    for (const event of news.events) {
      model.apply(event);
    }
    [nowMs, heardMs, isLive] = [news.now, performance.now(), true];
    page.setState("live");
    show();
  };
  const open = (): void => {
    const stream = new EventSource("events");
    stream.addEventListener("snapshot", hear);
    stream.addEventListener("news", hear);
    stream.addEventListener("error", () => {
      isLive = false;
      page.setState("reconnecting");
      if (stream.readyState === EventSource.CLOSED) {
        setTimeout(open, RETRY_MS);
      }
    });
  };
  open();
  setInterval(() => {
    if (isLive) {
      show();
    }
  }, TICK_MS);
}
