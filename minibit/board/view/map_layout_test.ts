import { expect, test } from "bun:test";
import fc from "fast-check";
import { Bitfield } from "../../core/share/bitfield.ts";
import { NO_BOARD_STATS, type PeerModel } from "../model/swarm_model.ts";
import { blend, commonness, cssColour, packed, parseColour } from "./colours.ts";
import {
  cellAt,
  columnBlocks,
  columnOf,
  columnPixels,
  layOutMap,
  MAX_MAP_ROWS,
  type MapLayout,
  neighbourCell,
} from "./map_layout.ts";
import { paintMapRow } from "./map_row.ts";

const anyLayout = fc
  .record({
    width: fc.integer({ min: 0, max: 2000 }),
    devicePixelRatio: fc.constantFrom(0.8, 1, 1.25, 2, 3),
    peers: fc.integer({ min: 0, max: 400 }),
    blocks: fc.integer({ min: 0, max: 5000 }),
  })
  .map(layOutMap);

test("columns share out all blocks and all pixels, in order and without a hole", () => {
  fc.assert(
    fc.property(anyLayout, (layout) => {
      let [block, pixel] = [0, 0];
      for (let column = 0; column < layout.columns; column++) {
        const [first, end] = columnBlocks(layout, column);
        const [from, to] = columnPixels(layout, column);
        expect([first, from]).toEqual([block, pixel]);
        expect(end).toBeGreaterThan(first);
        expect(to).toBeGreaterThan(from);
        expect(columnOf(layout, first)).toBe(column);
        expect(columnOf(layout, end - 1)).toBe(column);
        [block, pixel] = [end, to];
      }
      expect(block).toBe(layout.columns === 0 ? 0 : layout.space.blocks);
      expect(pixel).toBe(layout.columns === 0 ? 0 : layout.cellsWidth);
    }),
    { numRuns: 30 },
  );
});

test("the middle of a cell is found in it", () => {
  fc.assert(
    fc.property(anyLayout, fc.nat(), fc.nat(), (layout, a, b) => {
      fc.pre(layout.columns > 0 && layout.rows > 0);
      const cell = { row: a % layout.rows, column: b % layout.columns };
      const [from, to] = columnPixels(layout, cell.column);
      const x = (layout.left + (from + to - 1) / 2) / layout.scale;
      const y = (layout.top + (cell.row + 0.5) * layout.rowHeight) / layout.scale;
      expect(cellAt(layout, x, y)).toEqual(cell);
      expect(cellAt(layout, x, 1)).toEqual({ row: undefined, column: cell.column });
      expect(cellAt(layout, 0, y)).toBeUndefined();
    }),
  );
});

test("arrow keys stay on the map, and the strip is above the first row", () => {
  const layout = layOutMap({ width: 1000, devicePixelRatio: 1, peers: 3, blocks: 20 });
  expect(neighbourCell(layout, { row: 0, column: 0 }, [-1, -1])).toEqual({ row: undefined, column: 0 });
  expect(neighbourCell(layout, { row: undefined, column: 5 }, [1, 1])).toEqual({ row: 0, column: 6 });
  expect(neighbourCell(layout, { row: 2, column: 19 }, [10, 10])).toEqual({ row: 2, column: 19 });
});

test("the map stays as high as a screen, however many peers there are", () => {
  for (const peers of [1, 12, 100, 10_000]) {
    const layout = layOutMap({ width: 1200, devicePixelRatio: 1, peers, blocks: 2048 });
    expect(layout.height).toBeLessThan(720);
    expect(layout.rows).toBe(Math.min(peers, MAX_MAP_ROWS));
  }
});

const COLOURS = {
  missing: parseColour("#000000"),
  inFlight: parseColour("#ff0000"),
  held: parseColour("#0000ff"),
  background: parseColour("#ffffff"),
};

function peerOf(layout: MapLayout, held: readonly number[], fetching: PeerModel["stats"]["fetching"] = []): PeerModel {
  const blocks = new Bitfield(layout.space.blocks);
  for (const block of held) {
    blocks.add(block);
  }
  return {
    ...{
      id: 1,
      name: "",
      host: "",
      port: 1,
      seed: false,
      joinedMs: 0,
      activeSinceMs: 0,
      steadyDownBytesPerSecond: 0,
      steadyChokedPart: 0,
      foundBytes: 0,
      blocks,
    },
    ...{ stats: { ...NO_BOARD_STATS, fetching }, completeMs: undefined, departure: undefined },
  };
}

function paint(layout: MapLayout, peer: PeerModel): Uint32Array {
  const pixels = new Uint32Array(layout.cellsWidth);
  paintMapRow(pixels, peer, { layout, colours: COLOURS });
  return pixels;
}

test("a row shows what is held, on its way and missing; nonsense from a peer shows nothing", () => {
  const layout = layOutMap({ width: 1000, devicePixelRatio: 1, peers: 1, blocks: 4 });
  const pixels = paint(
    layout,
    peerOf(
      layout,
      [1],
      [
        [2, 0],
        [1, 0],
        [99, 0],
        [-1, 0],
        [0.5, 0],
      ],
    ),
  );
  const colours = [0, 1, 2, 3].map((column) => pixels[columnPixels(layout, column)[0]]);
  expect(colours[1]).toBe(packed(COLOURS.held));
  expect(colours[2]).toBe(packed(COLOURS.inFlight));
  expect(colours[3]).toBe(packed(COLOURS.missing));
  expect(pixels[columnPixels(layout, 0)[1] - 1]).toBe(0);
});

test("a column of several blocks is as strong as the part that is held", () => {
  const layout = layOutMap({ width: 208, devicePixelRatio: 1, peers: 1, blocks: 152 });
  expect(layout.columns).toBe(76);
  const pixels = paint(layout, peerOf(layout, [0, 2, 3]));
  expect([pixels[0], pixels[1], pixels[2]]).toEqual([
    packed(blend(COLOURS.missing, COLOURS.held, 0.5)),
    packed(COLOURS.held),
    packed(COLOURS.missing),
  ]);
});

test("a peer that is gone is paler", () => {
  const layout = layOutMap({ width: 1000, devicePixelRatio: 1, peers: 1, blocks: 1 });
  const peer = peerOf(layout, [0]);
  peer.departure = { how: "gone", t: 1 };
  expect(paint(layout, peer)[0]).toBe(packed(blend(COLOURS.held, COLOURS.background, 0.7)));
});

test("colours are read, mixed and written", () => {
  expect(parseColour(" #D55e00 ")).toEqual([213, 94, 0]);
  expect(parseColour("url(evil)")).toEqual([0, 0, 0]);
  expect(blend([0, 0, 0], [100, 200, 50], 2)).toEqual([100, 200, 50]);
  expect(packed([1, 2, 3])).toBe(0xff030201);
  expect(cssColour([1, 2, 3], 0.5)).toBe("rgb(1 2 3 / 0.5)");
});

test("the only copy is rarest, what everybody has is most common", () => {
  expect([commonness(0, 10), commonness(1, 10), commonness(10, 10), commonness(1, 1)]).toEqual([0, 0, 1, 0]);
  expect(commonness(3, 10)).toBeGreaterThan(commonness(2, 10));
});
