/** Colours of canvases: numbers made of CSS's `#rrggbb`, and scales between them. */

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** Reads `#rrggbb`; black when it is anything else. */
export function parseColour(text: string): Colour {
  const match = /^#([0-9a-f]{6})$/i.exec(text.trim());
  const value = Number.parseInt(match?.[1] ?? "000000", 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Between two colours: `part` 0 is the first, 1 the second. */
export function blend(from: Colour, to: Colour, part: number): Colour {
  const by = Math.max(0, Math.min(1, part));
  const mix = (a: number, b: number): number => Math.round(a + (b - a) * by);
  return [mix(from[0], to[0]), mix(from[1], to[1]), mix(from[2], to[2])];
}

/** As `ImageData` keeps a pixel, on the little-endian machines that there are. */
export function packed([red, green, blue]: Colour): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** As CSS and canvases read it. */
export function cssColour([red, green, blue]: Colour, alpha = 1): string {
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}

/** How rare a block is: 0, the only copy, to 1, everybody has it. Few copies count most, so the scale is not even. */
export function commonness(copies: number, peers: number): number {
  return peers <= 1 || copies <= 1 ? 0 : Math.min(1, Math.log(copies) / Math.log(peers));
}
