/** The addresses of this machine: which it has, and from where each can be reached. */
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import { isIP, isIPv6 } from "./ip.ts";

/** In place of a host to listen on: every private address of this machine. */
export const PRIVATE = "private";
/** A name that takes longer to resolve counts as unknown. */
const LOOKUP_TIMEOUT_MS = 5000;

type Interface = NetworkInterfaceInfo & { readonly interface: string };

/**
 * The form of an address of this machine in which it can be listened on: as its interface has it, a link-local one with our
 * own zone.
 *
 * @param address numeric, with another machine's zone or none
 * @returns undefined when it is no address of this machine
 */
export function ownAddress(address: string, all: readonly Interface[] = interfaces()): string | undefined {
  const wanted = canonical(address);
  const found = all.find((own) => canonical(own.address) === wanted);
  // all of 127.0.0.0/8 leads here, though the interface names one address only
  const isLoopback = /^127\.\d+\.\d+\.\d+$/.test(wanted) && all.some((own) => own.internal && own.family === "IPv4");
  return found === undefined ? (isLoopback ? wanted : undefined) : withZone(found);
}

/**
 * The private addresses of this machine (RFC 1918, carriers' shared ones, fc00::/7): those that cannot be
 * reached from the internet.
 */
export function privateAddresses(all: readonly Interface[] = interfaces()): string[] {
  return all.map((own) => own.address).filter((address) => PRIVATE_ADDRESS.test(address));
}

const PRIVATE_ADDRESS =
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd][0-9a-f]{2}:)/i;

/**
 * An address as it can be dialled here: a link-local one once for each network it may be in, for its zone is another on each
 * machine.
 */
export function dialable(host: string, all?: readonly Interface[]): string[] {
  if (!isLinkLocal(host) || host.includes("%")) {
    return [host];
  }
  const zones = (all ?? interfaces()).filter((own) => isLinkLocal(own.address)).map((own) => own.interface);
  return [...new Set(zones)].map((zone) => `${host}%${zone}`);
}

/**
 * The addresses of a name; of an address itself.
 *
 * @throws {UserError} nobody here knows the name; `flag` is how it was given
 */
export async function resolveHost(host: string, { flag }: { readonly flag: string }): Promise<string[]> {
  if (isIP(withoutZone(host))) {
    return [host];
  }
  const tooLate = Promise.withResolvers<never>();
  const timer = setTimeout(() => tooLate.reject(new Error("no answer")), LOOKUP_TIMEOUT_MS);
  try {
    const { lookup } = await import("node:dns/promises"); // most runs look up no name
    const found = await Promise.race([lookup(host, { all: true }), tooLate.promise]);
    return [...new Set(found.map(({ address }) => address))];
  } catch (cause) {
    throw new UserError(
      `Cannot use ${flag} ${quote(host)}: no address of this name is known here (name an IP address)`,
      { exitCode: 2, cause },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** A text if it is a numeric address, which may have a zone; an IPv4-mapped IPv6 address becomes the IPv4 one. */
export function numericAddress(text: string): string | undefined {
  const plain = text.replace(/^::ffff:(?=\d+\.)/i, "");
  return !isIP(plain.replace(/%[\w.-]+$/, "")) ? undefined : plain;
}

/** Whether an address means something on one network only (fe80::/10). */
function isLinkLocal(host: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(host);
}

function interfaces(): Interface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.map((address) => ({ ...address, interface: name })),
  );
}

function withZone(own: Interface): string {
  return isLinkLocal(own.address) ? `${own.address}%${own.interface}` : own.address;
}

function withoutZone(host: string): string {
  return host.replace(/%.*$/, "");
}

/** One text for each address, however it is written. */
function canonical(address: string): string {
  const plain = withoutZone(address).replace(/^::ffff:(?=\d+\.)/i, "");
  return isIPv6(plain) ? new URL(`http://[${plain}]/`).hostname.slice(1, -1) : plain;
}
