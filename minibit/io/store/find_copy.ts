/** Which copy a direct store continues: a finished one, a `.part`, or a damaged one that it repairs. */
import { renameSync } from "node:fs";
import { quote } from "../../core/base/quote.ts";
import type { Bitfield } from "../../core/share/bitfield.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { diskError } from "../os/disk_error.ts";
import type { Placement } from "./placement.ts";
import { findBlocks, remove } from "./result.ts";

/** The copy that a direct store works on: its path, and which of its blocks are intact. */
export interface Copy {
  readonly root: string;
  readonly held: Bitfield;
}

/**
 * Finds a finished copy whose blocks are all intact, and removes an unfinished one beside it.
 *
 * @throws {UserError} the copy may not be read
 */
export async function findWhole(
  placement: Placement,
  { part, manifest }: { readonly part: string; readonly manifest: Manifest },
): Promise<Copy | undefined> {
  if (!(await placement.looksWhole())) {
    return undefined;
  }
  const held = await findBlocks(placement.result, manifest);
  if (!held.complete) {
    return undefined;
  }
  await remove(part);
  return { root: placement.result, held };
}

/**
 * Finds the `.part` to continue. One without an intact block is not of this share, and is removed.
 *
 * @param options.repairs whether a damaged copy becomes the `.part` again; otherwise it stays as an older copy
 * @throws {UserError} something that would be lost is in its place; the disk failed
 */
export async function findPart(
  placement: Placement,
  options: { readonly part: string; readonly manifest: Manifest; readonly repairs: boolean },
): Promise<Copy> {
  const { part, manifest, repairs } = options;
  await placement.check();
  const inPart = await findBlocks(part, manifest);
  if (inPart.count > 0 || !repairs) {
    return { root: part, held: inPart };
  }
  await remove(part);
  const inResult = await findBlocks(placement.result, manifest);
  if (inResult.count === 0) {
    return { root: part, held: inPart };
  }
  try {
    renameSync(placement.result, part);
  } catch (error) {
    throw diskError(`Cannot rename ${quote(placement.result)} to mend it`, error);
  }
  return { root: part, held: inResult };
}
