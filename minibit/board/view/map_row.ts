import { isWhole } from "../model/swarm_figures.ts";
import type { PeerModel } from "../model/swarm_model.ts";
import { blend, type Colour, packed } from "./colours.ts";
import { columnBlocks, columnOf, columnPixels, type MapLayout } from "./map_layout.ts";

/** What colours the states of a block have. */
export interface MapColours {
  readonly missing: Colour;
  readonly inFlight: Colour;
  readonly held: Colour;
  readonly background: Colour;
}

/** How pale a peer is that is not here any more: one that left with the whole share less than one that went without. */
const LEFT = 0.4;
const GONE = 0.7;

/** Fills `pixels`, one row of `layout.cellsWidth`, with the states of a peer's blocks; 0 between cells. */
export function paintMapRow(
  pixels: Uint32Array,
  peer: PeerModel,
  view: { readonly layout: MapLayout; readonly colours: MapColours },
): void {
  const { layout, colours } = view;
  const dim = peer.departure === undefined ? 0 : isWhole(peer) ? LEFT : GONE;
  const flying = new Uint8Array(layout.columns);
  for (const [block] of peer.stats.fetching) {
    if (block >= 0 && block < layout.space.blocks && !peer.blocks.has(block)) {
      flying[columnOf(layout, block)] = 1;
    }
  }
  const inFlight = packed(colours.inFlight);
  const shades = shadesOf(colours, dim);
  pixels.fill(0);
  for (let column = 0; column < layout.columns; column++) {
    const [from, to] = columnPixels(layout, column);
    const shade = shades[Math.round(heldPart(layout, peer, column) * (shades.length - 1))] as number;
    pixels.fill(flying[column] === 1 ? inFlight : shade, from, Math.max(from + 1, to - layout.columnGap));
  }
}

/** The part of a column's blocks that a peer holds. */
export function heldPart(layout: MapLayout, peer: PeerModel, column: number): number {
  const [first, end] = columnBlocks(layout, column);
  if (end - first === 1) {
    return peer.blocks.has(first) ? 1 : 0;
  }
  let held = 0;
  for (let block = first; block < end; block++) {
    held += peer.blocks.has(block) ? 1 : 0;
  }
  return held / Math.max(1, end - first);
}

/** From missing to held: few enough to be made for every row. */
function shadesOf({ missing, held, background }: MapColours, dim: number): number[] {
  return Array.from({ length: 17 }, (_, i) => packed(blend(blend(missing, held, i / 16), background, dim)));
}
