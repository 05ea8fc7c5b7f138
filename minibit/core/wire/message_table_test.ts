import { expect, test } from "bun:test";
import fc from "fast-check";
import { ProtocolError } from "../base/errors.ts";
import { MANIFEST_SLICE_BYTES, MAX_BLOCKS, MAX_PEER_HOSTS, MAX_UNIT_BYTES } from "../base/limits.ts";
import { Bitfield } from "../share/bitfield.ts";
import { ACTIVITIES } from "./activity.ts";
import { FRAME_HEADER_BYTES, u8, u32 } from "./codec.ts";
import { type MessageOf, type MessageTable, Wire } from "./message_table.ts";
import { PEER_MESSAGES, type PeerMessages, peerWire, REJECT_REASONS } from "./peer_wire.ts";
import { TRACKER_ERRORS, type TrackerMessages, trackerWire } from "./tracker_wire.ts";

/** One arbitrary a field: a new row, or a new field of one, does not compile until it has its own. */
type Arbitraries<T extends MessageTable> = {
  readonly [N in keyof T]: {
    readonly [F in keyof T[N]["fields"]]: fc.Arbitrary<F extends keyof MessageOf<T, N> ? MessageOf<T, N>[F] : never>;
  };
};

const byte = fc.integer({ min: 0, max: 0xff });
const word = fc.integer({ min: 0, max: 0xffff });
const long = fc.integer({ min: 0, max: 0xffffffff });
const size = fc.maxSafeNat();
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const name = fc.string({ unit: "grapheme", maxLength: 12 });
const hints = fc.array(long, { maxLength: 64 });
const rising = fc
  .uniqueArray(fc.integer({ min: 0, max: MAX_BLOCKS - 1 }), { maxLength: 50 })
  .map((blocks) => blocks.sort((a, b) => a - b));
const bitfield = fc.array(fc.boolean(), { maxLength: 40 }).map((bits) => {
  const field = new Bitfield(bits.length);
  for (const [block, held] of bits.entries()) {
    if (held) {
      field.add(block);
    }
  }
  return field;
});
const share = fc.record({ name, sizeBytes: size, blockSizeBytes: long, blockCount: long });
const unit = { block: long, offset: long, length: long };

const PEER_ARBITRARIES: Arbitraries<PeerMessages> = {
  HELLO: { version: byte, swarmId: hash, peerId: long },
  GET_MANIFEST: { offset: long },
  MANIFEST: { offset: long, totalBytes: long, data: fc.uint8Array({ maxLength: 99 }) },
  GET_BLOCKS: {},
  BLOCKS: { blocks: bitfield },
  HAVE: { block: long },
  HAS: { block: long, held: fc.boolean() },
  UPDATE_BLOCKS: { blocks: rising },
  INTERESTED: {},
  NOT_INTERESTED: {},
  CHOKE: {},
  UNCHOKE: {},
  SUGGEST: { blocks: hints },
  ALLOW: { blocks: hints },
  REQUEST: unit,
  BLOCK: { ...unit, length: fc.integer({ min: 0, max: MAX_UNIT_BYTES }) },
  REJECT: { ...unit, reason: fc.constantFrom(...REJECT_REASONS) },
  CANCEL: unit,
  KEEP_ALIVE: {},
  BAD_BLOCK: { block: long },
  LOST_BLOCKS: { blocks: rising },
};

