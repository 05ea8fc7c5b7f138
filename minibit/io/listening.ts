import { UserError } from "../core/errors.ts";
import { type Address, formatAddress } from "./units.ts";

/**
 * Starts a server; what goes wrong is told as something the user can mend.
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
    const cause = error as Error & { code?: string };
    if (cause.code === undefined && !cause.message.startsWith("Failed to listen")) {
      throw error;
    }
    throw new UserError(`Cannot listen on ${formatAddress(options)}: ${reasonOf(cause, options.flag)}`, { cause });
  }
}

function reasonOf(cause: Error & { code?: string }, flag: string): string {
  switch (cause.code) {
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
