import { expect, test } from "bun:test";
import { unsentBytes } from "./uplink_meter.ts";

test.skipIf(process.platform !== "linux")(
  "what the kernel has taken and nobody has read yet is on its way",
  async () => {
    const reading = Promise.withResolvers<Bun.Socket>();
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: () => undefined,
        open(socket) {
          socket.pause();
          reading.resolve(socket);
        },
      },
    });
    const caller = await Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket: { data: () => undefined } });
    try {
      const reader = await reading.promise;
      expect(await unsentBytes([caller])).toBe(0);
      const bytes = new Uint8Array(1024 ** 2);
      while (caller.write(bytes) === bytes.length) {
        // until the kernel takes no more
      }
      expect(await unsentBytes([caller])).toBeGreaterThan(0);
      expect(await unsentBytes([])).toBe(0);
      reader.resume();
      while ((await unsentBytes([caller])) !== 0) {
        // until all of it is confirmed
      }
    } finally {
      caller.terminate();
      listener.stop(true);
    }
  },
);
