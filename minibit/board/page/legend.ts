import { make } from "./dom.ts";

/** A line that explains colours and strokes: [class of the swatch, words]. */
export function legend(entries: readonly (readonly [name: string, words: string])[]): HTMLElement {
  return make("ul", {
    class: "legend",
    children: entries.map(([name, words]) =>
      make("li", { children: [make("span", { class: `swatch ${name}` }), make("span", { text: words })] }),
    ),
  });
}
