import { UserError } from "../core/base/errors.ts";
import { MAX_HOSTS_BYTES } from "../core/base/limits.ts";
import { quote } from "../core/base/quote.ts";
import { readNamedFile } from "../io/os/small_file.ts";
import { parseInteger } from "../io/os/units.ts";

/** A machine to copy to, as its line says. */
export interface RemoteHost {
  /** What messages call it: the line itself. */
  readonly name: string;
  readonly user: string | undefined;
  /** A name OpenSSH knows (also one of its configuration), or an address; IPv6 without brackets. */
  readonly host: string;
  /** The port of its SSH server; undefined: as OpenSSH is configured. */
  readonly port: number | undefined;
}

/**
 * Reads a list of hosts, `[user@]host[:ssh-port]` a line; an IPv6 address with a port stands in brackets. Empty lines, and
 * what follows a `#`, are passed over.
 *
 * @throws {UserError} naming the line that cannot be used; a host twice; no host at all
 */
export function readHosts(path: string): RemoteHost[] {
  const failure = `Cannot read the hosts in ${quote(path)}`;
  return parseHosts(readNamedFile(path, { maxBytes: MAX_HOSTS_BYTES, failure }).toString(), path);
}

/** Like `readHosts`, for the text of a list; `path` is what errors call it. */
export function parseHosts(text: string, path: string): RemoteHost[] {
  const hosts: RemoteHost[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/#.*/, "").trim();
    if (line !== "") {
      const host = parseHost(line, `${quote(path)} line ${index + 1}`);
      const earlier = lineOf.get(host.name);
      if (earlier !== undefined) {
        throw new UserError(
          `Cannot use ${quote(path)} line ${index + 1}: ${quote(line)} stands in line ${earlier} too`,
        );
      }
      lineOf.set(host.name, index + 1);
      hosts.push(host);
    }
  }
  if (hosts.length === 0) {
    throw new UserError(`Cannot use ${quote(path)}: it names no host (write [user@]host[:ssh-port], one a line)`);
  }
  return hosts;
}

function parseHost(line: string, where: string): RemoteHost {
  const match =
    /^(?:([^\s@:]+)@)?(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s@:[\]]+)|([0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%[\w.-]+)?))(?::(\d+))?$/.exec(
      line,
    );
  const host = match?.[2] ?? match?.[3] ?? match?.[4];
  const user = match?.[1];
  // a leading hyphen would be taken for an option of ssh
  if (host === undefined || host.startsWith("-") || user?.startsWith("-") === true) {
    throw new UserError(`Cannot use ${where}: ${quote(line)} is not [user@]host[:ssh-port]`);
  }
  const port = match?.[5] === undefined ? undefined : parseInteger(match[5], { what: "port", min: 1, max: 65_535 });
  return { name: line, user, host, port };
}
