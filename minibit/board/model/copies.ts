/** How often the blocks of a share are held. */
export interface CopyCounts {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
}

/** Fewest, mean and most copies of a block. */
export function copiesOf(copies: Uint16Array): CopyCounts {
  let min = copies[0] ?? 0;
  let max = 0;
  let sum = 0;
  for (const count of copies) {
    min = Math.min(min, count);
    max = Math.max(max, count);
    sum += count;
  }
  return { min, max, mean: sum / Math.max(1, copies.length) };
}
