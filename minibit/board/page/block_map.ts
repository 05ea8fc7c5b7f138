import { blend, commonness, cssColour } from "../colours.ts";
import { peerLabel } from "../labels.ts";
import {
  cellAt,
  columnBlocks,
  columnPixels,
  layOutMap,
  MAX_MAP_ROWS,
  type MapCell,
  type MapLayout,
  neighbourCell,
} from "../map_layout.ts";
import { paintMapRow } from "../map_row.ts";
import { percentOf } from "../swarm_figures.ts";
import type { PeerModel, SwarmModel } from "../swarm_model.ts";
import { context2d, make, section, setText } from "./dom.ts";
import { legend } from "./legend.ts";
import { MapPointer } from "./map_pointer.ts";
import type { Choose, Scene, View } from "./scene.ts";
import type { Palette } from "./theme.ts";

/** What a row showed when it was drawn: while this is the same, so is the row. */
interface Drawn {
  readonly peer: PeerModel;
  readonly held: number;
  readonly fetching: PeerModel["stats"]["fetching"];
  readonly here: boolean;
  readonly chosen: boolean;
}

/** Peers by blocks on a canvas. Only rows that changed are drawn; above them a strip tells how rare each block is. */
export class BlockMap implements View {
  readonly everyMs = 0;
  readonly #canvas = make("canvas", {
    attributes: {
      tabindex: "0",
      role: "img",
      "aria-label": "Block map. Arrow keys go from block to block, Enter chooses a peer",
    },
  });
  readonly #context = context2d(this.#canvas);
  /** A row of pixels a peer, as wide as the cells: stretched when it goes to the canvas. */
  #cells = context2d(make("canvas"), { willReadFrequently: true });
  #row = new ImageData(1, 1);
  readonly #stage = make("div", { class: "stage", children: [this.#canvas] });
  readonly #more = make("p", { class: "note", attributes: { hidden: "" } });
  readonly element = section("map", "Who holds which block", [
    legend([
      ["held", "held"],
      ["in-flight", "on its way"],
      ["missing", "missing"],
      ["rare", "few copies, in the strip"],
    ]),
    this.#stage,
    this.#more,
  ]);
  readonly #pointer: MapPointer;
  #layout: MapLayout | undefined;
  #palette: Palette | undefined;
  #swarm: SwarmModel | undefined;
  #peers: readonly PeerModel[] = [];
  #drawn: Drawn[] = [];

  constructor(choose: Choose) {
    this.#pointer = new MapPointer(this.#stage, this.#canvas, {
      look: () =>
        this.#layout && this.#swarm ? { layout: this.#layout, swarm: this.#swarm, peers: this.#peers } : undefined,
      cellAt: (x, y) => (this.#layout === undefined ? undefined : cellAt(this.#layout, x, y)),
      neighbour: (cell, by) => (this.#layout === undefined ? cell : neighbourCell(this.#layout, cell, by)),
      choose: (cell: MapCell) => choose(cell.row === undefined ? undefined : this.#peers[cell.row]?.id),
    });
  }

  draw(scene: Scene): void {
    const began = performance.now();
    const { swarm, palette } = scene;
    const peers = [...swarm.peers.values()].sort((a, b) => a.id - b.id);
    this.#resize(swarm, palette, peers);
    const layout = this.#layout as MapLayout;
    let changed = false;
    for (let row = 0; row < layout.rows; row++) {
      changed = this.#drawRow(row, { layout, scene }) || changed;
    }
    if (changed) {
      this.#drawStrip(layout, scene);
      this.#pointer.refresh();
    }
    // for whoever observes it, as the bench does; kept, it would grow for as long as the page is open
    performance.measure("block map", { start: began });
    performance.clearMeasures("block map");
  }

  /** Starts anew when the space, the colours, the swarm or the number of peers is another. */
  #resize(swarm: SwarmModel, palette: Palette, peers: readonly PeerModel[]): void {
    const space = {
      width: this.#stage.clientWidth,
      devicePixelRatio: window.devicePixelRatio,
      peers: peers.length,
      blocks: swarm.share.blockCount,
    };
    this.#peers = peers;
    this.#swarm = swarm;
    const known = this.#layout?.space;
    const isSame =
      known?.width === space.width &&
      known.devicePixelRatio === space.devicePixelRatio &&
      known.peers === space.peers &&
      known.blocks === space.blocks;
    if (isSame && palette === this.#palette) {
      return;
    }
    const layout = layOutMap(space);
    this.#layout = layout;
    this.#palette = palette;
    this.#drawn = [];
    this.#canvas.width = layout.width;
    this.#canvas.height = layout.height;
    this.#canvas.style.height = `${layout.height / layout.scale}px`;
    this.#cells.canvas.width = layout.cellsWidth;
    this.#cells.canvas.height = Math.max(1, layout.rows);
    this.#row = new ImageData(layout.cellsWidth, 1);
    const unseen = peers.length - layout.rows;
    this.#more.hidden = unseen <= 0;
    setText(this.#more, unseen > 0 ? `The first ${MAX_MAP_ROWS} peers are shown, ${unseen} are not` : "");
  }

  /** Draws a row if it changed; returns whether it did. */
  #drawRow(row: number, { layout, scene }: { readonly layout: MapLayout; readonly scene: Scene }): boolean {
    const peer = this.#peers[row] as PeerModel;
    const now: Drawn = {
      peer,
      held: peer.blocks.count,
      fetching: peer.stats.fetching,
      here: peer.departure === undefined,
      chosen: peer.id === scene.chosen,
    };
    const then = this.#drawn[row];
    if (
      then?.peer === peer &&
      then.held === now.held &&
      then.fetching === now.fetching &&
      then.here === now.here &&
      then.chosen === now.chosen
    ) {
      return false;
    }
    this.#drawn[row] = now;
    const pixels = new Uint32Array(this.#row.data.buffer);
    paintMapRow(pixels, peer, { layout, colours: scene.palette });
    this.#cells.putImageData(this.#row, 0, row);
    const { left, cellsWidth, top, rowHeight, gap, width } = layout;
    const y = top + row * rowHeight;
    const context = this.#context;
    context.clearRect(0, y, width, rowHeight);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#cells.canvas, 0, row, cellsWidth, 1, left, y, cellsWidth, rowHeight - gap);
    this.#drawLabels(row, { layout, scene });
    return true;
  }

  #drawLabels(row: number, { layout, scene }: { readonly layout: MapLayout; readonly scene: Scene }): void {
    const { scale, left, cellsWidth, top, rowHeight, gap, labelEvery } = layout;
    const { palette, chosen } = scene;
    const context = this.#context;
    const peer = this.#peers[row] as PeerModel;
    const y = top + row * rowHeight;
    if (peer.id === chosen) {
      context.fillStyle = cssColour(palette.text);
      context.fillRect(left - 5 * scale, y, 3 * scale, Math.max(1, rowHeight - gap));
    }
    if (labelEvery > 1) {
      this.#drawSparseLabel(row, { layout, scene });
      return;
    }
    const here = peer.departure === undefined;
    const middle = y + (rowHeight - gap) / 2;
    context.font = `${peer.id === chosen ? 700 : 500} ${Math.min(14, (rowHeight / scale) * 0.72) * scale}px ${palette.font}`;
    context.textBaseline = "middle";
    context.textAlign = "right";
    context.fillStyle = cssColour(here ? palette.text : palette.muted);
    fillClipped(context, peerLabel(peer), { right: left - 10 * scale, middle, width: left - 12 * scale });
    context.textAlign = "left";
    context.fillText(here ? `${Math.floor(percentOf(peer))} %` : "gone", left + cellsWidth + 8 * scale, middle);
  }

  /** Rows too low for labels get one every few rows, over the gutter of its neighbours. */
  #drawSparseLabel(row: number, { layout, scene }: { readonly layout: MapLayout; readonly scene: Scene }): void {
    const { scale, left, top, rowHeight, labelEvery } = layout;
    const first = row - (row % labelEvery);
    const peer = this.#peers[first] as PeerModel;
    const context = this.#context;
    const y = top + first * rowHeight;
    context.clearRect(0, y, left - 6 * scale, labelEvery * rowHeight);
    if (first + labelEvery > layout.rows && first > 0) {
      return;
    }
    context.font = `500 ${11 * scale}px ${scene.palette.font}`;
    context.textBaseline = "top";
    context.textAlign = "right";
    context.fillStyle = cssColour(scene.palette.muted);
    fillClipped(context, peerLabel(peer), { right: left - 10 * scale, middle: y, width: left - 12 * scale });
  }

  #drawStrip(layout: MapLayout, { swarm, palette }: Scene): void {
    const { left, cellsWidth, stripHeight, scale, columns, columnGap } = layout;
    const here = Math.max(1, this.#peers.filter(({ departure }) => departure === undefined).length);
    const context = this.#context;
    context.clearRect(0, 0, layout.width, stripHeight + scale);
    for (let column = 0; column < columns; column++) {
      const [first, end] = columnBlocks(layout, column);
      let copies = swarm.copies[first] ?? 0;
      for (let block = first + 1; block < end; block++) {
        copies = Math.min(copies, swarm.copies[block] ?? 0);
      }
      const [from, to] = columnPixels(layout, column);
      const height = Math.max(2 * scale, Math.round((stripHeight * copies) / here));
      context.fillStyle = cssColour(blend(palette.rare, palette.common, commonness(copies, here)));
      context.fillRect(left + from, stripHeight - height, Math.max(1, to - from - columnGap), height);
    }
    context.fillStyle = cssColour(palette.line);
    context.fillRect(left, stripHeight, cellsWidth, Math.max(1, scale));
    context.font = `500 ${13 * scale}px ${palette.font}`;
    context.textBaseline = "middle";
    context.textAlign = "right";
    context.fillStyle = cssColour(palette.muted);
    context.fillText("copies", left - 10 * scale, stripHeight / 2);
  }
}

/** Writes a text that ends at `right`, cut so that it is no wider than `width`. */
function fillClipped(
  context: CanvasRenderingContext2D,
  text: string,
  place: { readonly right: number; readonly middle: number; readonly width: number },
): void {
  const { right, middle, width } = place;
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > width) {
    shown = `${[...shown.replace(/…$/, "")].slice(0, -1).join("")}…`;
  }
  context.fillText(shown, right, middle);
}
