import { expect, test } from "bun:test";
import { aboutWay, addressTowards, wayToUs } from "./way_to_us.ts";

/** Of the documentation's networks (RFC 5737): never ours. */
const FOREIGN = "192.0.2.7";

function facts(ourAddress: string | undefined, ownAddress: string | undefined = "127.0.0.9") {
  const host = { name: "there", user: undefined, host: "nobody.invalid", port: undefined };
  return { host, facts: { ourAddress, ownAddress } };
}

test("a machine calls us where its own SSH server sees us, and only there we listen", async () => {
  expect(await wayToUs(facts("127.0.0.1"), [])).toEqual({
    call: ["127.0.0.1"],
    listen: ["127.0.0.1"],
    doubt: undefined,
  });
});

test("what the user advertises is called first, and listened on if it is ours", async () => {
  const way = await wayToUs(facts("127.0.0.1"), ["127.0.0.5", FOREIGN]);
  expect(way).toEqual({
    call: ["127.0.0.5", FOREIGN, "127.0.0.1"],
    listen: ["127.0.0.5", "127.0.0.1"],
    doubt: undefined,
  });
});

test("an address that is not ours is not believed: the one on the way there is tried first", async () => {
  const way = await wayToUs(facts(FOREIGN), []);
  expect(way).toMatchObject({ call: ["127.0.0.1", FOREIGN], listen: ["127.0.0.1"] });
  const why = aboutWay("Cannot reach the tracker at 127.0.0.1:5000: no answer for 1m", way);
  expect(why).toBe(
    `cannot reach this machine at 127.0.0.1 or ${FOREIGN}: it sees us at ${FOREIGN}, which is not ours (a firewall? name another address with --advertise)`,
  );
  expect(aboutWay("the disk is full", way)).toBe("the disk is full");
});

test("behind a router the advertised address is all that is called", async () => {
  expect(await wayToUs(facts(FOREIGN), ["192.0.2.8"])).toEqual({
    call: ["192.0.2.8"],
    listen: ["127.0.0.1"],
    doubt: undefined,
  });
});

test("when nothing tells, that is said", async () => {
  const { host } = facts(undefined);
  expect(await wayToUs({ host, facts: { ourAddress: undefined, ownAddress: undefined } }, [])).toBeUndefined();
  const local = { ...host, host: "127.0.0.1" };
  const way = await wayToUs({ host: local, facts: { ourAddress: undefined, ownAddress: undefined } }, []);
  expect(way).toMatchObject({ call: ["127.0.0.1"], doubt: "its SSH server does not tell ours" });
});

test("the way to this very machine begins at its loopback address; names have none", async () => {
  expect(await addressTowards("127.0.0.1")).toBe("127.0.0.1");
  expect(await addressTowards("localhost")).toBeUndefined();
});
