import { UserError } from "../../core/base/errors.ts";
import { errorCode } from "../os/disk_error.ts";
import { type Address, formatAddress } from "../os/units.ts";

/**
 * Starts a server. A failure becomes an error that tells the user what to do.
 *
 * @param start calls `Bun.listen` or `Bun.serve`
 * @param options where it will listen, and the command-line flag that sets the port
 * @throws {UserError} the port is in use or not allowed, the host is not an address of this machine
 * @example
 * ```ts
 * const listener = listening(() => Bun.listen({ hostname: host, port, socket }), { host, port, flag: "--port" });
 * ```
 */
export function listening<Server>(start: () => Server, options: Address & { readonly flag: string }): Server {
  try {
    return start();
  } catch (error) {
    throw told(error, options);
  }
}

/** Turns a failure to listen into an error for the user. Any other error stays as it is. */
function told(error: unknown, options: Address & { readonly flag: string }): unknown {
  const cause = error as Error;
  if (errorCode(cause) === undefined && !cause.message.startsWith("Failed to listen")) {
    return error;
  }
  return new UserError(`Cannot listen on ${formatAddress(options)}: ${reasonOf(cause, options.flag)}`, { cause });
}

function reasonOf(cause: Error, flag: string): string {
  switch (errorCode(cause)) {
    case "EADDRINUSE":
      return `the port is in use (try ${flag})`;
    case "EACCES":
      return `this port is for the system's own services (try ${flag} with one above 1023)`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case undefined: // Bun gives no code when a name has no address
      return "this is not an address of this machine (try --host)";
    default:
      return `${cause.message} (try --host or ${flag})`;
  }
}

/** Ports that the kernel never assigns by itself: Linux assigns 32768 to 60999, and the IANA range begins at 49152. */
const KEPT_BACK = { first: 10_000, count: 20_000 };

/**
 * Finds a port that is free and most likely stays free, for a process that must be told its port before it starts.
 *
 * @throws {UserError} every port tried is in use, or it cannot be listened on for another reason
 */
export function freePort(host: string): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = KEPT_BACK.first + Math.floor(Math.random() * KEPT_BACK.count);
    try {
      Bun.listen({ hostname: host, port, socket: { data: () => undefined } }).stop(true);
      return port;
    } catch (error) {
      if (errorCode(error) !== "EADDRINUSE") {
        throw told(error, { host, port, flag: "--port" });
      }
    }
  }
  throw new UserError(`Cannot find a free port on ${host} (name one with --port)`);
}
