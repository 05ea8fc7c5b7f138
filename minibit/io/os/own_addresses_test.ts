import { expect, test } from "bun:test";
import type { NetworkInterfaceInfo } from "node:os";
import { dialable, numericAddress, ownAddress, privateAddresses, resolveHost } from "./own_addresses.ts";

function on(name: string, ...addresses: readonly string[]) {
  return addresses.map((address) => {
    const family = address.includes(":") ? "IPv6" : "IPv4";
    const info = { address, family, netmask: "", mac: "", internal: name === "lo", cidr: null, scopeid: 0 };
    return { ...(info as NetworkInterfaceInfo), interface: name };
  });
}

const INTERFACES = [
  ...on("lo", "127.0.0.1", "::1"),
  ...on("eth0", "10.0.0.1", "203.0.113.7", "fd00::1", "2001:db8::1", "fe80::1"),
  ...on("eth1", "192.168.1.5", "fe80::2", "100.64.0.9", "172.31.0.1", "172.32.0.1", "169.254.1.1"),
];

test("an address of this machine is known however it is written, with its own zone", () => {
  const cases = [
    ["10.0.0.1", "10.0.0.1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["FD00:0:0::1", "fd00::1"],
    ["fe80::2%enp3s0", "fe80::2%eth1"],
    ["fe80::1", "fe80::1%eth0"],
    ["127.0.0.53", "127.0.0.53"],
    ["10.0.0.2", undefined],
    ["fe80::3%eth0", undefined],
    ["elsewhere", undefined],
  ] as const;
  for (const [address, expected] of cases) {
    expect(ownAddress(address, INTERFACES)).toBe(expected);
  }
});

test("private addresses are those that the internet cannot reach", () => {
  expect(privateAddresses(INTERFACES)).toEqual(["10.0.0.1", "fd00::1", "192.168.1.5", "100.64.0.9", "172.31.0.1"]);
});

test("a link-local address is dialled in each network it may be in, all others as they are", () => {
  expect(dialable("fe80::9", INTERFACES)).toEqual(["fe80::9%eth0", "fe80::9%eth1"]);
  expect(dialable("fe80::9%eth7", INTERFACES)).toEqual(["fe80::9%eth7"]);
  expect(dialable("10.0.0.9", INTERFACES)).toEqual(["10.0.0.9"]);
  expect(dialable("fe80::9", on("lo", "::1"))).toEqual([]);
});

test("an SSH server's word for an address is taken if it is numeric", () => {
  expect(numericAddress("::ffff:10.0.0.1")).toBe("10.0.0.1");
  expect(numericAddress("fe80::1%eth0")).toBe("fe80::1%eth0");
  for (const text of ["", "UNKNOWN", "10.0.0.1,evil", "fe80::1%a b"]) {
    expect(numericAddress(text)).toBeUndefined();
  }
});

test("a name that nobody knows is refused with its flag", async () => {
  expect(await resolveHost("10.0.0.1", { flag: "--advertise" })).toEqual(["10.0.0.1"]);
  expect(await resolveHost("localhost", { flag: "--advertise" })).toContain("127.0.0.1");
  await expect(resolveHost("nobody.invalid", { flag: "--advertise" })).rejects.toThrow(
    "Cannot use --advertise 'nobody.invalid': no address of this name is known here (name an IP address)",
  );
});
