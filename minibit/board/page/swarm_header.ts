import { formatRate, formatSize } from "../../core/base/formats.ts";
import { counted, tame } from "../model/labels.ts";
import { etaText, figuresOf } from "../model/swarm_figures.ts";
import { make, setText } from "./dom.ts";
import type { Scene, View } from "./scene.ts";

const MAX_SHARE_NAME = 80;

/** The share's name and the swarm's figures. */
export class SwarmHeader implements View {
  readonly everyMs = 200;
  readonly takesLong = false;
  readonly #name = make("h1", { attributes: { id: "share" } });
  readonly #size = make("p", { class: "muted" });
  readonly #fill = make("div");
  readonly #track = make("div", {
    class: "track",
    attributes: {
      role: "progressbar",
      "aria-label": "What all peers hold together",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    },
    children: [this.#fill],
  });
  readonly #tiles = make("dl", { class: "tiles" });
  readonly #values = new Map<string, { readonly value: HTMLElement; readonly unit: HTMLElement }>();
  readonly element = make("section", {
    class: "panel swarm",
    attributes: { "aria-labelledby": "share" },
    children: [make("div", { class: "title", children: [this.#name, this.#size] }), this.#track, this.#tiles],
  });

  draw({ swarm }: Scene): void {
    const { share } = swarm;
    const { here, complete, of, percent, bytesPerSecond, etaMs, copies } = figuresOf(swarm);
    setText(this.#name, tame(share.name, MAX_SHARE_NAME) || "Unnamed share");
    setText(
      this.#size,
      `${formatSize(share.sizeBytes)} in ${counted(share.blockCount, "block")} of ${formatSize(share.blockSizeBytes)}`,
    );
    const rounded = percent >= 100 ? "100" : (Math.floor(percent * 10) / 10).toFixed(1);
    this.#fill.style.width = `${percent}%`;
    this.#track.setAttribute("aria-valuenow", rounded);
    this.#tell("Copied", rounded, "%");
    this.#tell("Peers", String(here), swarm.isOver ? "at the end" : "here");
    this.#tell("Complete", `${complete} of ${of}`, of === 1 ? "receiver" : "receivers");
    const [rate = "", rateUnit = ""] = formatRate(bytesPerSecond).split(" ");
    this.#tell("Throughput", rate, rateUnit);
    this.#tell("Time left", etaText(etaMs), "");
    this.#tell("Copies: min, mean, max", `${copies.min} / ${copies.mean.toFixed(1)} / ${copies.max}`, "");
  }

  #tell(name: string, text: string, unit: string): void {
    let tile = this.#values.get(name);
    if (tile === undefined) {
      tile = { value: make("span"), unit: make("small") };
      this.#values.set(name, tile);
      const data = make("dd", { children: [tile.value, document.createTextNode(" "), tile.unit] });
      this.#tiles.append(make("div", { children: [make("dt", { text: name }), data] }));
    }
    setText(tile.value, text);
    setText(tile.unit, unit);
  }
}
