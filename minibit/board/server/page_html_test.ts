import { expect, test } from "bun:test";
import { livelyEvents, toRecording } from "../testing/lively_recording.ts";
import { boardHtml } from "./page_html.ts";

/** The elements as a browser splits the page: a script ends at the first `</script`. */
function scripts(html: string): { readonly id: string | undefined; readonly text: string }[] {
  return [...html.matchAll(/<script([^>]*)>(.*?)<\/script/gis)].map(([, attributes = "", text = ""]) => {
    return { id: /id="(\w+)"/.exec(attributes)?.[1], text };
  });
}

const HOSTILE = `</script><script>alert(1)</script><!-- <script> ]]> \u2028 $& $1 & &lt; " '`;

test("the page is one file that asks for nothing", async () => {
  const html = await boardHtml({ kind: "live" });
  expect(scripts(html).map(({ id }) => id)).toEqual(["mode", undefined]);
  expect(JSON.parse(scripts(html)[0]?.text ?? "")).toEqual({ kind: "live" });
  expect(html).not.toMatch(/<(link|script|img)[^>]+(src|href)="(?!data:)/i);
  expect(html).not.toMatch(/@import|url\((?!["']?data:)/);
  expect(html).toContain("default-src 'none'");
});

test("a recording goes into the page unharmed, and cannot break out of its place", async () => {
  const recording = toRecording(
    livelyEvents({ peers: 3, blocks: 5, seconds: 2, shareName: HOSTILE, nameOf: () => HOSTILE }),
  );
  const html = await boardHtml({ kind: "exported", recording });
  const found = scripts(html);
  expect(found.map(({ id }) => id)).toEqual(["mode", "recording", undefined]);
  const lines = (found[1]?.text ?? "").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(
    recording
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
  expect(html).not.toContain("alert(1)</script>");
  expect(html.match(/<script/g)).toHaveLength(3);
});

test("the policy allows the very script that is in the page", async () => {
  const html = await boardHtml({ kind: "replay" });
  const script = scripts(html).at(-1)?.text ?? "";
  const hash = new Bun.CryptoHasher("sha256").update(script).digest("base64");
  expect(script.length).toBeGreaterThan(10_000);
  expect(html).toContain(`script-src 'sha256-${hash}'`);
});
