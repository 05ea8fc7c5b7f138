import { formatRate } from "../../core/base/formats.ts";
import { peerLabel } from "../model/labels.ts";
import { etaMsOf, etaText, heldPercent, isWhole, percentText } from "../model/swarm_figures.ts";
import type { PeerModel } from "../model/swarm_model.ts";
import { isIdle, peerWords } from "../view/peer_words.ts";
import { make, section, setText } from "./dom.ts";
import type { Choose, Scene, View } from "./scene.ts";

/** More rows would take the browser's breath away. */
const MAX_ROWS = 400;

/** What a column shows, and what it sorts by. */
interface Column {
  readonly name: string;
  readonly key: (peer: PeerModel, scene: Scene) => number | string;
  readonly text: (peer: PeerModel, scene: Scene) => string;
}

const COLUMNS: readonly Column[] = [
  { name: "Holds", key: heldPercent, text: (peer) => percentText(heldPercent(peer)) },
  {
    name: "Down",
    key: downOf,
    text: (peer) => rateText(downOf(peer)),
  },
  { name: "Up", key: ({ stats }) => stats.upBytesPerSecond, text: ({ stats }) => rateText(stats.upBytesPerSecond) },
  {
    name: "Left",
    key: (peer, { swarm }) => etaMsOf(swarm, peer) ?? Number.POSITIVE_INFINITY,
    text: (peer, { swarm }) => etaText(etaMsOf(swarm, peer)),
  },
  { name: "Slots", key: (peer) => slotsOf(peer).regular + slotsOf(peer).optimistic, text: slotsText },
];
const DOING: Column = { name: "What it does", key: words, text: words };
const FIRST: Column = { name: "Peer", key: ({ id }) => id, text: peerLabel };
const ALL: readonly Column[] = [FIRST, ...COLUMNS, DOING];

interface Row {
  readonly element: HTMLTableRowElement;
  readonly name: HTMLButtonElement;
  readonly fill: HTMLElement;
  readonly cells: readonly HTMLElement[];
}

/** Every peer with its numbers and, in words, what it does or why it waits. */
export class PeerTable implements View {
  readonly everyMs = 250;
  readonly takesLong = true;
  readonly #body = make("tbody");
  readonly #heads = ALL.map(({ name }) =>
    make("th", {
      attributes: { scope: "col" },
      children: [make("button", { text: name, attributes: { type: "button" } })],
    }),
  );
  readonly #more = make("p", { class: "note", attributes: { hidden: "" } });
  readonly element = section("peers", "Peers", [
    make("table", {
      class: "table",
      children: [make("thead", { children: [make("tr", { children: this.#heads })] }), this.#body],
    }),
    this.#more,
  ]);
  readonly #rows = new Map<number, Row>();
  readonly #choose: Choose;
  #sortBy = 0;
  #isFalling = false;

  constructor(actions: { readonly choose: Choose; readonly redraw: () => void }) {
    this.#choose = actions.choose;
    this.#heads.forEach((head, i) => {
      head.addEventListener("click", () => {
        this.#isFalling = this.#sortBy === i ? !this.#isFalling : false;
        this.#sortBy = i;
        actions.redraw();
      });
    });
  }

  draw(scene: Scene): void {
    const peers = this.#sorted(scene);
    const shown = peers.slice(0, MAX_ROWS);
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (!ids.has(id)) {
        row.element.remove();
        this.#rows.delete(id);
      }
    }
    shown.forEach((peer, i) => {
      const row = this.#rows.get(peer.id) ?? this.#addRow(peer.id);
      // moving a row takes the focus from what is in it: only those move that must
      if (this.#body.children[i] !== row.element) {
        this.#body.insertBefore(row.element, this.#body.children[i] ?? null);
      }
      this.#fill(row, peer, scene);
    });
    this.#heads.forEach((head, i) => {
      if (i === this.#sortBy) {
        head.setAttribute("aria-sort", this.#isFalling ? "descending" : "ascending");
      } else {
        head.removeAttribute("aria-sort");
      }
    });
    this.#more.hidden = peers.length <= MAX_ROWS;
    setText(this.#more, peers.length > MAX_ROWS ? `and ${peers.length - MAX_ROWS} more` : "");
  }

  #sorted(scene: Scene): PeerModel[] {
    const { key } = ALL[this.#sortBy] ?? FIRST;
    const sign = this.#isFalling ? -1 : 1;
    return [...scene.swarm.peers.values()]
      .map((peer) => ({ peer, value: key(peer, scene) }))
      .sort((a, b) => sign * compare(a.value, b.value) || a.peer.id - b.peer.id)
      .map(({ peer }) => peer);
  }

  #addRow(id: number): Row {
    const name = make("button", { class: "name", attributes: { type: "button" } });
    name.addEventListener("click", () => this.#choose(id));
    const fill = make("div");
    const percent = make("span");
    const bar = make("div", { class: "bar", children: [make("div", { class: "track", children: [fill] }), percent] });
    const numbers = COLUMNS.slice(1).map((column) =>
      make("td", { class: "number", attributes: { "data-label": column.name } }),
    );
    const doing = make("td", { class: "doing" });
    const element = make("tr", {
      attributes: { "data-peer": String(id) },
      children: [
        make("th", { attributes: { scope: "row" }, children: [name] }),
        make("td", { children: [bar] }),
        ...numbers,
        doing,
      ],
    });
    const row = { element, name, fill, cells: [percent, ...numbers, doing] };
    this.#rows.set(id, row);
    return row;
  }

  #fill(row: Row, peer: PeerModel, scene: Scene): void {
    const label = peerLabel(peer);
    setText(row.name, label);
    row.name.setAttribute("aria-pressed", String(peer.id === scene.chosen));
    row.fill.style.width = `${heldPercent(peer)}%`;
    [...COLUMNS, DOING].forEach(({ text }, i) => {
      setText(row.cells[i] as HTMLElement, text(peer, scene));
    });
    row.element.classList.toggle("chosen", peer.id === scene.chosen);
    row.element.classList.toggle("away", peer.departure !== undefined);
    row.element.classList.toggle("without", peer.departure !== undefined && !isWhole(peer));
    row.element.classList.toggle("idle", isIdle(peer));
  }
}

function words(peer: PeerModel, scene: Scene): string {
  return peerWords(peer, scene);
}

/** What comes to a peer; what it tells when it is complete is only the end of its average. */
function downOf(peer: PeerModel): number {
  return isWhole(peer) ? 0 : peer.stats.downBytesPerSecond;
}

function rateText(bytesPerSecond: number): string {
  return bytesPerSecond <= 0 ? "-" : formatRate(bytesPerSecond);
}

function slotsOf({ stats }: PeerModel): { readonly regular: number; readonly optimistic: number } {
  return {
    regular: stats.regular.length,
    optimistic: stats.optimistic.filter((id) => !stats.regular.includes(id)).length,
  };
}

function slotsText(peer: PeerModel): string {
  const { regular, optimistic } = slotsOf(peer);
  return peer.departure !== undefined ? "-" : optimistic > 0 ? `${regular} + ${optimistic}` : String(regular);
}

function compare(a: number | string, b: number | string): number {
  return typeof a === "number" && typeof b === "number" ? a - b || 0 : String(a).localeCompare(String(b));
}
