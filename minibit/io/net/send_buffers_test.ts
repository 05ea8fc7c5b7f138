import { expect, test } from "bun:test";
import fc from "fast-check";
import { SendBuffers } from "./send_buffers.ts";

test("a buffer that was given back is used again, the smallest that is large enough", () => {
  const buffers = new SendBuffers(1 << 20);
  const large = buffers.take(300_000);
  const small = buffers.take(20_000);
  buffers.give(large);
  buffers.give(small);
  expect(buffers.take(20_000)).toBe(small);
  expect(buffers.take(20_000)).toBe(large);
});

test("nobody is given a buffer that is too small or in use, and no more wait than may", () => {
  const maxIdleBytes = 200_000;
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constant("give" as const)));
  fc.assert(
    fc.property(steps, (all) => {
      const buffers = new SendBuffers(maxIdleBytes);
      const inUse: Uint8Array[] = [];
      for (const step of all) {
        if (step === "give") {
          const buffer = inUse.shift();
          if (buffer !== undefined) {
            buffers.give(buffer);
          }
        } else {
          const buffer = buffers.take(step);
          expect(buffer.length).toBeGreaterThanOrEqual(step);
          expect(inUse).not.toContain(buffer);
          inUse.push(buffer);
        }
        expect(buffers.idleBytes).toBeLessThanOrEqual(maxIdleBytes);
      }
    }),
  );
});
