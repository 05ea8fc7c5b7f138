import { peerLabel, tame } from "../model/labels.ts";
import { heldPercent, isWhole } from "../model/swarm_figures.ts";
import type { PeerModel } from "../model/swarm_model.ts";
import { cssColour } from "../view/colours.ts";
import {
  chokedPairs,
  edgeWidth,
  MAX_RING_PEERS,
  nearestPoint,
  type Point,
  type RingEdge,
  ringEdges,
  ringPoints,
} from "../view/ring_layout.ts";
import { ringWords } from "../view/ring_words.ts";
import { context2d, make, section } from "./dom.ts";
import { legend } from "./legend.ts";
import { strokeArrow, strokeBar } from "./ring_strokes.ts";
import type { Choose, Scene, View } from "./scene.ts";

const MAX_SIZE = 620;
/** With more peers nobody can follow all arrows: they turn faint, and a chosen peer's stand out. */
const CROWD = 16;
const MAX_CHOKED = 600;
const MAX_ARROW = 7;
const MAX_CROWD_ARROW = 3;

/** Peers on a circle; who gives to whom, and by which slot. */
export class ChokeRing implements View {
  readonly everyMs = 80;
  readonly takesLong = true;
  readonly #canvas = make("canvas", {
    attributes: {
      tabindex: "0",
      role: "img",
      "aria-label": "Choke ring. Arrow keys go from peer to peer, Escape lets go",
    },
  });
  readonly #context = context2d(this.#canvas);
  readonly #stage = make("div", { class: "stage", children: [this.#canvas] });
  readonly #told = make("p", { class: "told", attributes: { role: "status" } });
  readonly #choked = make("input", { attributes: { type: "checkbox", id: "choked-pairs" } });
  readonly element = section("ring", "Who gives to whom", [
    legend([
      ["regular", "regular slot"],
      ["optimistic", "optimistic slot"],
      ["none", "no slot any more"],
    ]),
    make("label", {
      class: "check note",
      children: [
        this.#choked,
        make("span", { class: "swatch choked" }),
        make("span", { text: "show who is choked: wants blocks, gets no slot" }),
      ],
    }),
    this.#stage,
    this.#told,
  ]);
  readonly #redraw: () => void;
  #scene: Scene | undefined;
  #peers: readonly PeerModel[] = [];
  #points: readonly Point[] = [];
  #hovered: number | undefined;

  constructor(actions: { readonly choose: Choose; readonly redraw: () => void }) {
    this.#redraw = actions.redraw;
    const find = (event: MouseEvent): number | undefined => {
      const box = this.#canvas.getBoundingClientRect();
      const at = { x: event.clientX - box.left, y: event.clientY - box.top };
      const index = nearestPoint(this.#points, at, 26);
      return index === undefined ? undefined : this.#peers[index]?.id;
    };
    this.#canvas.addEventListener("pointermove", (event) => this.#hover(find(event)));
    this.#canvas.addEventListener("pointerleave", () => this.#hover(undefined));
    this.#canvas.addEventListener("click", (event) => actions.choose(find(event)));
    this.#choked.addEventListener("change", this.#redraw);
    this.#canvas.addEventListener("keydown", (event) => this.#key(event, actions.choose));
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const size = Math.max(120, Math.min(MAX_SIZE, this.#stage.clientWidth));
    const scale = Math.max(1, window.devicePixelRatio);
    if (this.#canvas.width !== Math.round(size * scale)) {
      this.#canvas.width = Math.round(size * scale);
      this.#canvas.height = Math.round(size * scale);
      this.#canvas.style.width = `${size}px`;
      this.#canvas.style.height = `${size}px`;
    }
    this.#peers = [...scene.swarm.peers.values()].sort((a, b) => a.id - b.id).slice(0, MAX_RING_PEERS);
    const centre = { x: size / 2, y: size / 2 };
    const dot = dotRadius(size, this.#peers.length);
    this.#points = ringPoints(this.#peers.length, { centre, radius: size / 2 - dot - labelRoom(this.#peers.length) });
    const context = this.#context;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, size, size);
    this.#drawEdges(scene, { centre, dot });
    this.#peers.forEach((_, i) => {
      this.#drawPeer(i, { scene, dot, centre });
    });
    this.#tell(scene);
  }

  #drawEdges(scene: Scene, { centre, dot }: { readonly centre: Point; readonly dot: number }): void {
    const { swarm, palette } = scene;
    const focus = this.#focus();
    const at = new Map(this.#peers.map(({ id }, i) => [id, this.#points[i] as Point]));
    const ends = (edge: {
      from: number;
      to: number;
    }): { from: Point; to: Point; centre: Point; dot: number } | undefined => {
      const [from, to] = [at.get(edge.from), at.get(edge.to)];
      return from === undefined || to === undefined ? undefined : { from, to, centre, dot };
    };
    if (this.#choked.checked) {
      for (const [from, to] of chokedPairs(swarm, { chosen: focus, max: MAX_CHOKED })) {
        const line = ends({ from, to });
        if (line !== undefined) {
          strokeBar(this.#context, line, cssColour(palette.choked, this.#isCrowd && focus === undefined ? 0.25 : 0.7));
        }
      }
    }
    const edges = ringEdges(swarm).sort((a, b) => a.rate - b.rate);
    const topRate = Math.max(...edges.map(({ rate }) => rate), 1);
    for (const edge of edges) {
      const line = ends(edge);
      if (line !== undefined) {
        const colour = edge.kind === "none" ? palette.muted : palette[edge.kind];
        strokeArrow(this.#context, line, {
          colour: cssColour(colour, this.#strength(edge, focus)),
          width: edgeWidth(edge.rate, { topRate, max: this.#isCrowd ? MAX_CROWD_ARROW : MAX_ARROW }),
          dash: DASHES[edge.kind],
          isFlowing: edge.rate > 0,
        });
      }
    }
  }

  #strength({ from, to, rate }: RingEdge, focus: number | undefined): number {
    if (focus !== undefined) {
      return from === focus || to === focus ? 1 : 0.08;
    }
    const strength = this.#isCrowd ? 0.4 : 0.85;
    return rate > 0 ? strength : strength / 2.5;
  }

  #drawPeer(
    i: number,
    { scene, dot, centre }: { readonly scene: Scene; readonly dot: number; readonly centre: Point },
  ): void {
    const { palette } = scene;
    const peer = this.#peers[i] as PeerModel;
    const { x, y } = this.#points[i] as Point;
    const context = this.#context;
    const here = peer.departure === undefined;
    context.setLineDash([]);
    context.beginPath();
    context.arc(x, y, dot, 0, 2 * Math.PI);
    context.fillStyle = cssColour(here ? palette.missing : palette.background);
    context.fill();
    context.beginPath();
    context.moveTo(x, y);
    context.arc(x, y, dot, -Math.PI / 2, -Math.PI / 2 + (2 * Math.PI * heldPercent(peer)) / 100);
    context.fillStyle = cssColour(palette.held, here ? 1 : isWhole(peer) ? 0.6 : 0.3);
    context.fill();
    context.beginPath();
    context.arc(x, y, dot, 0, 2 * Math.PI);
    context.lineWidth = peer.id === this.#focus() ? 3.5 : 1.5;
    context.setLineDash(here ? [] : [3, 3]);
    context.strokeStyle = cssColour(peer.id === this.#focus() ? palette.text : palette.muted);
    context.stroke();
    context.setLineDash([]);
    if (peer.seed && here) {
      context.beginPath();
      context.arc(x, y, dot + 4, 0, 2 * Math.PI);
      context.lineWidth = 1.5;
      context.stroke();
    }
    const every = Math.ceil(this.#peers.length / 50);
    if (i % every === 0 || peer.id === this.#focus()) {
      const away = dot + 14;
      const length = Math.hypot(x - centre.x, y - centre.y) || 1;
      context.font = `${peer.id === this.#focus() ? 700 : 500} ${this.#isCrowd ? 12 : 15}px ${palette.font}`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillStyle = cssColour(here ? palette.text : palette.muted);
      context.fillText(
        this.#isCrowd ? String(peer.id) : shortLabel(peer),
        x + ((x - centre.x) / length) * away,
        y + ((y - centre.y) / length) * away,
      );
    }
  }

  #tell({ swarm }: Scene): void {
    const focus = this.#focus();
    const peer = focus === undefined ? undefined : swarm.peers.get(focus);
    const unseen = swarm.peers.size - this.#peers.length;
    const words =
      peer !== undefined
        ? [make("strong", { text: peerLabel(peer) }), document.createTextNode(` ${ringWords(swarm, peer)}`)]
        : [
            document.createTextNode(
              `Point at a peer, or choose one, to see its transfers only${unseen > 0 ? `; ${unseen} more ${unseen === 1 ? "is" : "are"} not drawn` : ""}`,
            ),
          ];
    this.#told.classList.toggle("muted", peer === undefined);
    // the same words again would be read out again
    if (this.#told.textContent !== words.map(({ textContent }) => textContent).join("")) {
      this.#told.replaceChildren(...words);
    }
  }

  get #isCrowd(): boolean {
    return this.#peers.length > CROWD;
  }

  #focus(): number | undefined {
    return this.#hovered ?? this.#scene?.chosen;
  }

  #hover(peer: number | undefined): void {
    if (peer !== this.#hovered) {
      this.#hovered = peer;
      this.#redraw();
    }
  }

  #key(event: KeyboardEvent, choose: Choose): void {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      choose(undefined);
    } else if (step !== undefined && this.#peers.length > 0) {
      const index = this.#peers.findIndex(({ id }) => id === this.#scene?.chosen);
      const next = index < 0 ? 0 : (index + step + this.#peers.length) % this.#peers.length;
      const peer = this.#peers[next]?.id;
      if (peer !== this.#scene?.chosen) {
        choose(peer);
      }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

const DASHES = { regular: [], optimistic: [9, 6], none: [2, 5] } as const;

/** A peer's number, or its name when that says something else. */
function shortLabel({ id, name }: PeerModel): string {
  const label = tame(name, 9);
  return label === "" || label === `peer ${id}` ? String(id) : label;
}

function dotRadius(size: number, peers: number): number {
  return Math.max(3, Math.min(18, (Math.PI * (size - 80)) / Math.max(1, peers) / 2.6));
}

function labelRoom(peers: number): number {
  return peers > CROWD ? 22 : 26;
}
