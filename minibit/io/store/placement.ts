import { join } from "node:path";
import { UserError } from "../../core/base/errors.ts";
import { quote } from "../../core/base/quote.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { checkFreeSpace } from "../os/free_space.ts";
import { differentTree, removeExtraEntries } from "./compare_tree.ts";
import { guardCopy } from "./copy_guard.ts";
import { type PeerFolderOptions, peerFolder, resultPath } from "./peer_folder.ts";
import { type CopyPlace, putInPlace, recoverPlace } from "./put_in_place.ts";
import { completeTree, statusOf } from "./result.ts";

/** What the user said of a copy's destination, and what is reported. */
export interface PlacementOptions {
  /** Whether something other than an older copy may be replaced. */
  readonly replace?: boolean | undefined;
  /** Whether to skip the wait until the copy is on disk: for measurements. */
  readonly skipSync?: boolean | undefined;
  /** Whether to try a copy that seems not to fit on the disk. */
  readonly ignoreSpace?: boolean | undefined;
  /** Gets notes for the user that are not errors. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Told how long the disk was waited for at the end, in milliseconds. */
  readonly onSynced?: ((ms: number) => void) | undefined;
}

/** Where one peer's copy of a share goes, and how it gets there; the same for every store. */
export class Placement {
  readonly place: CopyPlace;
  readonly #manifest: Manifest;
  readonly #options: PlacementOptions & Pick<PeerFolderOptions, "to">;

  /** @param options.to the place, when the user named one; else it is `reconstruido_peer_<id>` */
  constructor(options: PeerFolderOptions & PlacementOptions) {
    const { dir, peerId, to, manifest } = options;
    this.place =
      to === undefined
        ? { result: resultPath(dir, options), home: peerFolder(dir, peerId) }
        : { result: to.replace(/(?<=.)\/+$/, ""), home: dir };
    this.#manifest = manifest;
    this.#options = options;
  }

  get result(): string {
    return this.place.result;
  }

  /** Completes what a killed run began. @throws {UserError} something else is in the way */
  recover(): Promise<void> {
    return recoverPlace(this.place);
  }

  /** Whether what stands there has the names, kinds, sizes and modes of the share; contents are not read. */
  async looksWhole(): Promise<boolean> {
    return statusOf(this.result) !== undefined && (await differentTree(this.result, this.#manifest)) === undefined;
  }

  /** Refuses to replace what the user would lose. @throws {UserError} naming it */
  async check(): Promise<void> {
    const { to } = this.#options;
    const { kind, name } = this.#manifest;
    if (kind === "file" && to?.endsWith("/") === true) {
      throw new UserError(
        `Cannot put the file "${name}" at ${quote(to)}: that is how folders are written (use --to ${join(to, name)})`,
      );
    }
    const goes = await guardCopy(this.place, { ...this.#guardOptions });
    if (goes !== undefined) {
      this.#options.onNote?.(goes);
    }
  }

  /** Refuses a copy that does not fit on the disk. @param needBytes bytes still to be written */
  checkFreeSpace(needBytes: number): void {
    if (this.#options.ignoreSpace !== true) {
      checkFreeSpace(this.place.home, { needBytes, olderCopy: statusOf(this.result) !== undefined });
    }
  }

  /**
   * Gives a copy at `part`, all of whose blocks are right, its modes, empty files and folders, and its final name.
   *
   * @param options.isRight whether all blocks still are, asked right before; left out: they are
   * @param options.onPlaced told in the very turn of the event loop in which it moves, and when something in it changed last
   * @throws {UserError} it could not; what was there is there still, and the copy at `part`
   */
  async put(
    part: string,
    options: { readonly isRight?: () => boolean; readonly onPlaced?: (newestChangeMs: number) => void } = {},
  ): Promise<void> {
    const { skipSync = false, replace = false, onNote, onSynced } = this.#options;
    const { isRight = () => true, onPlaced } = options;
    await removeExtraEntries(part, this.#manifest);
    if (!(await completeTree(part, this.#manifest))) {
      onNote?.(
        `The disk of ${quote(this.result)} keeps no permissions: which files may be run is not as at the source`,
      );
    }
    const syncMs = await putInPlace(part, this.place, {
      manifest: this.#manifest,
      check: async () => {
        await guardCopy(this.place, this.#guardOptions);
        if (!isRight()) {
          throw new UserError(`Cannot complete ${quote(part)}: it was damaged on disk (start again to fetch it anew)`);
        }
      },
      mayLose: replace,
      ...(onNote === undefined ? {} : { onNote }),
      ...(onPlaced === undefined ? {} : { onPlaced }),
      sync: !skipSync,
    });
    onSynced?.(syncMs);
  }

  get #guardOptions(): { readonly manifest: Manifest; readonly replace: boolean; readonly isNamed: boolean } {
    const { replace = false, to } = this.#options;
    return { manifest: this.#manifest, replace, isNamed: to !== undefined };
  }
}