const TRACKER_ARBITRARIES: Arbitraries<TrackerMessages> = {
  REGISTER: {
    ...{ version: byte, swarmId: hash, share, peerId: long, name, port: word, blocks: bitfield },
    ...{ hosts: fc.array(name, { maxLength: MAX_PEER_HOSTS - 1 }), instance: long, done: fc.boolean() },
  },
  REGISTERED: { swarmId: hash, share, expected: long },
  GET_PEERS: {},
  PEERS: {
    peers: fc.array(fc.record({ id: long, hosts: fc.array(name, { maxLength: MAX_PEER_HOSTS }), port: word }), {
      maxLength: 30,
    }),
    suggested: fc.array(long, { maxLength: 16 }),
    registered: long,
    incomplete: long,
  },
  UPDATE_BLOCKS: { blocks: rising },
  STATS: {
    downBytesPerSecond: size,
    upBytesPerSecond: size,
    downBytes: size,
    upBytes: size,
    duplicateBytes: size,
    hashFailures: long,
    unchoked: fc.array(long, { maxLength: 64 }),
    optimistic: fc.array(long, { maxLength: 1 }),
    chokedBy: word,
    neighbours: word,
    activity: fc.constantFrom(...ACTIVITIES),
    flows: fc.array(fc.record({ peer: long, bytesPerSecond: size }), { maxLength: 64 }),
    fetching: fc.array(fc.record({ block: long, peer: long }), { maxLength: 64 }),
    messages: fc.array(fc.record({ type: byte, count: long }), { maxLength: Object.keys(PEER_MESSAGES).length }),
    done: fc.boolean(),
  },
  SWARM_DONE: { incomplete: long },
  UPDATE_HOSTS: { hosts: fc.array(name, { maxLength: MAX_PEER_HOSTS - 1 }) },
  ERROR: { code: fc.constantFrom(...TRACKER_ERRORS), text: name },
  ALIVE: { incomplete: long },
};

/** Any message of a table. */
function anyMessage<T extends MessageTable>(arbitraries: Arbitraries<T>): fc.Arbitrary<MessageOf<T>> {
  const each = Object.entries(arbitraries).map(([type, fields]) => fc.record({ type: fc.constant(type), ...fields }));
  return fc.oneof(...each) as unknown as fc.Arbitrary<MessageOf<T>>;
}

/** The same message with its block sets spelled out: `toEqual` does not look into private fields. */
function plain(message: object): object {
  const spelled = Object.entries(message).map(([field, value]) => [
    field,
    value instanceof Bitfield ? { size: value.size, blocks: [...value] } : value,
  ]);
  return Object.fromEntries(spelled);
}

/** A frame's type and the part of its body that is decoded. */
function take<T extends MessageTable>(wire: Wire<T>, frame: Uint8Array) {
  const length = new DataView(frame.buffer, frame.byteOffset).getUint32(0);
  const code = frame[4] ?? 0;
  const body = frame.subarray(FRAME_HEADER_BYTES);
  expect(wire.rowOf(code, length).fieldBytes ?? length - 1).toBe(body.length);
  return { code, body, bodyLength: length - 1 };
}

