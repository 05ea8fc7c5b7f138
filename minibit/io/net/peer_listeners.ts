import { UserError } from "../../core/base/errors.ts";
import { getLogger } from "../os/logging.ts";
import { PRIVATE, privateAddresses } from "../os/own_addresses.ts";
import { Listeners, onListenLine } from "./listeners.ts";

/** Where a peer listens, and at which addresses others reach it. */
export interface PeerListenersOptions {
  /** Addresses of this machine, or PRIVATE for all of those; port 0 takes a free one. */
  readonly listen: { readonly hosts: readonly string[]; readonly port: number };
  /** The addresses to announce, when they are not those to listen on. */
  readonly advertise: readonly string[];
  /** The command-line flag that sets the port. */
  readonly flag: string;
  /** Starts one listener. */
  readonly start: (hostname: string, port: number) => Bun.TCPSocketListener<unknown>;
  /** Told when `hosts` has changed: the process that started this one named another address. */
  readonly onMoved: () => void;
}

/** The listeners of a peer: it listens at several addresses, and its parent may add more. */
export class PeerListeners {
  readonly #listeners: Listeners;
  #hosts: readonly string[];

  /** @throws {UserError} it cannot listen there */
  constructor({ listen, advertise, flag, start, onMoved }: PeerListenersOptions) {
    const named = listen.hosts.filter((host) => host !== PRIVATE);
    const found = named.length < listen.hosts.length ? privateAddresses() : [];
    if (named.length === 0 && found.length === 0) {
      throw new UserError("Cannot listen: this machine has no private address (name another one with --host)");
    }
    this.#listeners = new Listeners(start, { flag });
    this.#listeners.open(named.length > 0 ? named : found.slice(0, 1), listen.port);
    for (const host of found) {
      try {
        this.#listeners.add(host);
      } catch (error) {
        getLogger("peer").info("{error}", { error }); // the user asked for all private addresses, not for this one
      }
    }
    this.#hosts = advertise.length === 0 ? this.#listeners.hosts : advertise;
    onListenLine(
      (host) => {
        this.#listeners.add(host);
        this.#hosts = [...new Set([...this.#hosts, host])];
        onMoved();
      },
      (text) => getLogger("peer").error("{text}", { text }),
    );
  }

  /** Addresses at which peers can reach us, best first. */
  get hosts(): readonly string[] {
    return this.#hosts;
  }

  get port(): number {
    return this.#listeners.port;
  }

  /** Where we listen that is told to who started us. */
  get first(): string {
    return this.#listeners.hosts[0] ?? "";
  }

  /** Frees the port. */
  async stop(): Promise<void> {
    await this.#listeners.stop();
  }
}
