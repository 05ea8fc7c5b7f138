import { expect, test } from "bun:test";
import { UserError } from "../core/base/errors.ts";
import { parseHosts, readHosts } from "./hosts_file.ts";

const hosts = (text: string) => parseHosts(text, "hosts.txt");

test("parseHosts() reads users, ports, IPv6, comments and empty lines", () => {
  const text =
    "# all\nalpha\n\n  root@10.0.0.1:2222  # the old one\nfd00::7\nu@[fd00::8]:22\r\n[fe80::1%eth0]\nu@fe80::2%br-0.1\nmy-host.lan:22\n";
  expect(hosts(text).map(({ user, host, port }) => [user, host, port])).toEqual([
    [undefined, "alpha", undefined],
    ["root", "10.0.0.1", 2222],
    [undefined, "fd00::7", undefined],
    ["u", "fd00::8", 22],
    [undefined, "fe80::1%eth0", undefined],
    ["u", "fe80::2%br-0.1", undefined],
    [undefined, "my-host.lan", 22],
  ]);
});

test("parseHosts() names the line that is no host, or stands twice, and a list of none", () => {
  const refused = [
    ["a\nb c", "line 2"],
    ["-oProxyCommand=evil", "line 1"],
    ["-l@host", "line 1"],
    ["host:0", "port"],
    ["host:65536", "port"],
    ["user@", "line 1"],
    ["a\nb\na", "stands in line 1 too"],
    ["\n# none\n", "it names no host"],
  ] as const;
  for (const [text, told] of refused) {
    expect(() => hosts(text)).toThrow(UserError);
    expect(() => hosts(text)).toThrow(told);
  }
});

test("readHosts() takes no more than a list can have, also from what never ends", () => {
  expect(() => readHosts("/dev/zero")).toThrow(
    "Cannot read the hosts in '/dev/zero': it has more than the 4194304 bytes",
  );
});
