import { UserError } from "../../core/base/errors.ts";
import { errorCode } from "../os/disk_error.ts";
import { onParentLine } from "../os/lifecycle.ts";
import { listenPatiently, type PatientListener } from "./patient_listener.ts";

/** What Bun.listen and Bun.serve return, as far as it is needed here. */
interface Listener {
  readonly port?: number | undefined;
  stop(closeActiveConnections?: boolean): unknown;
}

/** How many free ports are tried: the port that is free at the first address may be in use at the next. */
const PORT_TRIES = 20;

/**
 * Listens at several addresses of this machine, at the same port of each.
 *
 * @example
 * ```ts
 * const listeners = new Listeners((hostname, port) => Bun.listen({ hostname, port, socket }), { flag: "--port" });
 * listeners.open(["10.0.0.1", "fd00::1"], 0);
 * listeners.add("10.1.0.1");
 * ```
 */
export class Listeners {
  readonly #start: (host: string, port: number) => Listener;
  readonly #flag: string;
  readonly #open = new Map<string, PatientListener>();
  #port = 0;

  /**
   * @param start starts one
   * @param options.flag the command-line flag that sets the port
   */
  constructor(start: (host: string, port: number) => Listener, options: { readonly flag: string }) {
    this.#start = start;
    this.#flag = options.flag;
  }

  /** The port, once one is open. */
  get port(): number {
    return this.#port;
  }

  get hosts(): readonly string[] {
    return [...this.#open.keys()];
  }

  /**
   * Listens at all of the given addresses.
   *
   * @param port 0 for one that is free at all of them
   * @throws {UserError} one of them cannot be used; no listener stays open then
   */
  open(hosts: readonly string[], port: number): void {
    for (let tries = 1; ; tries++) {
      this.#port = port;
      try {
        for (const host of hosts) {
          this.add(host);
        }
        return;
      } catch (error) {
        const wasFree = port === 0 && this.#open.size > 0 && isInUse(error);
        void this.stop(true);
        if (!wasFree || tries === PORT_TRIES) {
          throw error;
        }
      }
    }
  }

  /** Listens at one more address, unless it does so already. @throws {UserError} it is none of this machine's, or the port is in use there */
  add(host: string): void {
    if (!this.#open.has(host)) {
      const port = this.#port;
      const listener = listenPatiently((at) => this.#start(host, at), { host, port, flag: this.#flag });
      this.#open.set(host, listener);
      this.#port = listener.port;
    }
  }

  /** Frees the port. @param force end the connections too */
  async stop(force = false): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map((listener) => listener.stop(force)));
  }
}

/** The line by which a parent tells a child to listen at one more address. */
export function listenLine(host: string): string {
  return `${LISTEN}${host}\n`;
}

const LISTEN = "listen ";

/** Calls `listenOn` for each address that the parent of this process names; `tell` gets the reason when one cannot be used. */
export function onListenLine(listenOn: (host: string) => void, tell: (problem: string) => void): void {
  onParentLine((line) => {
    try {
      if (line.startsWith(LISTEN)) {
        listenOn(line.slice(LISTEN.length));
      }
    } catch (error) {
      if (!(error instanceof UserError)) {
        throw error;
      }
      tell(error.message);
    }
  });
}

function isInUse(error: unknown): boolean {
  return error instanceof UserError && errorCode(error.cause) === "EADDRINUSE";
}
