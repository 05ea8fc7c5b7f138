import { areDescriptorsBack, areDescriptorsShort, descriptorBudget } from "../os/descriptors.ts";
import { getLogger } from "../os/logging.ts";
import type { Address } from "../os/units.ts";
import { listening } from "./listening.ts";

/** How often the listener checks whether descriptors run out, or are free again. */
const LOOK_MS = 500;

/** What Bun.listen and Bun.serve give. */
interface Server {
  readonly port?: number | undefined;
  stop(closeConnections?: boolean): unknown;
}

/** A server that can be stopped. */
export interface PatientListener {
  readonly port: number;
  /** @param closeConnections its connections too */
  stop(closeConnections?: boolean): Promise<void>;
}

let isTold = false;

/**
 * Starts a server that stops listening while descriptors run out. Callers are refused and retry; otherwise the server would spin.
 * Open connections stay. The user is told once.
 *
 * @param start calls `Bun.listen` or `Bun.serve` with a port: the one of `options` first
 * @param options where it will listen, and the command-line flag that sets the port
 * @throws {UserError} what `listening` throws
 */
export function listenPatiently(
  start: (port: number) => Server,
  options: Address & { readonly flag: string },
): PatientListener {
  const first = listening(() => start(options.port), options);
  const port = first.port ?? options.port;
  /** Every listener so far: a connection belongs to the one that accepted it. */
  const servers = [first];
  let server: Server | undefined = first;
  const look = (): void => {
    if (server === undefined) {
      server = areDescriptorsBack() ? again(() => start(port)) : undefined;
      servers.push(...(server === undefined ? [] : [server]));
    } else if (areDescriptorsShort()) {
      server.stop();
      server = undefined;
      tell();
    }
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return {
    port,
    async stop(closeConnections) {
      clearInterval(timer);
      for (const one of servers) {
        await one.stop(closeConnections);
      }
    },
  };
}

/** Listens again; undefined when that fails, and the next check retries. */
function again(start: () => Server): Server | undefined {
  try {
    return start();
  } catch {
    return undefined;
  }
}

function tell(): void {
  if (!isTold) {
    isTold = true;
    getLogger().warn(
      "Cannot take more connections for now: nearly all of the {limit} files and connections that may be open are in use (raise 'ulimit -n')",
      { limit: descriptorBudget().limit },
    );
  }
}
