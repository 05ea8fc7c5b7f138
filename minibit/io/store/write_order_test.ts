import { expect, test } from "bun:test";
import { WriteOrder } from "./write_order.ts";

/** A disk whose writes land when told to. */
function createDisk() {
  const order = new WriteOrder();
  const log: string[] = [];
  const landings = new Map<string, (error?: Error) => void>();
  const write = (block: number, offset: number, name: string): Promise<void> | undefined =>
    order.add(block, { offset, bytes: new Uint8Array(0) }, () => {
      log.push(`begin ${name}`);
      return new Promise((resolve, reject) => {
        landings.set(name, (error) => {
          log.push(`end ${name}`);
          error === undefined ? resolve() : reject(error);
        });
      });
    });
  const land = async (name: string, error?: Error): Promise<void> => {
    landings.get(name)?.(error);
    await turn();
  };
  return { order, log, write, land };
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test("writes of one attempt, and of several blocks, run side by side", async () => {
  const { order, log, write, land } = createDisk();
  const writes = [write(1, 0, "a"), write(1, 10, "b"), write(2, 0, "c")];
  expect(log).toEqual(["begin a", "begin b", "begin c"]);
  await land("b");
  await land("a");
  await land("c");
  await Promise.all(writes);
  await order.finish(1);
  await order.finish(2);
  await order.idle();
});

test("a block begun anew waits for the writes of the attempt before", async () => {
  const { order, log, write, land } = createDisk();
  const first = write(1, 0, "old");
  const second = [write(1, 0, "new"), write(1, 10, "newer")];
  await turn();
  expect(log).toEqual(["begin old"]);
  await land("old");
  expect(log).toEqual(["begin old", "end old", "begin new", "begin newer"]);
  await land("new");
  await land("newer");
  await Promise.all([first, ...second]);
  await order.finish(1);
});

test("what is written at once leaves nothing to wait for, and the next attempt is free", async () => {
  const order = new WriteOrder();
  const bytes = new Uint8Array(1);
  const log: string[] = [];
  const write = (name: string) => () => void log.push(name);
  expect(order.add(1, { offset: 0, bytes }, write("a"))).toBeUndefined();
  expect(order.add(1, { offset: 1, bytes }, write("b"))).toBeUndefined();
  expect(order.add(1, { offset: 0, bytes }, write("anew"))).toBeUndefined();
  expect(log).toEqual(["a", "b", "anew"]);
  await order.finish(1);
});

test.each([
  ["a Uint8Array", new Uint8Array([1, 2, 3])],
  ["a Buffer, whose slices are views", Buffer.of(1, 2, 3)],
])("what has to wait is written from a copy, also of %s: the bytes may change after the call", async (_, bytes) => {
  const order = new WriteOrder();
  const { promise: first, resolve: land } = Promise.withResolvers<void>();
  const written: number[] = [];
  const write = async (part: Uint8Array): Promise<void> => void written.push(...part);
  const writes = [order.add(1, { offset: 0, bytes }, () => first), order.add(1, { offset: 0, bytes }, write)];
  bytes.fill(9);
  land();
  await Promise.all(writes);
  expect(written).toEqual([1, 2, 3]);
  await order.finish(1);
});

test("abandon() cleans up after the last write, and before the next attempt's first", async () => {
  const { order, log, write, land } = createDisk();
  const old = write(1, 0, "old");
  const abandoned = order.abandon(1, () => log.push("clean"));
  const anew = write(1, 0, "new");
  await turn();
  expect(log).toEqual(["begin old"]);
  await land("old");
  await Promise.all([old, abandoned]);
  expect(log).toEqual(["begin old", "end old", "clean", "begin new"]);
  await land("new");
  await anew;
  await order.finish(1);
});

test("finish() waits for all writes and throws what one of them threw; the next attempt is free of it", async () => {
  const { order, write, land } = createDisk();
  const failed = write(1, 0, "a");
  const fine = write(1, 10, "b");
  const finished = order.finish(1);
  const outcomes = Promise.allSettled([failed, fine, finished]);
  await land("b");
  await land("a", new Error("disk full"));
  expect((await outcomes).map((outcome) => outcome.status)).toEqual(["rejected", "fulfilled", "rejected"]);
  await order.abandon(1, () => {});
  const again = write(1, 0, "c");
  await land("c");
  await again;
  await order.finish(1);
});

test("finish() and abandon() of a block never written do nothing but clean up", async () => {
  const { order, log } = createDisk();
  await order.finish(7);
  await order.abandon(7, () => log.push("clean"));
  expect(log).toEqual(["clean"]);
});
