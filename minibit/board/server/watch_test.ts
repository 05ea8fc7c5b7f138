import { expect, test } from "bun:test";
import type { BoardEvent, BoardStats } from "../model/board_event.ts";
import { BoardModel } from "../model/board_model.ts";
import { NO_BOARD_STATS } from "../model/swarm_model.ts";
import { tableOf, Watch } from "./watch.ts";

const SIZE = { rows: 30, columns: 100 };

function modelOf(...events: BoardEvent[]): BoardModel {
  const model = new BoardModel();
  const share = { name: "film\x1b[2J", sizeBytes: 4096, blockSizeBytes: 1024, blockCount: 4 };
  for (const event of [{ type: "swarm", swarm: "s", share, expected: 9 } as const, ...events]) {
    model.apply({ t: 0, event });
  }
  return model;
}

function joins(id: number, blocks: readonly number[], name = `peer ${id}`): BoardEvent {
  return { type: "peer", swarm: "s", peer: { id, name, host: "::1", port: 1, seed: blocks[1] === 4 }, blocks };
}

function tells(peer: number, stats: Partial<BoardStats>): BoardEvent {
  return { type: "stats", swarm: "s", peer, stats: { ...NO_BOARD_STATS, ...stats } };
}

test("each peer is told with percent, rates and state in words", () => {
  const model = modelOf(
    ...[joins(0, [0, 4]), joins(1, [0, 1]), joins(2, []), joins(3, []), joins(4, []), joins(5, []), joins(6, [])],
    tells(1, { activity: "fetching", flows: [[0, 5]], downBytesPerSecond: 2048, neighbours: 3 }),
    tells(2, { activity: "choked", chokedBy: 3, neighbours: 3, hashFailures: 1 }),
    tells(3, { activity: "nothing to ask", neighbours: 1 }),
    tells(4, { activity: "disk" }),
    tells(5, { activity: "download limit" }),
    { type: "departed", swarm: "s", peer: 6, how: "gone" },
  );
  expect(tableOf(model, SIZE)).toEqual(
    [
      "film\\u001b[2J: 4.00 KiB in 4 blocks, 6 peers here, 0 of 8 receivers complete, 2.00 KiB/s, 1 to 2 copies of each block",
      "peer    has     receives    sends  state",
      "peer 0  100.0%  0 B/s       0 B/s  seed",
      "peer 1  25.0%   2.00 KiB/s  0 B/s  fetching from 1 peer",
      "peer 2  0.0%    0 B/s       0 B/s  choked by all 3 neighbours; 1 block with a wrong hash",
      "peer 3  0.0%    0 B/s       0 B/s  nothing it needs nearby",
      "peer 4  0.0%    0 B/s       0 B/s  waits for its disk",
      "peer 5  0.0%    0 B/s       0 B/s  at its download limit",
      "peer 6  0.0%    0 B/s       0 B/s  gone: silent since 0:00",
      "",
    ].map((line) => (line.length > SIZE.columns ? `${line.slice(0, SIZE.columns - 1)}…` : line)),
  );
});

test("the table never leaves the terminal", () => {
  const model = modelOf(...Array.from({ length: 50 }, (_, id) => joins(id, [], "x".repeat(200))));
  const lines = tableOf(model, { rows: 10, columns: 30 });
  expect(lines).toHaveLength(10);
  expect(lines.at(-1)).toBe("... and 44 lines more");
  expect(Math.max(...lines.map((line) => line.length))).toBe(30);
});

test("on a terminal it is drawn in place and the cursor comes back; piped, only news is written", () => {
  const model = modelOf(joins(0, [0, 4]));
  const terminal: string[] = [];
  const watch = new Watch(model, { isTTY: true, rows: 20, columns: 80, write: (text) => terminal.push(text) });
  watch.draw();
  watch.draw();
  watch.log("a line of the log\n");
  watch.stop();
  expect(terminal[0]).toBe("\x1b[?25l");
  expect(terminal[1]).not.toContain("\x1b[4A");
  expect(terminal[2]).toStartWith("\x1b[4A\r\x1b[J");
  expect(terminal[3]).toBe("\x1b[4A\r\x1b[Ja line of the log\n");
  expect(terminal[4]).not.toContain("\x1b[4A");
  expect(terminal.at(-1)).toBe("\x1b[?25h");

  const piped: string[] = [];
  const lines = new Watch(model, { write: (text) => piped.push(text) });
  lines.draw();
  lines.draw();
  model.apply({ t: 9, event: joins(1, []) });
  lines.stop();
  expect(piped.map((text) => /(\d+) peers? here/.exec(text)?.[1])).toEqual(["1", "2"]);
});
