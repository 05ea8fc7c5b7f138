import { peerLabel } from "../model/labels.ts";
import { heldPercent, isWhole } from "../model/swarm_figures.ts";
import type { PeerModel, SwarmModel } from "../model/swarm_model.ts";
import { blend, commonness, cssColour } from "../view/colours.ts";
import {
  cellAt,
  columnBlocks,
  columnPixels,
  layOutMap,
  MAX_MAP_ROWS,
  type MapCell,
  type MapLayout,
  neighbourCell,
} from "../view/map_layout.ts";
import { paintMapRow } from "../view/map_row.ts";
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

/** What changed in a row since it was drawn. */
type Changed = "nothing" | "transfers" | "blocks";

/** Peers by blocks on a canvas. Only rows that changed are drawn; above them a strip tells how rare each block is. */
export class BlockMap implements View {
  readonly everyMs = 0;
  readonly takesLong = true;
  readonly #canvas = make("canvas", {
    attributes: {
      tabindex: "0",
      role: "img",
      "aria-label": "Block map. Arrow keys go from block to block, Enter chooses a peer",
    },
  });
  /** Pixels are put into it row by row, which goes straight into memory when the browser keeps it there. */
  readonly #context = context2d(this.#canvas, { willReadFrequently: true });
  /** The pixels of one row. */
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
    let [anything, copies] = [false, false];
    for (let row = 0; row < layout.rows; row++) {
      const changed = this.#drawRow(row, { layout, scene });
      anything ||= changed !== "nothing";
      copies ||= changed === "blocks";
    }
    if (copies) {
      this.#drawStrip(layout, scene);
    }
    if (anything) {
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
    this.#row = new ImageData(layout.cellsWidth, Math.max(1, layout.rowHeight - layout.gap));
    const unseen = peers.length - layout.rows;
    this.#more.hidden = unseen <= 0;
    setText(
      this.#more,
      unseen > 0 ? `The first ${MAX_MAP_ROWS} peers are shown, ${unseen} ${unseen === 1 ? "is" : "are"} not` : "",
    );
  }

  /** Draws a row if it changed, and tells what did. */
  #drawRow(row: number, { layout, scene }: { readonly layout: MapLayout; readonly scene: Scene }): Changed {
    const peer = this.#peers[row] as PeerModel;
    const now: Drawn = {
      peer,
      held: peer.blocks.count,
      fetching: peer.stats.fetching,
      here: peer.departure === undefined,
      chosen: peer.id === scene.chosen,
    };
    const then = this.#drawn[row];
    const isSamePeer = then?.peer === peer && then.here === now.here && then.chosen === now.chosen;
    const isSameHeld = isSamePeer && then.held === now.held;
    if (isSameHeld && then.fetching === now.fetching) {
      return "nothing";
    }
    this.#drawn[row] = now;
    const { left, cellsWidth, top, rowHeight } = layout;
    const pixels = new Uint32Array(this.#row.data.buffer);
    paintMapRow(pixels.subarray(0, cellsWidth), peer, { layout, colours: scene.palette });
    for (let line = 1; line < this.#row.height; line++) {
      pixels.copyWithin(line * cellsWidth, 0, cellsWidth);
    }
    this.#context.putImageData(this.#row, left, top + row * rowHeight);
    if (layout.labelEvery > 1 ? !isSamePeer : !isSameHeld) {
      this.#drawLabels(row, { layout, scene });
    }
    return isSameHeld ? "transfers" : "blocks";
  }

  #drawLabels(row: number, { layout, scene }: { readonly layout: MapLayout; readonly scene: Scene }): void {
    const { scale, left, cellsWidth, top, rowHeight, gap, labelEvery, width } = layout;
    const { palette, chosen } = scene;
    const context = this.#context;
    const peer = this.#peers[row] as PeerModel;
    const y = top + row * rowHeight;
    // a sparse label stands beside several rows, and clears its own place
    const from = labelEvery > 1 ? left - 6 * scale : 0;
    context.clearRect(from, y, left - from, rowHeight);
    context.clearRect(left + cellsWidth, y, width, rowHeight);
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
    const word = here ? `${Math.floor(heldPercent(peer))} %` : isWhole(peer) ? "left" : "gone";
    context.fillText(word, left + cellsWidth + 8 * scale, middle);
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
    const here = Math.max(1, swarm.holders.length);
    const context = this.#context;
    const colours: string[] = [];
    context.clearRect(0, 0, layout.width, stripHeight + scale);
    for (let column = 0; column < columns; column++) {
      const [first, end] = columnBlocks(layout, column);
      let copies = swarm.copies[first] ?? 0;
      for (let block = first + 1; block < end; block++) {
        copies = Math.min(copies, swarm.copies[block] ?? 0);
      }
      const [from, to] = columnPixels(layout, column);
      const height = Math.max(2 * scale, Math.round((stripHeight * copies) / here));
      const colour = colours[copies] ?? cssColour(blend(palette.rare, palette.common, commonness(copies, here)));
      colours[copies] = colour;
      context.fillStyle = colour;
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
