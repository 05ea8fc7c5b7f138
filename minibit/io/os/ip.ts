/**
 * Which texts are IP addresses, without a zone. `node:net` knows it too, but takes 6 ms to load, in each of the many processes of
 * a swarm on one machine.
 */
const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`);

/** Whether a text is an IPv4 address in its usual form: `10.0.0.1`. */
export function isIPv4(text: string): boolean {
  return IPV4.test(text);
}

/** Whether a text is an IPv6 address, without brackets and zone: `fd00::1`, `::ffff:10.0.0.1` (RFC 4291, 2.2). */
export function isIPv6(text: string): boolean {
  const [, head = "", last = ""] = /^(.*:)([^:]*\.[^:]*)$/.exec(text) ?? [];
  if (last !== "" && !isIPv4(last)) {
    return false;
  }
  const halves = (last === "" ? text : `${head}0:0`).split("::");
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const isFull = halves.length === 1 ? groups.length === 8 : halves.length === 2 && groups.length < 8;
  return isFull && groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group));
}

/** Whether a text is an IP address of either kind. */
export function isIP(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}
