import type { Page } from "playwright-core";
import { until } from "../support/until.ts";

/** How many pixels of the block map have the colour of held blocks. */
export function heldPixels(page: Page): Promise<number> {
  return page.evaluate(countPixels, "--held");
}

/** Waits until the map shows more, or fewer, held blocks than it did; returns how many. */
export function untilHeld(page: Page, isEnough: "more" | "fewer", than: number): Promise<number> {
  return until(`${isEnough} pixels of held blocks than ${than}`, async () => {
    const count = await heldPixels(page);
    return (isEnough === "more" ? count > than : count < than) ? count : undefined;
  });
}

/** Runs in the page. */
function countPixels(name: string): number {
  const canvas = document.querySelector<HTMLCanvasElement>(".map canvas");
  if (!canvas || canvas.width === 0 || canvas.height === 0) {
    return 0;
  }
  // a copy is read: reading the canvas itself would make the browser keep it elsewhere, and complain
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height + 1;
  const context = copy.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  context.drawImage(canvas, 0, 1);
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
  context.fillRect(0, 0, 1, 1);
  const { data } = context.getImageData(0, 0, copy.width, copy.height);
  let count = 0;
  for (let i = 4; i < data.length; i += 4) {
    count += data[i] === data[0] && data[i + 1] === data[1] && data[i + 2] === data[2] && data[i + 3] === 255 ? 1 : 0;
  }
  return count;
}
