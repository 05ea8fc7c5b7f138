import type { BoardFeed } from "../model/feed.ts";

/**
 * A stream of server-sent events for one viewer; undefined: the feed takes no more viewers.
 *
 * The stream holds at most one message: `isReady` is false until the socket has taken it.
 */
export function eventStream(feed: BoardFeed): ReadableStream<Uint8Array> | undefined {
  let leave: (() => void) | undefined;
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        leave = feed.watch({
          get isReady() {
            return (controller.desiredSize ?? 0) > 0;
          },
          send: (bytes) => controller.enqueue(bytes),
          close: () => controller.close(),
        });
      },
      cancel: () => leave?.(),
    },
    { highWaterMark: 1, size: (bytes) => bytes?.byteLength ?? 0 },
  );
  return leave === undefined ? undefined : stream;
}
