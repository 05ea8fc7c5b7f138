import { expect, test } from "bun:test";
import { peerWire } from "../../core/wire/peer_wire.ts";
import { connectFramed } from "./connect_framed.ts";
import { framed } from "./framed_socket.ts";

test("a connection has its handlers when it may send; one that was closed in accept is not started", async () => {
  const started: string[] = [];
  using listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: framed(peerWire, {
      accept: (socket) => ({
        onStart: () => socket.send({ type: "KEEP_ALIVE" }),
        onMessage: () => undefined,
      }),
    }),
  });
  const { port } = listener;
  /** Calls; resolves with what came first: a message, or the end. */
  const call = async (name: string, options: { readonly refuses: boolean }): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    await connectFramed(peerWire, {
      connect: (socket) => Bun.connect({ hostname: "127.0.0.1", port, socket }),
      timeoutMs: 5000,
      accept: (socket) => {
        if (options.refuses) {
          socket.close("no need");
        }
        return {
          onStart: () => void started.push(name),
          onMessage: ({ type }) => {
            resolve(type);
            socket.terminate("heard");
          },
          onClosed: ({ detail }) => resolve(detail),
        };
      },
    });
    return await promise;
  };
  expect(await call("listens", { refuses: false })).toBe("KEEP_ALIVE");
  expect(await call("refuses", { refuses: true })).toBe("no need");
  expect(started).toEqual(["listens"]);
});
