/**
 * Writes `docs/protocol.md` from the two tables of messages: the document cannot differ from the code.
 *
 *     bun run protocol
 */
import { join } from "node:path";
import {
  GONE_AFTER_MS,
  IDLE_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  MAX_RUNS,
  PROTOCOL_VERSION,
  TRACKER_SILENT_MS,
} from "../minibit/core/base/limits.ts";
import type { MessageTable } from "../minibit/core/wire/message_table.ts";
import { PEER_MESSAGES } from "../minibit/core/wire/peer_wire.ts";
import { TRACKER_MESSAGES } from "../minibit/core/wire/tracker_wire.ts";

/** Where the document stands. */
export const PROTOCOL_FILE: string = join(import.meta.dir, "protocol.md");

/** The whole document, as it is to be. */
export function protocolDocument(): string {
  return `${[
    "# The protocol",
    "<!-- Written by `bun run protocol` from minibit/core/wire/peer_wire.ts and tracker_wire.ts. Change the tables there, not this file. -->",
    `Version ${PROTOCOL_VERSION}. Two protocols use the same frames over TCP: one between a peer and the tracker, one between peers.`,
    "## Frames",
    FRAMES,
    "## Types of fields",
    TYPES,
    "## Between a peer and the tracker",
    "The peer opens the connection and sends `REGISTER` first. The table stands in [`tracker_wire.ts`](../minibit/core/wire/tracker_wire.ts).",
    tableOf(TRACKER_MESSAGES),
    `A tracker answers each \`STATS\` with \`ALIVE\`. A peer that hears nothing for ${TRACKER_SILENT_MS / 1000} s calls the tracker again. A tracker that hears nothing for ${GONE_AFTER_MS / 1000} s counts the peer as gone.`,
    fieldsOf(TRACKER_MESSAGES),
    "## Between peers",
    "Both sides send `HELLO` first. After that the link is choked in both directions and nobody is interested. The table stands in [`peer_wire.ts`](../minibit/core/wire/peer_wire.ts).",
    tableOf(PEER_MESSAGES),
    PEERS,
    fieldsOf(PEER_MESSAGES),
  ].join("\n\n")}\n`;
}

const FRAMES = `| bytes | what |
|---|---|
| 4 | length of the rest of the frame, u32 |
| 1 | type of the message, u8 |
| length - 1 | body: the fields in the order of the table, with nothing between them |

Integers are unsigned and big-endian. A receiver compares the length with the bound of the type ("body at most") before it allocates anything.
A frame that is too long, of an unknown type, too short for its fields, followed by more bytes, or with a value out of range is a protocol
error: it closes that connection and nothing else.

One message carries a payload: the bytes of a unit follow the fields of \`BLOCK\` and count in the frame's length. They are streamed to
the disk as they come and are never held whole.`;

const TYPES = `| type | on the wire |
|---|---|
| u8, u16, u32, u64 | 1, 2, 4 or 8 bytes; a u64 above 2^53 - 1 is refused |
| bool | one byte, 0 or 1 |
| bytes[n] | exactly n bytes |
| bytes(n) | u32 length, at most n, and so many bytes |
| text(n) | u16 length in bytes, at most n, and UTF-8 |
| list(n) of T | u16 count, at most n, and so many T |
| { a: T; b: U } | the fields one after the other |
| 0 word, 1 word ... | one byte, the number of a word |
| runs | rising block numbers: u16 count of runs, each a u32 start and a u32 length; at most ${MAX_RUNS} numbers |
| bitfield | a set of blocks: u8 form (0 none, 1 all, 2 bits), u32 number of blocks, and for form 2 one bit a block, the first block in the highest bit; a spare bit that is set is refused |`;

const PEERS = `A \`REQUEST\` is answered by exactly one \`BLOCK\` or \`REJECT\`, also after \`CANCEL\` or \`CHOKE\`. The uploader enforces choking: a choked
peer gets only blocks that it was told of with \`ALLOW\`. While one of two peers owes the other an answer, each says something every second, \`KEEP_ALIVE\` if
nothing else, so a dead line is noticed within 5 s. An idle link sends \`KEEP_ALIVE\` every ${KEEP_ALIVE_MS / 1000} s and is dropped after ${IDLE_TIMEOUT_MS / 1000} s of silence.`;

function tableOf(table: MessageTable): string {
  const rows = Object.entries(table).map(([name, { code, fields, doc }]) => {
    const names = Object.keys(fields).join(", ");
    return `| ${code} | \`${name}\` | ${names || "-"} | ${doc} |`;
  });
  return ["| type | message | fields | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function fieldsOf(table: MessageTable): string {
  const rows = Object.entries(table).flatMap(([name, { fields, maxBytes }]) => {
    const found = Object.entries(fields);
    const bound = `${maxBytes}`;
    return found.length === 0
      ? [`| \`${name}\` | - | - | ${bound} |`]
      : found.map(([field, { layout }], at) =>
          at === 0 ? `| \`${name}\` | ${field} | ${layout} | ${bound} |` : `| | ${field} | ${layout} | |`,
        );
  });
  return ["| message | field | type | body at most, bytes |", "|---|---|---|---|", ...rows].join("\n");
}

if (import.meta.main) {
  await Bun.write(PROTOCOL_FILE, protocolDocument());
  process.stdout.write(`Wrote ${PROTOCOL_FILE}\n`);
}
