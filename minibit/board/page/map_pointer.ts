import type { PeerModel, SwarmModel } from "../model/swarm_model.ts";
import { columnPixels, type MapCell, type MapLayout } from "../view/map_layout.ts";
import { mapTip } from "../view/map_tip.ts";
import { make } from "./dom.ts";

const DIRECTIONS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
/** How much further an arrow goes with Shift. */
const LEAP = 10;

/** What the pointer needs of the map. */
export interface PointedMap {
  look(): { readonly layout: MapLayout; readonly swarm: SwarmModel; readonly peers: readonly PeerModel[] } | undefined;
  cellAt(x: number, y: number): MapCell | undefined;
  neighbour(cell: MapCell, by: readonly [number, number]): MapCell;
  choose(cell: MapCell): void;
}

/** The cell under the mouse, or the one that the arrow keys came to, with what there is to tell of it. */
export class MapPointer {
  readonly #map: PointedMap;
  readonly #stage: HTMLElement;
  readonly #cursor = make("div", { class: "map-cursor", attributes: { hidden: "" } });
  readonly #tip = make("div", { class: "tip", attributes: { role: "status", hidden: "" } });
  #cell: MapCell | undefined;

  constructor(stage: HTMLElement, canvas: HTMLCanvasElement, map: PointedMap) {
    this.#map = map;
    this.#stage = stage;
    stage.append(this.#cursor, this.#tip);
    const point = (event: PointerEvent): void => {
      const box = canvas.getBoundingClientRect();
      this.#show(map.cellAt(event.clientX - box.left, event.clientY - box.top));
    };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("pointerleave", (event) => {
      // a finger leaves with its tap: what it asked for stays
      if (event.pointerType === "mouse") {
        this.#show(undefined);
      }
    });
    canvas.addEventListener("click", () => this.#choose());
    canvas.addEventListener("blur", () => this.#show(undefined));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Tells anew: the map has changed. */
  refresh(): void {
    this.#show(this.#cell);
  }

  #key(event: KeyboardEvent): void {
    const direction = DIRECTIONS[event.key];
    if (direction !== undefined) {
      const by = event.shiftKey ? LEAP : 1;
      const first: MapCell = { row: 0, column: 0 };
      const [dx, dy] = direction;
      this.#show(this.#cell === undefined ? first : this.#map.neighbour(this.#cell, [dx * by, dy * by]));
    } else if (event.key === "Enter") {
      this.#choose();
    } else if (event.key === "Escape") {
      this.#show(undefined);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #choose(): void {
    if (this.#cell !== undefined) {
      this.#map.choose(this.#cell);
    }
  }

  #show(cell: MapCell | undefined): void {
    const map = this.#map.look();
    const isThere =
      map !== undefined && cell !== undefined && cell.column < map.layout.columns && (cell.row ?? 0) < map.layout.rows;
    this.#cell = isThere ? cell : undefined;
    this.#cursor.hidden = !isThere;
    this.#tip.hidden = !isThere;
    if (!isThere) {
      return;
    }
    const { layout } = map;
    const { scale, left, top, rowHeight, gap, stripHeight } = layout;
    const [from, to] = columnPixels(layout, cell.column);
    const y = cell.row === undefined ? 0 : top + cell.row * rowHeight;
    const height = cell.row === undefined ? stripHeight : rowHeight - gap;
    const box = { x: (left + from) / scale, y: y / scale, width: (to - from) / scale, height: height / scale };
    Object.assign(this.#cursor.style, {
      left: `${box.x - 2}px`,
      top: `${box.y - 2}px`,
      width: `${box.width + 4}px`,
      height: `${box.height + 4}px`,
    });
    this.#tip.replaceChildren(...mapTip(cell, map).map((text) => make("p", { text })));
    const room = this.#stage.clientWidth - this.#tip.offsetWidth;
    const isLow =
      box.y + box.height + 12 + this.#tip.offsetHeight > layout.height / scale && box.y > this.#tip.offsetHeight;
    Object.assign(this.#tip.style, {
      left: `${Math.max(0, Math.min(room, box.x + box.width / 2 - this.#tip.offsetWidth / 2))}px`,
      top: `${isLow ? box.y - this.#tip.offsetHeight - 12 : box.y + box.height + 12}px`,
    });
  }
}
