import { expect, test } from "bun:test";
import fc from "fast-check";
import { type PeerMessage, peerWire } from "../../core/wire/peer_wire.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";

/** A writer onto a kernel that takes `room` bytes, and what it took. */
function onto(kernel: { room: number }) {
  const taken: Buffer[] = [];
  let calls = 0;
  const writer = new FrameWriter(peerWire, (bytes) => {
    calls++;
    const part = Buffer.from(bytes.subarray(0, Math.max(0, kernel.room)));
    taken.push(part);
    kernel.room -= part.length;
    return part.length;
  });
  return { writer, calls: () => calls, messages: () => parse(Buffer.concat(taken)) };
}

/** The messages in a stream, each payload as text behind its message. */
function parse(stream: Buffer): (PeerMessage | string)[] {
  const found: (PeerMessage | string)[] = [];
  const reader = new FrameReader(peerWire, {
    onMessage: (message) => found.push(message),
    onPayloadStart: (message) => found.push(message) > 0,
    onPayload: (_message, slice) => found.push(Buffer.from(slice).toString()),
  });
  reader.feed(stream);
  return found;
}

function blockOf(text: string): PeerMessage<"BLOCK"> {
  return { type: "BLOCK", block: 1, offset: 0, length: text.length };
}

function filledWith(text: string): (into: Uint8Array) => void {
  return (into) => {
    expect(into.length).toBe(text.length);
    into.set(Buffer.from(text));
  };
}

test("control frames queued together leave in one write", () => {
  const { writer, calls, messages } = onto({ room: 1000 });
  writer.add({ type: "CHOKE" });
  writer.add({ type: "HAVE", block: 3 });
  expect(writer.controlBytes).toBe(14);
  expect(writer.flush()).toBeUndefined();
  expect(calls()).toBe(1);
  expect(writer.controlBytes).toBe(0);
  expect(writer.empty).toBe(true);
  expect(messages()).toEqual([{ type: "CHOKE" }, { type: "HAVE", block: 3 }]);
});

test("everything leaves in the order it was queued, whatever the kernel takes at a time", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 40 }), (rooms) => {
      const kernel = { room: 0 };
      const { writer, messages } = onto(kernel);
      let sent = 0;
      const payloads = ["first payload", "the second"];
      const queueNext = () => {
        const text = payloads.shift();
        if (text !== undefined) {
          writer.addPayload(blockOf(text), filledWith(text));
          writer.add({ type: "HAVE", block: payloads.length });
        }
      };
      writer.add({ type: "UNCHOKE" });
      queueNext();
      for (const room of [...rooms, 1000, 1000, 1000]) {
        kernel.room = room;
        if (writer.flush() !== undefined) {
          sent++;
          queueNext();
        }
      }
      expect(sent).toBe(2);
      expect(writer.empty).toBe(true);
      expect(messages()).toEqual([
        { type: "UNCHOKE" },
        blockOf("first payload"),
        "first payload",
        { type: "HAVE", block: 1 },
        blockOf("the second"),
        "the second",
        { type: "HAVE", block: 0 },
      ]);
    }),
  );
});

test("a payload is in flight until the kernel has its last byte; another one before that is our bug", () => {
  const kernel = { room: 20 };
  const { writer } = onto(kernel);
  writer.addPayload(blockOf("payload"), filledWith("payload"));
  expect(writer.sendingPayload).toBe(true);
  expect(writer.flush()).toBeUndefined();
  expect(writer.sendingPayload).toBe(true);
  expect(() => writer.addPayload(blockOf("x"), filledWith("x"))).toThrow("one payload at a time");
  kernel.room = 20;
  expect(writer.flush()).toEqual(blockOf("payload"));
  expect(writer.sendingPayload).toBe(false);
});

test("a payload whose bytes cannot be had leaves no trace", () => {
  const { writer, messages } = onto({ room: 1000 });
  writer.add({ type: "CHOKE" });
  const failing = () => {
    throw new Error("disk gone");
  };
  expect(() => writer.addPayload(blockOf("payload"), failing)).toThrow("disk gone");
  writer.addPayload(blockOf("again"), filledWith("again"));
  expect(writer.flush()).toEqual(blockOf("again"));
  expect(messages()).toEqual([{ type: "CHOKE" }, blockOf("again"), "again"]);
});

test("a connection that is gone takes nothing", () => {
  const writer = new FrameWriter(peerWire, () => -1);
  writer.add({ type: "CHOKE" });
  expect(writer.flush()).toBeUndefined();
  expect(writer.controlBytes).toBe(5);
});
