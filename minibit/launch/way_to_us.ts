import { createSocket } from "node:dgram";
import { numericAddress, ownAddress, resolveHost } from "../io/os/own_addresses.ts";
import type { RemoteHost } from "./hosts_file.ts";
import type { RemoteFacts } from "./remote_peer.ts";

/** The discard service's port; nothing is sent to it. */
const ANY_PORT = 9;

/** How another machine reaches this one. */
export interface WayToUs {
  /** What it calls, best first. */
  readonly call: readonly string[];
  /** Where this machine listens for that; not empty. */
  readonly listen: readonly string[];
  /** Why it may not work, for people. */
  readonly doubt: string | undefined;
}

/**
 * Finds out at which addresses a machine that we called over ssh can call us.
 *
 * First those the user advertises, then the one its SSH server sees us at, if that is ours. It may be a router's or a jump
 * host's instead: then the one we would reach the machine from without it is more likely.
 *
 * @returns undefined when nothing tells
 */
export async function wayToUs(
  machine: { readonly host: RemoteHost; readonly facts: Pick<RemoteFacts, "ourAddress" | "ownAddress"> },
  advertise: readonly string[],
): Promise<WayToUs | undefined> {
  const { host, facts } = machine;
  const seen = facts.ourAddress;
  const advertised = await ours(advertise);
  const seenOwn = seen === undefined ? undefined : ownAddress(seen);
  if (seen !== undefined && seenOwn !== undefined) {
    return { call: unique([...advertise, seen]), listen: unique([...advertised, seenOwn]), doubt: undefined };
  }
  const towards = await firstTowards([facts.ownAddress, seen, host.host, ...advertise]);
  const listen = unique([...advertised, ...(towards === undefined ? [] : [towards])]);
  if (listen.length === 0) {
    return undefined;
  }
  if (advertise.length > 0) {
    return { call: advertise, listen, doubt: undefined };
  }
  const doubt = seen === undefined ? "its SSH server does not tell ours" : `it sees us at ${seen}, which is not ours`;
  return { call: unique([...listen, ...(seen === undefined ? [] : [seen])]), listen, doubt };
}

/** Why a machine failed, with what is known of its way here if that is it. */
export function aboutWay(why: string, way: WayToUs | undefined): string {
  if (way === undefined || !why.startsWith("Cannot reach the tracker")) {
    return why;
  }
  const { call, doubt } = way;
  const how = doubt === undefined ? "" : `: ${doubt}`;
  return `cannot reach this machine at ${call.join(" or ")}${how} (a firewall? name another address with --advertise)`;
}

/** The address of this machine from which it reaches another one; undefined when there is no way to it. */
export async function addressTowards(host: string): Promise<string | undefined> {
  const address = numericAddress(host);
  if (address === undefined) {
    return undefined;
  }
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  try {
    // this only looks up the route: no packet leaves
    socket.once("error", () => resolve(undefined));
    socket.connect(ANY_PORT, address, ((error?: Error) => {
      resolve(error === undefined || error === null ? socket.address().address : undefined);
    }) as () => void);
    const found = await promise;
    return found === undefined ? undefined : ownAddress(found);
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** Those of the hosts that are addresses of this machine, as they can be listened on. */
async function ours(hosts: readonly string[]): Promise<string[]> {
  const addresses = await Promise.all(hosts.map((host) => resolveHost(host, { flag: "--advertise" })));
  return addresses.flat().flatMap((address) => ownAddress(address) ?? []);
}

async function firstTowards(hosts: readonly (string | undefined)[]): Promise<string | undefined> {
  for (const host of hosts) {
    for (const address of await addressesOf(host)) {
      const found = await addressTowards(address);
      if (found !== undefined) {
        return found;
      }
    }
  }
  return undefined;
}

/** Empty for a name that only OpenSSH knows. */
async function addressesOf(host: string | undefined): Promise<string[]> {
  return host === undefined ? [] : await resolveHost(host, { flag: "the host" }).catch(() => []);
}

function unique(hosts: readonly string[]): string[] {
  return [...new Set(hosts)];
}