/** What `decode` makes of hostile bytes: a message, or undefined when it refused them properly. */
function tryDecode<T extends MessageTable>(
  wire: Wire<T>,
  frame: { code: number; body: Uint8Array; bodyLength: number },
) {
  try {
    return wire.decode(frame.code, frame.body, frame.bodyLength);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return undefined;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The promises every protocol keeps. */
function checkWire<T extends MessageTable>(label: string, wire: Wire<T>, arbitraries: Arbitraries<T>): void {
  const message = anyMessage(arbitraries);
  const codes = Object.values(wire.table).map((row) => row.code);

  test(`${label}: every message survives the round trip`, () => {
    fc.assert(
      fc.property(message, (sent) => {
        const { code, body, bodyLength } = take(wire, wire.encode(sent));
        expect(plain(wire.decode(code, body, bodyLength))).toEqual(plain(sent));
      }),
      { numRuns: 500 },
    );
  });

  test(`${label}: a message outlives the buffer it was decoded from, as a socket hands one over`, () => {
    fc.assert(
      fc.property(message, fc.nat({ max: 2000 }), (sent, before) => {
        const { code, body, bodyLength } = take(wire, wire.encode(sent));
        const received = Buffer.from(new ArrayBuffer(before + body.length));
        received.set(body, before);
        const kept = wire.decode(code, received.subarray(before), bodyLength);
        received.fill(0xa5);
        expect(plain(kept)).toEqual(plain(sent));
        received.buffer.transfer(0);
        expect(plain(kept)).toEqual(plain(sent));
        expect(wire.encode(kept)).toEqual(wire.encode(sent));
      }),
      { numRuns: 500 },
    );
  });

  test(`${label}: a message cut short or with trailing bytes is refused`, () => {
    fc.assert(
      fc.property(message, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (sent, where) => {
        const frame = take(wire, wire.encode(sent));
        const longer = { ...frame, body: Buffer.concat([frame.body, Buffer.of(0)]), bodyLength: frame.bodyLength + 1 };
        const shorter = { ...frame, body: frame.body.subarray(0, Math.floor(where * frame.body.length)) };
        expect(tryDecode(wire, longer)).toBeUndefined();
        if (shorter.body.length < frame.body.length) {
          expect(tryDecode(wire, shorter)).toBeUndefined();
          expect(tryDecode(wire, { ...shorter, bodyLength: shorter.body.length })).toBeUndefined();
        }
      }),
      { numRuns: 500 },
    );
  });

  test(`${label}: random bytes are refused or are a message like any other`, () => {
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.uint8Array({ maxLength: 120 }), (code, body) => {
        const found = tryDecode(wire, { code, body, bodyLength: body.length });
        if (found !== undefined) {
          const again = take(wire, wire.encode(found));
          expect(plain(wire.decode(again.code, again.body, again.bodyLength))).toEqual(plain(found));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test(`${label}: damaged messages are refused or are a message like any other`, () => {
    fc.assert(
      fc.property(message, fc.nat(), byte, (sent, where, value) => {
        const frame = take(wire, wire.encode(sent));
        const body = Uint8Array.from(frame.body);
        body[where % Math.max(1, body.length)] = value;
        const found = tryDecode(wire, { ...frame, body });
        expect(found === undefined || found.type === sent.type).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test(`${label}: a length above the type's cap is refused from the header alone`, () => {
    for (const row of Object.values(wire.table)) {
      expect(wire.rowOf(row.code, row.maxBytes + 1).row).toBe(row);
      expect(() => wire.rowOf(row.code, row.maxBytes + 2)).toThrow(ProtocolError);
      expect(() => wire.rowOf(row.code, 0xffffffff)).toThrow(ProtocolError);
      expect(() => wire.rowOf(row.code, 0)).toThrow(ProtocolError);
    }
  });

  test(`${label}: types that are not in the table are refused`, () => {
    for (let code = 0; code <= 0xff; code++) {
      if (!codes.includes(code)) {
        expect(() => wire.rowOf(code, 1)).toThrow(`unknown type ${code}`);
      }
    }
  });
}

checkWire("peers", peerWire, PEER_ARBITRARIES);
checkWire("tracker", trackerWire, TRACKER_ARBITRARIES);

test("the largest message of each kind fits under its cap", () => {
  const full = new Bitfield(MAX_BLOCKS);
  full.add(0);
  const data = new Uint8Array(MANIFEST_SLICE_BYTES);
  const longName = "x".repeat(300);
  const biggest = { name: longName, sizeBytes: Number.MAX_SAFE_INTEGER, blockSizeBytes: 1, blockCount: MAX_BLOCKS };
  const peers = Array.from({ length: 30 }, (_, id) => ({
    ...{ id, port: 1 },
    hosts: Array.from({ length: MAX_PEER_HOSTS }, () => longName),
  }));
  const swarmId = new Uint8Array(32);
  for (const frame of [
    peerWire.encode({ type: "BLOCKS", blocks: full }),
    peerWire.encode({ type: "MANIFEST", offset: 0, totalBytes: 1, data }),
    peerWire.encode({ type: "BLOCK", block: 0, offset: 0, length: MAX_UNIT_BYTES }),
    trackerWire.encode({ type: "PEERS", peers, suggested: [], registered: 30, incomplete: 30 }),
    trackerWire.encode({
      type: "REGISTER",
      version: 1,
      swarmId,
      share: biggest,
      peerId: 1,
      name: longName,
      hosts: Array.from({ length: MAX_PEER_HOSTS - 1 }, () => longName),
      port: 1,
      instance: 1,
      done: false,
      blocks: full,
    }),
  ]) {
    expect(frame.length).toBeGreaterThan(FRAME_HEADER_BYTES);
  }
});

test("a payload is counted in the frame but not decoded", () => {
  const frame = peerWire.encode({ type: "BLOCK", block: 7, offset: 1024, length: 3 });
  expect(hex(frame)).toBe("00000010" + "10" + "00000007" + "00000400" + "00000003");
  const fields = frame.subarray(FRAME_HEADER_BYTES);
  expect(peerWire.decode(16, fields, 15)).toEqual({ type: "BLOCK", block: 7, offset: 1024, length: 3 });
  expect(() => peerWire.decode(16, fields, 14)).toThrow("2 bytes follow its fields, expected 3");
});

test("the bytes on the wire stay what they are", () => {
  const swarmId = Uint8Array.from({ length: 32 }, (_, i) => i);
  const swarmHex = hex(swarmId);
  const share = { name: "olá", sizeBytes: 2 ** 33 + 5, blockSizeBytes: 4096, blockCount: 10 };
  const shareHex = "0004" + "6f6cc3a1" + "0000000200000005" + "00001000" + "0000000a";
  const blocks = new Bitfield(10);
  blocks.add(0);
  blocks.add(9);

  const peerFrames: [Parameters<typeof peerWire.encode>[0], string][] = [
    [{ type: "HELLO", version: 1, swarmId, peerId: 258 }, `00000026 01 01 ${swarmHex} 00000102`],
    [{ type: "BLOCKS", blocks }, "00000008 05 02 0000000a 8040"],
    [{ type: "BLOCKS", blocks: Bitfield.full(10) }, "00000006 05 01 0000000a"],
    [{ type: "UPDATE_BLOCKS", blocks: [1, 2, 3, 9] }, "00000013 08 0002 00000001 00000003 00000009 00000001"],
    [{ type: "SUGGEST", blocks: [5] }, "00000007 0d 0001 00000005"],
    [{ type: "REQUEST", block: 1, offset: 2, length: 3 }, "0000000d 0f 00000001 00000002 00000003"],
    [
      { type: "REJECT", block: 1, offset: 2, length: 3, reason: "not held" },
      "0000000e 11 00000001 00000002 00000003 01",
    ],
    [{ type: "KEEP_ALIVE" }, "00000001 13"],
  ];
  for (const [message, golden] of peerFrames) {
    expect(hex(peerWire.encode(message))).toBe(golden.replaceAll(" ", ""));
  }

  const register = {
    type: "REGISTER",
    version: 1,
    swarmId,
    share,
    peerId: 3,
    name: "p",
    hosts: ["::1"],
    port: 6003,
    instance: 0xabcd,
    done: true,
  } as const;
  const trackerFrames: [Parameters<typeof trackerWire.encode>[0], string][] = [
    [
      { ...register, blocks },
      `00000054 01 01 ${swarmHex} ${shareHex} 00000003 0001 70 0001 0003 3a3a31 1773 02 0000000a 8040 0000abcd 01`,
    ],
    [{ type: "REGISTERED", swarmId, share, expected: 5 }, `0000003b 02 ${swarmHex} ${shareHex} 00000005`],
    [
      { type: "PEERS", peers: [{ id: 1, hosts: ["a", "b"], port: 2 }], suggested: [4], registered: 2, incomplete: 1 },
      "0000001f 04 0001 00000001 0002 0001 61 0001 62 0002 0001 00000004 00000002 00000001",
    ],
    [{ type: "SWARM_DONE", incomplete: 3 }, "00000005 07 00000003"],
    [{ type: "UPDATE_HOSTS", hosts: ["::1"] }, "00000008 0a 0001 0003 3a3a31"],
    [{ type: "ERROR", code: "which swarm", text: "?" }, "00000005 08 02 0001 3f"],
    [{ type: "ALIVE", incomplete: 2 }, "00000005 09 00000002"],
  ];
  for (const [message, golden] of trackerFrames) {
    expect(hex(trackerWire.encode(message))).toBe(golden.replaceAll(" ", ""));
  }
});

test("a type byte used twice is our bug", () => {
  const row = { code: 1, fields: { value: u8 }, maxBytes: 10, doc: "" };
  expect(() => new Wire({ A: row, B: { ...row, fields: { value: u32 } } })).toThrow("code 1 used twice");
});
