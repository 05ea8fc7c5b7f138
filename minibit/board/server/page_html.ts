/** The board's page as one file: script and styles inside, nothing to fetch but the events. */
import { join } from "node:path";

/** Where the page takes its events from. */
export type PageMode =
  | { readonly kind: "live" }
  | { readonly kind: "replay" }
  /** The whole recording, as NDJSON, goes into the page. */
  | { readonly kind: "exported"; readonly recording: string };

interface Bundle {
  readonly script: string;
  readonly styles: string;
}

const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0072b2"/><path d="M3 4h4v3H3zm6 0h4v3H9zm-6 5h4v3H3z" fill="#fff"/><path d="M9 9h4v3H9z" fill="#e69f00"/></svg>',
)}`;

let bundled: Promise<Bundle> | undefined;

/** The page, ready to be served or saved. */
export async function boardHtml(mode: PageMode): Promise<string> {
  bundled ??= bundle();
  const { script, styles } = await bundled;
  const recording = mode.kind === "exported" ? dataElement("recording", mode.recording) : "";
  // only this very script and these styles: what an untrusted peer might smuggle in does not run, and nothing leaves for elsewhere
  const policy = [
    "default-src 'none'",
    `script-src '${sourceHash(script)}'`,
    `style-src '${sourceHash(styles)}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>MiniBit board</title>
<link rel="icon" href="${ICON}">
<style>${styles}</style>
</head>
<body>
<main id="board"></main>
<noscript>The board needs JavaScript.</noscript>
${dataElement("mode", JSON.stringify({ kind: mode.kind }))}
${recording}
<script type="module">${script}</script>
</body>
</html>
`;
}

/** JSON, or lines of it, that no `</script>` inside can end: in JSON `<` stands in strings only, where it may be escaped. */
function dataElement(id: string, json: string): string {
  return `<script type="application/json" id="${id}">${json.replaceAll("<", "\\u003c")}</script>`;
}

async function bundle(): Promise<Bundle> {
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, "..", "page", "main.ts")],
    target: "browser",
    minify: true,
  });
  const textOf = async (extension: string): Promise<string> =>
    (await outputs.find(({ path }) => path.endsWith(extension))?.text())?.trim() ?? "";
  const [script, styles] = [await textOf(".js"), await textOf(".css")];
  return { script: script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--"), styles };
}

function sourceHash(text: string): string {
  return `sha256-${new Bun.CryptoHasher("sha256").update(text).digest("base64")}`;
}
