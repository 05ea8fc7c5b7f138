import { type Colour, parseColour } from "../view/colours.ts";
import { context2d, make, setText } from "./dom.ts";

/** Colours of the canvases, as the style sheet says them. */
export interface Palette {
  readonly background: Colour;
  readonly text: Colour;
  readonly muted: Colour;
  readonly line: Colour;
  readonly missing: Colour;
  readonly inFlight: Colour;
  readonly held: Colour;
  readonly rare: Colour;
  readonly common: Colour;
  readonly regular: Colour;
  readonly optimistic: Colour;
  readonly choked: Colour;
  /** For lines of peers; told apart by their dashes too. */
  readonly lines: readonly Colour[];
  readonly font: string;
}

const STORED = "minibit theme";
const LINES = 7;

/** Light or dark: as the system says, until somebody chooses. */
export class Theme {
  readonly button = make("button", { class: "quiet theme", attributes: { type: "button" } });
  readonly #system = window.matchMedia("(prefers-color-scheme: dark)");
  #palette: Palette;

  constructor(onChange: () => void) {
    this.#set(readStored() ?? this.#systemTheme());
    this.#palette = readPalette();
    const change = (theme: string): void => {
      this.#set(theme);
      this.#palette = readPalette();
      onChange();
    };
    this.#system.addEventListener("change", () => {
      if (readStored() === undefined) {
        change(this.#systemTheme());
      }
    });
    this.button.addEventListener("click", () => {
      const theme = document.documentElement.dataset["theme"] === "dark" ? "light" : "dark";
      store(theme);
      change(theme);
    });
  }

  get palette(): Palette {
    return this.#palette;
  }

  #systemTheme(): string {
    return this.#system.matches ? "dark" : "light";
  }

  #set(theme: string): void {
    document.documentElement.dataset["theme"] = theme;
    setText(this.button, theme === "dark" ? "Light colours" : "Dark colours");
  }
}

function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  // whatever way a style sheet, or what made it shorter, writes a colour: a canvas tells it as #rrggbb
  const canvas = context2d(make("canvas"));
  const colour = (name: string): Colour => {
    canvas.fillStyle = style.getPropertyValue(`--${name}`);
    return parseColour(String(canvas.fillStyle));
  };
  return {
    background: colour("panel"),
    text: colour("text"),
    muted: colour("muted"),
    line: colour("line"),
    missing: colour("missing"),
    inFlight: colour("in-flight"),
    held: colour("held"),
    rare: colour("rare"),
    common: colour("common"),
    regular: colour("regular"),
    optimistic: colour("optimistic"),
    choked: colour("choked"),
    lines: Array.from({ length: LINES }, (_, i) => colour(`line-${i}`)),
    font: style.fontFamily,
  };
}

// a page from a file, or in a strict browser, may keep nothing: then the choice lasts as long as the page
function readStored(): string | undefined {
  try {
    const theme = localStorage.getItem(STORED);
    return theme === "light" || theme === "dark" ? theme : undefined;
  } catch {
    return undefined;
  }
}

function store(theme: string): void {
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // see above
  }
}
