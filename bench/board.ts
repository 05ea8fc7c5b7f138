/**
 * How long the board's block map takes a frame, in Debian's Chromium without a window. Prints JSON.
 *
 *     bun bench/board.ts [--peers 100] [--blocks 2048] [--speed 10]
 *
 * A made-up recording is played from its beginning to its end. The page itself measures each drawing of the map; the
 * time from frame to frame, which includes all other views, is measured beside it.
 */
import { chromium } from "playwright-core";
import { boardHtml } from "../minibit/board/server/page_html.ts";
import { livelyEvents, toRecording } from "../minibit/board/testing/lively_recording.ts";
import { parseCommandLine, parseText } from "../minibit/io/cli/cli.ts";
import { runMain } from "../minibit/io/cli/run_main.ts";
import { parseInteger } from "../minibit/io/os/units.ts";

/** Runs in the page, which the types here know nothing of: notes every drawing and every frame. */
const OBSERVE = `
  window.drawn = [];
  window.frames = [];
  new PerformanceObserver((list) => {
    window.drawn.push(...list.getEntriesByName("block map").map(({ duration }) => duration));
  }).observe({ entryTypes: ["measure"] });
  let last = performance.now();
  const frame = (now) => {
    window.frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
`;

function spread(values: readonly number[]): { readonly median: number; readonly p99: number; readonly max: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => Number((sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1));
  return { median: at(0.5), p99: at(0.99), max: at(1) };
}

async function main(): Promise<number> {
  const whole = (text: string): number => parseInteger(text, { min: 1, max: 65536 });
  const { peers, blocks, speed } = parseCommandLine({
    name: "bench/board.ts",
    summary: "Measures how long the board's block map takes a frame.",
    flags: {
      peers: { value: "n", help: "rows of the map", parse: whole, default: "100" },
      blocks: { value: "n", help: "blocks of the share", parse: whole, default: "2048" },
      speed: { value: "n", help: "how fast it is played: one of the page's speeds", parse: parseText, default: "10" },
    },
  });
  const recording = toRecording(livelyEvents({ peers, blocks, seconds: 60 }));
  const html = await boardHtml({ kind: "replay" });
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    routes: {
      "/": () => new Response(html, { headers: { "Content-Type": "text/html; charset=utf-8" } }),
      "/recording": () => new Response(recording),
    },
  });
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(server.url.href);
    await page.locator(".verdict").waitFor();
    await page.getByLabel("Speed").selectOption(speed);
    await page.evaluate(OBSERVE);
    await page.getByRole("button", { name: "Play" }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await page.getByRole("button", { name: "Play" }).waitFor({ timeout: 600_000 });
    const drawn = (await page.evaluate("window.drawn")) as number[];
    const frames = (await page.evaluate("window.frames")) as number[];
    const result = {
      ...{ peers, blocks, speed, recordingMib: Number((recording.length / 1024 ** 2).toFixed(1)) },
      ...{ drawings: drawn.length, mapMs: spread(drawn), frameToFrameMs: spread(frames) },
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await browser.close();
    await server.stop(true);
  }
  return 0;
}

await runMain(main);
