import { expect, test } from "bun:test";
import { isIP as nodeIsIP } from "node:net";
import fc from "fast-check";
import { isIP, isIPv4, isIPv6 } from "./ip.ts";

const WORTH_A_LOOK = [
  ...["", "1", "1.2.3", "1.2.3.4", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "0x1.2.3.4", "127.1"],
  ...["::", "::1", "fe80::1%eth0", "[::1]", "::ffff:10.0.0.1", "::ffff:10.0.0.256", "1::2::3", ":1", "1:", "g::"],
  ...["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "FD00::A", "::1.2.3.4", "1.2.3.4::"],
];

test("isIP() and its kinds say what node:net says", () => {
  for (const text of WORTH_A_LOOK) {
    const kind = nodeIsIP(text.includes("%") ? "" : text);
    expect([text, isIPv4(text), isIPv6(text), isIP(text)]).toEqual([text, kind === 4, kind === 6, kind !== 0]);
  }
});

test("isIPv4() and isIPv6() know every address, and take nothing else for one", () => {
  fc.assert(fc.property(fc.ipV4(), (text) => isIPv4(text) && !isIPv6(text)));
  fc.assert(fc.property(fc.ipV6(), (text) => isIPv6(text) && !isIPv4(text)));
  const digits = fc.string({ unit: fc.constantFrom("0", "1", "2", "5", "9", "."), maxLength: 16 });
  fc.assert(fc.property(digits, (text) => isIPv4(text) === (nodeIsIP(text) === 4)));
  const groups = fc.string({ unit: fc.constantFrom("0", "1", "9", "f", "g", ":", "::"), maxLength: 24 });
  fc.assert(fc.property(groups, (text) => isIPv6(text) === (nodeIsIP(text) === 6)));
});
