import { formatClock } from "../../core/base/formats.ts";
import { Playback } from "../recording/playback.ts";
import { readRecording } from "../recording/read_recording.ts";
import type { BoardPage } from "./board_page.ts";
import { make, setText } from "./dom.ts";

const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 20, 50];
const STEP_MS = 1000;
const LEAP_MS = 10_000;

/** Shows a recording: at its end first, where the verdict is; playing from there starts at the beginning. */
export function startReplay(page: BoardPage, text: string): HTMLElement {
  return new Replay(page, new Playback(readRecording(text).events)).element;
}

class Replay {
  readonly #page: BoardPage;
  readonly #playback: Playback;
  readonly #play = make("button", { class: "play", attributes: { type: "button", "aria-keyshortcuts": "Space" } });
  readonly #slider: HTMLInputElement;
  readonly #time = make("output");
  readonly #speed = make("select", { attributes: { "aria-label": "Speed" } });
  readonly element: HTMLElement;
  #isPlaying = false;
  #frameMs = 0;

  constructor(page: BoardPage, playback: Playback) {
    this.#page = page;
    this.#playback = playback;
    this.#slider = make("input", {
      attributes: { type: "range", min: "0", max: String(playback.endMs), step: "any", "aria-label": "Time" },
    });
    this.#speed.append(
      ...SPEEDS.map((speed) => make("option", { text: `${speed} x`, attributes: { value: String(speed) } })),
    );
    this.#speed.value = "1";
    this.element = make("section", {
      class: "replay",
      attributes: { "aria-label": "Replay" },
      children: [this.#play, this.#slider, this.#time, this.#speed],
    });
    this.#play.addEventListener("click", () => this.#toggle());
    this.#slider.addEventListener("input", () => this.#seek(Number(this.#slider.value)));
    this.#slider.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keydown", (event) => {
      if (event.key === " " && !takesSpace(event.target)) {
        event.preventDefault();
        this.#toggle();
      }
    });
    page.setState("replay");
    this.#setPlaying(false);
    this.#seek(playback.endMs);
  }

  #seek(t: number): void {
    this.#playback.seek(t);
    const { nowMs, endMs, model } = this.#playback;
    const words = `${formatClock(nowMs)} of ${formatClock(endMs)}`;
    this.#slider.value = String(nowMs);
    this.#slider.setAttribute("aria-valuetext", words);
    setText(this.#time, `${formatClock(nowMs)} / ${formatClock(endMs)}`);
    this.#page.show({ model, nowMs, endMs });
  }

  #toggle(): void {
    if (!this.#isPlaying && this.#playback.nowMs >= this.#playback.endMs) {
      this.#seek(0);
    }
    this.#setPlaying(!this.#isPlaying);
  }

  #setPlaying(isPlaying: boolean): void {
    this.#isPlaying = isPlaying;
    setText(this.#play, isPlaying ? "Pause" : "Play");
    if (isPlaying) {
      this.#frameMs = performance.now();
      requestAnimationFrame((nowMs) => this.#frame(nowMs));
    }
  }

  #frame(nowMs: number): void {
    if (!this.#isPlaying) {
      return;
    }
    const elapsedMs = Math.max(0, nowMs - this.#frameMs);
    this.#frameMs = nowMs;
    this.#seek(this.#playback.nowMs + elapsedMs * Number(this.#speed.value));
    if (this.#playback.nowMs >= this.#playback.endMs) {
      this.#setPlaying(false);
    } else {
      requestAnimationFrame((next) => this.#frame(next));
    }
  }

  /** The browser's own steps depend on the length of the recording; ours are a second, or ten. */
  #key(event: KeyboardEvent): void {
    const step = event.shiftKey ? LEAP_MS : STEP_MS;
    const { nowMs, endMs } = this.#playback;
    const to = {
      ArrowLeft: nowMs - step,
      ArrowDown: nowMs - step,
      ArrowRight: nowMs + step,
      ArrowUp: nowMs + step,
      PageDown: nowMs - LEAP_MS,
      PageUp: nowMs + LEAP_MS,
      Home: 0,
      End: endMs,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.#seek(to);
    }
  }
}

/** Whether the space bar already means something where the focus is. */
function takesSpace(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, select, summary, input[type=checkbox]") !== null;
}
