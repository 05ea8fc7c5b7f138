import { formatSize } from "../../core/base/formats.ts";
import { counted, nameList, peerLabel } from "../model/labels.ts";
import { type Verdict, verdictOf } from "../model/verdict.ts";
import { make, setText } from "./dom.ts";
import type { Scene, View } from "./scene.ts";

const MAX_FINISHERS = 40;

/** The end of a swarm: shown once nobody fetches any more. */
export class VerdictView implements View {
  readonly everyMs = 500;
  readonly takesLong = false;
  readonly #big = make("p", { class: "big" });
  readonly #facts = make("p");
  readonly #finishers = make("ol");
  readonly #messages = make("ul");
  readonly element = make("section", {
    class: "panel verdict",
    attributes: { "aria-label": "Verdict", hidden: "" },
    children: [
      this.#big,
      this.#facts,
      make("div", {
        class: "columns",
        children: [
          make("div", { children: [make("h3", { text: "Who finished when" }), this.#finishers] }),
          make("div", { children: [make("h3", { text: "Messages between peers" }), this.#messages] }),
        ],
      }),
    ],
  });

  draw({ swarm }: Scene): void {
    const verdict = verdictOf(swarm);
    this.element.hidden = verdict === undefined;
    if (verdict === undefined) {
      return;
    }
    setText(this.#big, headline(verdict));
    setText(this.#facts, facts(verdict));
    const shown = verdict.finishers.slice(0, MAX_FINISHERS);
    const more = verdict.finishers.length - shown.length;
    fillPairs(this.#finishers, [
      ...shown.map(({ peer, seconds }) => [peerLabel(peer), `${seconds.toFixed(1)} s`] as const),
      ...(more > 0 ? [[`and ${more} more`, ""] as const] : []),
    ]);
    fillPairs(
      this.#messages,
      verdict.messages.map(([name, count]) => [name, count.toLocaleString("en")] as const),
    );
  }
}

function headline({ finishers, without, seconds, boundSeconds }: Verdict): string {
  const all = finishers.length + without.length;
  const who = without.length > 0 ? `${finishers.length} of ${counted(all, "receiver")}` : receivers(all);
  // nobody is faster than the bound: then the uplinks are not what the tracker was told
  const bound =
    boundSeconds === undefined || boundSeconds <= 0 || boundSeconds > seconds
      ? ""
      : ` = ${(seconds / boundSeconds).toFixed(2)} x the bound of ${boundSeconds.toFixed(1)} s`;
  return `${who} complete in ${seconds.toFixed(1)} s${bound}`;
}

function receivers(count: number): string {
  return count > 1 ? `All ${count} receivers` : "The only receiver";
}

function facts({ seedShares, duplicateBytes, hashFailures, without }: Verdict): string {
  return [
    `The seed sent ${seedShares.toFixed(2)} times the share`,
    `${duplicateBytes === 0 ? "nothing" : formatSize(duplicateBytes)} came twice`,
    `${hashFailures === 0 ? "no block" : counted(hashFailures, "block")} with a wrong hash`,
    ...(without.length === 0 ? [] : [`without the share: ${nameList(without.map(peerLabel), 5)}`]),
  ].join(" · ");
}

/** Lines of a name and a value; nothing is touched when they are the same. */
function fillPairs(list: HTMLElement, pairs: readonly (readonly [string, string])[]): void {
  const lines = pairs.map(([name, value]) =>
    make("li", { children: [make("span", { text: name }), make("span", { text: value })] }),
  );
  if (list.textContent !== lines.map(({ textContent }) => textContent).join("")) {
    list.replaceChildren(...lines);
  }
}
