import { expect, test } from "bun:test";
import { closeAfter } from "./close_after.ts";

function fails(text: string): () => Promise<never> {
  return () => Promise.reject(new Error(text));
}

test("closeAfter() returns what the work returned, once all is closed", async () => {
  const done: string[] = [];
  const close = async (): Promise<void> => {
    done.push("closed");
  };
  expect(await closeAfter(async () => done.push("worked"), { close, onSecond: () => undefined })).toBe(1);
  expect(done).toEqual(["worked", "closed"]);
});

test("closeAfter() tells the first error, and the one of closing beside it", async () => {
  const second: unknown[] = [];
  const both = closeAfter(fails("first"), { close: fails("second"), onSecond: (error) => second.push(error) });
  await expect(both).rejects.toThrow("first");
  expect(String(second)).toContain("second");
  const closing = closeAfter(() => Promise.resolve(1), { close: fails("second"), onSecond: () => undefined });
  await expect(closing).rejects.toThrow("second");
});
