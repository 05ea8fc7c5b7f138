import { afterEach, expect, test } from "bun:test";
import { Listeners } from "./listeners.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) {
    await cleanup();
  }
});

function start(hostname: string, port: number) {
  return Bun.listen({ hostname, port, socket: { data: () => {} } });
}

function listeners(startOne: typeof start = start): Listeners {
  const made = new Listeners(startOne, { flag: "--port" });
  cleanups.push(() => made.stop(true));
  return made;
}

async function answers(hostname: string, port: number): Promise<boolean> {
  try {
    (await Bun.connect({ hostname, port, socket: { data: () => {} } })).terminate();
    return true;
  } catch {
    return false;
  }
}

test("several addresses are listened on at one port, and no others", async () => {
  const made = listeners();
  made.open(["127.0.0.1", "127.0.0.2", "127.0.0.1"], 0);
  made.add("127.0.0.3");
  made.add("127.0.0.3");
  expect(made.hosts).toEqual(["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
  const found = await Promise.all([1, 2, 3, 4].map((i) => answers(`127.0.0.${i}`, made.port)));
  expect(found).toEqual([true, true, true, false]);
  await made.stop(true);
  expect(await answers("127.0.0.1", made.port)).toBe(false);
});

test("a free port that is in use at the next address is given up for another", () => {
  let taken: ReturnType<typeof start> | undefined;
  const made = listeners((host, port) => {
    const listener = start(host, port);
    if (taken === undefined) {
      taken = start("127.0.0.2", listener.port); // somebody is quicker
      cleanups.push(() => taken?.stop(true));
    }
    return listener;
  });
  made.open(["127.0.0.1", "127.0.0.2"], 0);
  expect(made.hosts).toEqual(["127.0.0.1", "127.0.0.2"]);
  expect(made.port).not.toBe(taken?.port);
});

test("a port that was asked for and is in use is told, and nothing is left open", async () => {
  const taken = start("127.0.0.2", 0);
  cleanups.push(() => taken.stop(true));
  const made = listeners();
  expect(() => made.open(["127.0.0.1", "127.0.0.2"], taken.port)).toThrow(
    `Cannot listen on 127.0.0.2:${taken.port}: the port is in use (try --port)`,
  );
  expect(made.hosts).toEqual([]);
  expect(await answers("127.0.0.1", taken.port)).toBe(false);
});
