/** A slice of a block: what one REQUEST asks and one BLOCK brings; offset and length in bytes. */
export interface Unit {
  readonly block: number;
  readonly offset: number;
  readonly length: number;
}

/** Whether two units are the same bytes of the same block. */
export function sameUnit(a: Unit, b: Unit): boolean {
  return a.block === b.block && a.offset === b.offset && a.length === b.length;
}
