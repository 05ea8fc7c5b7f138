import { expect, test } from "bun:test";
import fc from "fast-check";
import { quote } from "./quote.ts";

test("quote() leaves ordinary names alone", () => {
  expect(quote("ação 日本 👩‍🚀.txt")).toBe("'ação 日本 👩‍🚀.txt'");
});

test("quote() keeps a message on one line", () => {
  expect(quote("two\nlines")).toBe("'two\\nlines'");
  expect(quote("bell\u0007\u2028\ud800")).toBe("'bell\\u0007\\u2028\\ud800'");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      expect(quote(value)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test("quote() cuts a long value", () => {
  expect(quote("x".repeat(10_000)).length).toBe(202);
});
