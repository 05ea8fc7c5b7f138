// Room board/server: what the tracker shows to people and programs: routes, events, metrics, the exported page, the terminal.
// It reads the model and changes no swarm: peers never depend on whether anybody watches.

import type { Hono } from "hono";
import { MAX_VIEWERS } from "../../core/base/limits.ts";
import type { BoardFeed } from "../model/feed.ts";
import { eventStream } from "./event_stream.ts";
import { boardHtml } from "./page_html.ts";

/** What a board shows: a swarm that is at work, or a recording (its text, checked). */
export type Board =
  | { readonly kind: "live"; readonly feed: BoardFeed }
  | { readonly kind: "replay"; readonly recording: Uint8Array<ArrayBuffer> };

/** What `Bun.serve` hands to `fetch` beside the request, where a route needs it. */
export interface ServerBindings {
  Bindings: { readonly timeout?: (request: Request, seconds: number) => void };
}

/** The page asks nothing of anybody but this server, whatever a peer's name holds. */
const PAGE_HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

const EVENTS_HEADERS = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  "X-Accel-Buffering": "no",
};

/** Adds the board's routes: `/`, and `/events` and `/metrics` of a live swarm, or `/recording`. */
export function addBoardRoutes(app: Hono<ServerBindings>, board: Board): void {
  app.get("/", async (c) => c.html(await boardHtml({ kind: board.kind }), 200, PAGE_HEADERS));
  if (board.kind === "replay") {
    const { recording } = board;
    app.get("/recording", (c) =>
      c.body(recording, 200, { "Content-Type": "application/x-ndjson; charset=utf-8", "Cache-Control": "no-store" }),
    );
    return;
  }
  const { feed } = board;
  app.get("/events", (c) => {
    if (c.req.method === "HEAD") {
      return c.body(null, 200, EVENTS_HEADERS); // nobody would ever read its stream
    }
    const stream = eventStream(feed);
    if (stream === undefined) {
      return c.text(
        `Cannot show the swarms: ${feed.viewers} are watching (at most ${MAX_VIEWERS} can), or there is too much to show\n`,
        503,
        { "Retry-After": "10" },
      );
    }
    c.env?.timeout?.(c.req.raw, 0); // quiet for longer than other answers take
    return c.body(stream, 200, EVENTS_HEADERS);
  });
  app.get("/metrics", async (c) => {
    const { metricsText } = await import("./metrics.ts"); // most trackers are never asked
    const { type, text } = await metricsText(feed);
    return c.body(text, 200, { "Content-Type": type, "Cache-Control": "no-store" });
  });
}
