// Room board/view: what is drawn, as plain values: layouts, colours, words.
// No DOM and no canvas: whatever touches the browser belongs to page.

/** Where what stands on the block map: pure arithmetic, in pixels of the device unless a name says otherwise. */

/** More rows than this nobody can tell apart. */
export const MAX_MAP_ROWS = 300;

/** What the map has to fit in; lengths in CSS pixels. */
export interface MapSpace {
  readonly width: number;
  readonly devicePixelRatio: number;
  readonly peers: number;
  readonly blocks: number;
}

/** A laid out map. A column stands for one block, or for several when there are more blocks than pixels. */
export interface MapLayout {
  readonly space: MapSpace;
  readonly scale: number;
  readonly rows: number;
  readonly columns: number;
  readonly width: number;
  readonly height: number;
  /** Where the cells begin, and how wide they are together. */
  readonly left: number;
  readonly cellsWidth: number;
  readonly stripHeight: number;
  /** Where the first row begins. */
  readonly top: number;
  readonly rowHeight: number;
  /** Between rows and between columns; 0 when there is no room for it. */
  readonly gap: number;
  readonly columnGap: number;
  /** Every how many rows there is room for a label. */
  readonly labelEvery: number;
  /** Where columns begin, and the last one ends, in pixels and in blocks: computed once, for they are asked for a lot. */
  readonly pixelEdges: readonly number[];
  readonly blockEdges: readonly number[];
}

/** A place on the map. */
export interface MapCell {
  /** Undefined on the rarity strip. */
  readonly row: number | undefined;
  readonly column: number;
}

const WIDE = 640;
const STRIP_CSS = 44;
const STRIP_GAP_CSS = 10;
const ROWS_HEIGHT_CSS = 440;
const MAX_ROW_CSS = 26;
const MIN_ROW_CSS = 2;
/** Room a label needs, in CSS pixels. */
const LABEL_ROW_CSS = 14;

/** Lays out a map; the same space gives the same layout. */
export function layOutMap(space: MapSpace): MapLayout {
  const scale = Math.max(1, space.devicePixelRatio);
  const rows = Math.min(space.peers, MAX_MAP_ROWS);
  const rowCss = clamp(Math.floor(ROWS_HEIGHT_CSS / Math.max(1, rows)), MIN_ROW_CSS, MAX_ROW_CSS);
  const gutterCss = space.width < WIDE ? 74 : 108;
  const percentCss = space.width < WIDE ? 58 : 60;
  const width = Math.max(1, Math.floor(space.width * scale));
  const left = Math.round(gutterCss * scale);
  const cellsWidth = Math.max(1, width - left - Math.round(percentCss * scale));
  const columns = Math.min(space.blocks, cellsWidth);
  const rowHeight = Math.max(1, Math.round(rowCss * scale));
  const stripHeight = Math.round(STRIP_CSS * scale);
  const top = stripHeight + Math.round(STRIP_GAP_CSS * scale);
  return {
    ...{ space, scale, rows, columns, width, left, cellsWidth, stripHeight, top, rowHeight },
    height: top + rows * rowHeight,
    gap: rowCss >= 4 ? Math.max(1, Math.round((rowCss >= 12 ? 2 : 1) * scale)) : 0,
    columnGap: columns > 0 && cellsWidth / columns >= 4 * scale ? Math.round(scale) : 0,
    labelEvery: Math.ceil(LABEL_ROW_CSS / rowCss),
    pixelEdges: edges(columns, (column) => Math.round((column * cellsWidth) / columns)),
    blockEdges: edges(columns, (column) => Math.ceil((column * space.blocks) / columns)),
  };
}

/** From which pixel to which a column goes, counted from the left of the cells. */
export function columnPixels(layout: MapLayout, column: number): readonly [from: number, to: number] {
  return [layout.pixelEdges[column] ?? 0, layout.pixelEdges[column + 1] ?? 0];
}

/** From which block to which (not included) a column stands for. */
export function columnBlocks(layout: MapLayout, column: number): readonly [from: number, to: number] {
  return [layout.blockEdges[column] ?? 0, layout.blockEdges[column + 1] ?? 0];
}

/** The column in which a block is. */
export function columnOf(layout: MapLayout, block: number): number {
  const { columns, space } = layout;
  return Math.min(columns - 1, Math.floor((block * columns) / space.blocks));
}

/** What is at a point, in CSS pixels from the map's corner; undefined beside the cells. */
export function cellAt(layout: MapLayout, x: number, y: number): MapCell | undefined {
  const { scale, left, cellsWidth, columns, top, rowHeight, rows, stripHeight } = layout;
  const along = x * scale - left;
  if (columns === 0 || along < 0 || along >= cellsWidth || y < 0) {
    return undefined;
  }
  // edges are rounded, so the column by division may be one off
  const guess = clamp(Math.floor((along * columns) / cellsWidth), 0, columns - 1);
  const column = [guess - 1, guess, guess + 1].find((one) => {
    const [from, to] = columnPixels(layout, one);
    return along >= from && along < to;
  });
  if (y * scale < stripHeight) {
    return { row: undefined, column: column ?? guess };
  }
  const row = Math.floor((y * scale - top) / rowHeight);
  return row >= 0 && row < rows ? { row, column: column ?? guess } : undefined;
}

/** The cell next to one in a direction, for the arrow keys; the strip is above the first row. */
export function neighbourCell(layout: MapLayout, cell: MapCell, [dx, dy]: readonly [number, number]): MapCell {
  const row = clamp((cell.row ?? -1) + dy, -1, layout.rows - 1);
  return { row: row < 0 ? undefined : row, column: clamp(cell.column + dx, 0, layout.columns - 1) };
}

function edges(columns: number, edge: (column: number) => number): number[] {
  return Array.from({ length: columns + 1 }, (_, column) => (columns === 0 ? 0 : edge(column)));
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value));
}
