import { expect, test } from "bun:test";
import { type PeerMessages, peerWire } from "../../core/wire/peer_wire.ts";
import { connectFramed, connectToOneOf } from "./connect_framed.ts";
import type { FramedSocket } from "./framed_socket.ts";

const IGNORE = { onMessage: () => {} };

/** A port on which nobody listens any more. */
function deadPort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  listener.stop(true);
  return listener.port;
}

test("a call that is answered gives the socket that accept was given", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const accepted: FramedSocket<PeerMessages>[] = [];
  const result = await connectFramed(peerWire, {
    connect: (socket) => Bun.connect({ hostname: "localhost", port: listener.port, socket }),
    timeoutMs: 5000,
    accept: (socket) => {
      accepted.push(socket);
      return IGNORE;
    },
  });
  expect(result).toEqual({ ok: true, socket: accepted[0] as FramedSocket<PeerMessages> });
  expect(accepted[0]?.remotePort).toBe(listener.port);
  accepted[0]?.terminate("test over");
  listener.stop(true);
});

test("nobody there and no such host are told apart, and neither throws", async () => {
  const call = (connect: Parameters<typeof connectFramed<PeerMessages>>[1]["connect"]) =>
    connectFramed(peerWire, { connect, timeoutMs: 5000, accept: () => IGNORE });
  const refused = await call((socket) => Bun.connect({ hostname: "127.0.0.1", port: deadPort(), socket }));
  expect(refused).toMatchObject({ ok: false, reason: "refused" });
  // with and without a name server; no name is looked up here, for not every machine has one
  for (const code of ["ENOTFOUND", "EAI_AGAIN"]) {
    const unknown = await call(() => Promise.reject(Object.assign(new Error(`getaddrinfo ${code}`), { code })));
    expect(unknown).toMatchObject({ ok: false, reason: "unknown host", detail: `getaddrinfo ${code}` });
  }
});

test("a call that is not answered in time is given up, and hung up when it is answered later", async () => {
  const closed = Promise.withResolvers<void>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: () => {}, close: () => closed.resolve() },
  });
  const late = Promise.withResolvers<void>();
  let accepted = 0;
  const result = await connectFramed(peerWire, {
    connect: async (socket) => {
      await late.promise;
      return Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket });
    },
    timeoutMs: 1,
    accept: () => {
      accepted++;
      return IGNORE;
    },
  });
  expect(result).toEqual({ ok: false, reason: "timeout", detail: "no answer within 1 ms" });
  late.resolve();
  await closed.promise;
  expect(accepted).toBe(0);
  listener.stop(true);
});

test("the next address is called when one fails, and who answers first is kept, once", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const dead = { host: "127.0.0.1", port: deadPort() };
  const alive = { host: "localhost", port: listener.port };
  const accepted: unknown[] = [];
  const result = await connectToOneOf(peerWire, {
    addresses: [dead, { host: "nobody.invalid", port: 1 }, alive, alive],
    timeoutMs: 5000,
    accept: (_, address) => {
      accepted.push(address);
      return IGNORE;
    },
  });
  expect(result.ok).toBe(true);
  expect(accepted).toEqual([alive]);
  listener.stop(true);
});

test("when no address answers, or there is none, that is told", async () => {
  const call = (addresses: readonly { host: string; port: number }[]) =>
    connectToOneOf(peerWire, { addresses, timeoutMs: 5000, accept: () => IGNORE });
  const dead = { host: "127.0.0.1", port: deadPort() };
  expect(await call([dead, dead])).toMatchObject({ ok: false, reason: "refused" });
  expect(await call([])).toMatchObject({ ok: false, reason: "unreachable" });
});
