import type { BoardModel } from "../model/board_model.ts";
import { tame } from "../model/labels.ts";
import type { SwarmModel } from "../model/swarm_model.ts";
import { BlockMap } from "./block_map.ts";
import { Charts } from "./charts.ts";
import { ChokeRing } from "./choke_ring.ts";
import { make, setText } from "./dom.ts";
import { PeerTable } from "./peer_table.ts";
import type { Scene, View } from "./scene.ts";
import { SwarmHeader } from "./swarm_header.ts";
import { Theme } from "./theme.ts";
import { VerdictView } from "./verdict_view.ts";

/** Where the page takes its picture from. */
export interface Source {
  readonly model: BoardModel;
  readonly nowMs: number;
  /** How long the recording is; undefined when live. */
  readonly endMs: number | undefined;
}

/** What the state line says. */
export type PageState = "connecting" | "live" | "reconnecting" | "replay";

const STATE_WORDS: Readonly<Record<PageState, string>> = {
  connecting: "connecting",
  live: "live",
  reconnecting: "reconnecting, this is the last picture",
  replay: "recording",
};

/** All views of one swarm, drawn when something changed and the browser is ready for a frame. */
export class BoardPage {
  readonly #state = make("span", { class: "state", attributes: { role: "status" } });
  readonly #select = make("select", { attributes: { id: "swarm-chooser" } });
  readonly #chooser = make("label", {
    class: "chooser",
    attributes: { hidden: "" },
    children: [make("span", { text: "Swarm" }), this.#select],
  });
  readonly #empty = make("p", { class: "panel empty", text: "Waiting for the first peer to register" });
  readonly #theme = new Theme(() => this.changed());
  readonly #views: readonly View[];
  readonly #drawnMs = new Map<View, number>();
  /** Those that do not show the last picture yet. */
  #stale = new Set<View>();
  #source: Source | undefined;
  #swarm: string | undefined;
  #chosen: number | undefined;
  #isAwaited = false;

  constructor(root: HTMLElement) {
    const redraw = (): void => this.changed();
    const choose = (peer: number | undefined): void => {
      // choosing the chosen one again ends the choice
      this.#chosen = peer === this.#chosen ? undefined : peer;
      this.changed();
    };
    this.#views = [
      new SwarmHeader(),
      new VerdictView(),
      new BlockMap(choose),
      new ChokeRing({ choose, redraw }),
      new Charts(),
      new PeerTable({ choose, redraw }),
    ];
    const brand = make("p", {
      class: "brand",
      text: "MiniBit ",
      children: [make("span", { class: "brand-word", text: "board" })],
    });
    const top = make("header", { class: "top", children: [brand, this.#chooser, this.#state, this.#theme.button] });
    root.append(top, this.#empty, ...this.#views.map(({ element }) => element));
    this.#select.addEventListener("change", () => {
      this.#swarm = this.#select.value;
      this.changed();
    });
    new ResizeObserver(redraw).observe(root);
    this.setState("connecting");
    this.changed();
  }

  setState(state: PageState): void {
    this.#state.dataset["state"] = state;
    setText(this.#state, STATE_WORDS[state]);
  }

  /** Says that nothing can be shown, and why. */
  fail(reason: string): void {
    this.#empty.classList.add("failure");
    setText(this.#empty, reason);
  }

  /** There is something new to draw. */
  show(source: Source): void {
    this.#source = source;
    this.#await();
  }

  /** The same source is to be drawn anew, all of it: somebody did something, and wants to see it now. */
  changed(): void {
    this.#drawnMs.clear();
    this.#await();
  }

  /** All views are to be drawn anew, each when it is its turn. */
  #await(): void {
    this.#stale = new Set(this.#views);
    this.#awaitFrame();
  }

  #awaitFrame(): void {
    if (!this.#isAwaited) {
      this.#isAwaited = true;
      requestAnimationFrame((nowMs) => this.#frame(nowMs));
    }
  }

  #frame(frameMs: number): void {
    this.#isAwaited = false;
    const swarm = this.#currentSwarm();
    this.#empty.hidden = swarm !== undefined;
    if (swarm === undefined || this.#source === undefined) {
      for (const { element } of this.#views) {
        element.hidden = true;
      }
      return;
    }
    const { nowMs, endMs } = this.#source;
    const scene: Scene = { swarm, nowMs, endMs, palette: this.#theme.palette, chosen: this.#chosen };
    const due = this.#due(frameMs);
    for (const view of due) {
      if (!(view instanceof VerdictView)) {
        view.element.hidden = false;
      }
      this.#drawnMs.set(view, frameMs);
      this.#stale.delete(view);
      view.draw(scene);
    }
    if (this.#stale.size > 0) {
      // their turn has not come yet: look again with the next frame
      this.#awaitFrame();
    }
  }

  /** Whose turn it is. Of those that take long only one is drawn a frame, the longest overdue, so that no frame takes long. */
  #due(frameMs: number): ReadonlySet<View> {
    const due = new Set<View>();
    let [longest, longestMs]: [View | undefined, number] = [undefined, 0];
    for (const view of this.#stale) {
      const drawnMs = this.#drawnMs.get(view);
      const overdueMs = drawnMs === undefined ? 0 : frameMs - drawnMs - view.everyMs;
      if (drawnMs === undefined || (!view.takesLong && overdueMs >= 0)) {
        due.add(view);
      } else if (overdueMs >= longestMs) {
        [longest, longestMs] = [view, overdueMs];
      }
    }
    return longest === undefined ? due : due.add(longest);
  }

  /** The chosen swarm, or the first when there is none such; keeps the chooser up to date. */
  #currentSwarm(): SwarmModel | undefined {
    const swarms = this.#source?.model.swarms ?? new Map<string, SwarmModel>();
    const ids = [...swarms.keys()];
    if (this.#swarm === undefined || !swarms.has(this.#swarm)) {
      this.#swarm = ids[0];
      this.#chosen = undefined;
    }
    this.#chooser.hidden = ids.length < 2;
    const known = [...this.#select.options].map(({ value }) => value);
    if (known.join() !== ids.join()) {
      const options = [...swarms].map(([id, { share }]) =>
        make("option", { text: `${tame(share.name)} (${id.slice(0, 6)})`, attributes: { value: id } }),
      );
      this.#select.replaceChildren(...options);
    }
    this.#select.value = this.#swarm ?? "";
    return this.#swarm === undefined ? undefined : swarms.get(this.#swarm);
  }
}
