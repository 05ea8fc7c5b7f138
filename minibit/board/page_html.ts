/** What the page is to show, and from where it gets it. */
export type PageMode =
  | { readonly kind: "live" }
  | { readonly kind: "replay" }
  | { readonly kind: "exported"; readonly recording: string };

/** The board's page: one self-contained HTML file. */
export function boardHtml(mode: PageMode): Promise<string> {
  const data = JSON.stringify(mode).replaceAll("<", "\\u003c");
  return Promise.resolve(
    `<!doctype html><title>MiniBit</title><script type="application/json" id="minibit-mode">${data}</script>\n`,
  );
}
