import { expect, test } from "bun:test";
import fc from "fast-check";
import { ProtocolError } from "../../core/base/errors.ts";
import { MAX_UNIT_BYTES } from "../../core/base/limits.ts";
import { type PeerMessage, type PeerMessages, peerWire } from "../../core/wire/peer_wire.ts";
import { FrameReader, type FrameSink } from "./frame_reader.ts";

/** What a reader told, payloads put together again. */
interface Story {
  readonly messages: PeerMessage[];
  readonly payloads: Buffer[];
}

/** A reader and what it tells; `wanted` judges payloads. */
function listen(overrides: Partial<FrameSink<PeerMessages>> = {}) {
  const story: Story = { messages: [], payloads: [] };
  const reader = new FrameReader(peerWire, {
    onMessage: (message) => story.messages.push(message),
    onPayloadStart: (message) => {
      story.messages.push(message);
      story.payloads.push(Buffer.of());
      return true;
    },
    onPayload: (_message, slice, last) => {
      const all = Buffer.concat([story.payloads.pop() ?? Buffer.of(), slice]);
      story.payloads.push(all);
      expect(last).toBe(all.length === (story.messages.at(-1) as PeerMessage<"BLOCK">).length);
    },
    ...overrides,
  });
  return { reader, story };
}

function block(payload: Uint8Array): Buffer {
  return Buffer.concat([peerWire.encode({ type: "BLOCK", block: 1, offset: 2, length: payload.length }), payload]);
}

/** Three messages with every kind of seam between them: fields, no body at all, a payload. */
const SAMPLE_MESSAGES: PeerMessage[] = [
  { type: "HAVE", block: 77 },
  { type: "UNCHOKE" },
  { type: "BLOCK", block: 1, offset: 2, length: 9 },
  { type: "BLOCK", block: 1, offset: 2, length: 0 },
  { type: "UPDATE_BLOCKS", blocks: [1, 2, 3, 9] },
  { type: "CHOKE" },
];
const SAMPLE_PAYLOAD = Buffer.from("nine byte");
const SAMPLE = Buffer.concat(
  SAMPLE_MESSAGES.map((message) =>
    message.type === "BLOCK" ? block(SAMPLE_PAYLOAD.subarray(0, message.length)) : peerWire.encode(message),
  ),
);

function expectSample(story: Story): void {
  expect(story.messages).toEqual(SAMPLE_MESSAGES);
  expect(story.payloads).toEqual([SAMPLE_PAYLOAD, Buffer.of()]);
}

test("a stream split in two at every byte is read the same", () => {
  for (let at = 0; at <= SAMPLE.length; at++) {
    const { reader, story } = listen();
    reader.feed(SAMPLE.subarray(0, at));
    reader.feed(SAMPLE.subarray(at));
    expectSample(story);
  }
});

test("a stream cut anyhow is read the same, one byte at a time too", () => {
  const { reader, story } = listen();
  for (const byte of SAMPLE) {
    reader.feed(Buffer.of(byte));
  }
  expectSample(story);

  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: SAMPLE.length })), (places) => {
      const cuts = [0, ...places.sort((a, b) => a - b), SAMPLE.length];
      const found = listen();
      for (const [i, cut] of cuts.entries()) {
        found.reader.feed(SAMPLE.subarray(cut, cuts[i + 1] ?? cut));
      }
      expectSample(found.story);
    }),
  );
});

test("payload slices are parts of the chunk, not copies", () => {
  const chunk = block(Buffer.from("payload"));
  const slices: Uint8Array[] = [];
  const { reader } = listen({ onPayload: (_message, slice) => slices.push(slice) });
  reader.feed(chunk);
  expect(slices).toHaveLength(1);
  expect(slices[0]?.buffer).toBe(chunk.buffer);
});

test("a payload nobody wants is skipped, the next message is read", () => {
  const { reader, story } = listen({
    onPayloadStart: () => false,
    onPayload: () => {
      throw new Error("not wanted");
    },
  });
  const stream = Buffer.concat([block(new Uint8Array(50)), peerWire.encode({ type: "CHOKE" })]);
  reader.feed(stream.subarray(0, 30));
  expect(reader.payload).toBeUndefined();
  reader.feed(stream.subarray(30));
  expect(story.messages).toEqual([{ type: "CHOKE" }]);
});

test("a payload that was cut off tells how much of it was handed on", () => {
  const { reader } = listen();
  expect(reader.payload).toBeUndefined();
  const frame = block(new Uint8Array(100));
  reader.feed(frame.subarray(0, frame.length - 60));
  expect(reader.payload).toEqual({
    message: { type: "BLOCK", block: 1, offset: 2, length: 100 },
    handedBytes: 40,
  });
  reader.feed(frame.subarray(frame.length - 60));
  expect(reader.payload).toBeUndefined();
});

test("a reader that is stopped leaves the rest of the chunk alone", () => {
  const { reader, story } = listen({
    onMessage: (message) => {
      story.messages.push(message);
      reader.stop();
    },
  });
  reader.feed(SAMPLE);
  expect(story.messages).toEqual(SAMPLE_MESSAGES.slice(0, 1));
});

test("a frame that must not be is refused from its header, before its body comes", () => {
  for (const header of [
    "ffffffff10", // longer than any unit
    "0000040201", // a HELLO longer than a HELLO can be
    "00000001ee", // a type nobody knows
    "0000000001", // too short for its own type byte
    "474554202f", // HTTP
  ]) {
    const { reader, story } = listen();
    expect(() => reader.feed(Buffer.from(header, "hex"))).toThrow(ProtocolError);
    expect(story.messages).toEqual([]);
  }
});

test("a payload that is not as long as its frame says is refused", () => {
  for (const claimed of [0, 6, 8, MAX_UNIT_BYTES]) {
    const frame = block(new Uint8Array(7));
    frame.writeUInt32BE(claimed, 13);
    const { reader } = listen();
    expect(() => reader.feed(frame)).toThrow(ProtocolError);
  }
  const short = Buffer.from("0000000510" + "00000001", "hex");
  expect(() => listen().reader.feed(short)).toThrow(ProtocolError);
});

test("random bytes never do anything but make messages or a ProtocolError", () => {
  const opening = fc.constantFrom(SAMPLE, Buffer.of(), Buffer.of(0, 0, 0), Buffer.of(0, 0, 0, 20, 16));
  fc.assert(
    fc.property(opening, fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (first, chunks) => {
      const { reader } = listen({ onPayload: () => {} });
      try {
        reader.feed(first);
        for (const chunk of chunks) {
          reader.feed(chunk);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
    { numRuns: 1000 },
  );
});
