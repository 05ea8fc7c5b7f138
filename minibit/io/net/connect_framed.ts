import { NEXT_ADDRESS_MS } from "../../core/base/limits.ts";
import type { MessageTable, Wire } from "../../core/wire/message_table.ts";
import type { Address } from "../os/units.ts";
import { type FramedOptions, type FramedSocket, type FrameHandlers, framed } from "./framed_socket.ts";

/** How a connection attempt ended. */
export type ConnectResult<T extends MessageTable> =
  | { readonly ok: true; readonly socket: FramedSocket<T> }
  | { readonly ok: false; readonly reason: ConnectFailure; readonly detail: string };

/** `refused`: nobody listens there. `unknown host`: the name has no address. */
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
 * Connects to an address; never rejects. After the timeout the attempt is abandoned, and `accept` is not called any more.
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

/**
 * Connects to one of several addresses; never rejects. The next address is tried when the one before has failed or has not
 * answered for NEXT_ADDRESS_MS. The first to answer is kept (RFC 8305, "happy eyeballs").
 *
 * @param options.addresses in the order to try them; with none, the attempt fails
 * @param options.timeoutMs how long each attempt may take
 * @param options.accept called once, with the address that answered
 * @returns how the last attempt failed, when all failed
 */
export function connectToOneOf<T extends MessageTable, A extends Address>(
  wire: Wire<T>,
  options: Omit<FramedOptions<T>, "accept"> & {
    readonly addresses: readonly A[];
    readonly timeoutMs: number;
    readonly accept: (socket: FramedSocket<T>, address: A) => FrameHandlers<T>;
  },
): Promise<ConnectResult<T>> {
  const { addresses, accept, ...others } = options;
  const { promise, resolve } = Promise.withResolvers<ConnectResult<T>>();
  if (addresses.length === 0) {
    resolve({ ok: false, reason: "unreachable", detail: "no address of it is of use here" });
  }
  const waiting = [...addresses];
  let [isAnswered, calls] = [false, 0];
  let headStart: Timer | undefined;
  const callNext = (): void => {
    clearTimeout(headStart);
    const address = waiting.shift();
    if (isAnswered || address === undefined) {
      return;
    }
    calls++;
    headStart = setTimeout(callNext, NEXT_ADDRESS_MS);
    let call: "under way" | "answered" | "given up" = "under way";
    void connectFramed(wire, {
      ...others,
      accept: (socket) => accept(socket, address),
      connect: (handlers) =>
        Bun.connect({
          ...{ hostname: address.host, port: address.port },
          socket: {
            ...handlers,
            open: (socket) => {
              if (isAnswered || call === "given up") {
                socket.terminate(); // another address answered first
                return;
              }
              isAnswered = true;
              call = "answered";
              clearTimeout(headStart);
              handlers.open?.(socket);
            },
          },
        }),
    }).then((result) => {
      calls--;
      if (call === "answered") {
        resolve(result);
        return;
      }
      call = "given up";
      if (!isAnswered) {
        callNext();
        if (calls === 0) {
          resolve(result);
        }
      }
    });
  };
  callNext();
  return promise;
}
