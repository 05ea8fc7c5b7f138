/** What a new element gets. */
export interface ElementOptions {
  readonly class?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly children?: readonly Node[];
}

/** Makes an element. Texts go in as texts: nothing an untrusted peer sends is ever read as HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: ElementOptions = {},
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (options.class !== undefined) {
    element.className = options.class;
  }
  if (options.text !== undefined) {
    element.textContent = options.text;
  }
  for (const [name, value] of Object.entries(options.attributes ?? {})) {
    element.setAttribute(name, value);
  }
  element.append(...(options.children ?? []));
  return element;
}

/** Sets a text if it is another one: what does not change costs no layout. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** A section of the page under a heading of its own. */
export function section(name: string, heading: string, children: readonly Node[]): HTMLElement {
  const id = `${name}-heading`;
  const title = make("h2", { text: heading, attributes: { id } });
  return make("section", {
    class: `panel ${name}`,
    attributes: { "aria-labelledby": id },
    children: [title, ...children],
  });
}

/** A canvas's context. */
export function context2d(
  canvas: HTMLCanvasElement,
  options?: CanvasRenderingContext2DSettings,
): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", options);
  if (context === null) {
    throw new Error("Cannot draw: this browser gives no canvas");
  }
  return context;
}
