import type { MessageTable, Wire } from "../core/wire.ts";
import { type FramedOptions, type FramedSocket, framed } from "./framed_socket.ts";

/** How a call ended. */
export type ConnectResult<T extends MessageTable> =
  | { readonly ok: true; readonly socket: FramedSocket<T> }
  | { readonly ok: false; readonly reason: ConnectFailure; readonly detail: string };

/** refused: nobody listens there; unknown host: the name has no address. */
export type ConnectFailure = "refused" | "timeout" | "unreachable" | "unknown host" | "failed";

const FAILURES: { readonly [code: string]: ConnectFailure } = {
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENOTFOUND: "unknown host",
  EAI_AGAIN: "unknown host", // no name server answers, or there is none
};

/**
 * Calls somebody; never rejects. When the time is over the call is given up, and `accept` is not called any more.
 *
 * @example
 * await connectFramed(peerWire, {
 *   connect: (socket) => Bun.connect({ hostname, port, socket }),
 *   timeoutMs: HANDSHAKE_TIMEOUT_MS,
 *   accept: (socket) => handlersFor(socket),
 * });
 */
export function connectFramed<T extends MessageTable>(
  wire: Wire<T>,
  options: FramedOptions<T> & {
    readonly connect: (socket: Bun.SocketHandler<FramedSocket<T>>) => Promise<Bun.Socket<FramedSocket<T>>>;
    readonly timeoutMs: number;
  },
): Promise<ConnectResult<T>> {
  const { promise, resolve } = Promise.withResolvers<ConnectResult<T>>();
  const handlers = framed(wire, options);
  let givenUp = false;
  const timer = setTimeout(() => {
    givenUp = true;
    resolve({ ok: false, reason: "timeout", detail: `no answer within ${options.timeoutMs} ms` });
  }, options.timeoutMs);
  const open = (socket: Bun.Socket<FramedSocket<T>>) => (givenUp ? socket.terminate() : handlers.open(socket));
  options
    .connect({ ...handlers, open })
    .then(
      (socket) => resolve({ ok: true, socket: socket.data }),
      (error: Error & { code?: string }) =>
        resolve({ ok: false, reason: FAILURES[error.code ?? ""] ?? "failed", detail: error.message }),
    )
    .finally(() => clearTimeout(timer));
  return promise;
}
