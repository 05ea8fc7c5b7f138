import type { Manifest } from "../../core/share/manifest.ts";
import { getLogger } from "../os/logging.ts";
import { sameDigest } from "../store/block_hasher.ts";
import type { BlockStore } from "../store/block_store.ts";
import { withFaults } from "../store/faulty_store.ts";
import { openKept, openKeptWhole, openSeed, openStore } from "../store/open_store.ts";
import { swarmIdOf } from "../store/share.ts";
import { type Claim, claimFolder, claimFor } from "./claim.ts";
import type { OpenShare } from "./peer_driver.ts";
import { type PeerOptions, placeOf } from "./peer_options.ts";

const log = getLogger();

/** Opens a peer's share, from wherever it is to be had, at the place that this peer alone writes to. */
export class ShareOpener {
  readonly #options: PeerOptions;
  /** All of a share, kept by an earlier run: looked for while no tracker tells which share it is to be. */
  #keptWhole: Promise<OpenShare | undefined> | undefined;
  /** What this peer alone writes to; a claim that is under way counts. */
  #claiming: Promise<Claim> | undefined;
  /** All blocks are here, but the copy could not be put in its place: it stays for the next run. */
  #isStranded = false;
  #syncMs = 0;

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  /** How long it took until the disk had the copy. */
  get syncMs(): number {
    return this.#syncMs;
  }

  /** Claims the place of a peer that fetches. @throws {UserError} another process is at work there; no copy could be put there */
  async claim(): Promise<void> {
    this.#claiming = claimFor(this.#options);
    await this.#claiming;
  }

  /** Lets others in. @param options.isComplete this peer has its copy */
  async release({ isComplete }: { readonly isComplete: boolean }): Promise<void> {
    const claim = await this.#claiming?.catch(() => undefined); // what is half claimed is released by itself
    await claim?.release({ keepParts: this.#isStranded || (!isComplete && this.#options.keepPartial === true) });
  }

  /** The share of the peer that has the source; claims its folder. */
  async openSource(source: string): Promise<OpenShare> {
    const { dir, id, store, blockSizeBytes } = this.#options;
    const onScanned = (): void => {
      this.#claiming = Promise.resolve(claimFolder(dir, id));
    };
    return await this.prepared(await openSeed(source, { dir, peerId: id, store, blockSizeBytes, onScanned }));
  }

  /** The store for a manifest that was fetched. */
  async openFetched(manifest: Manifest, manifestBytes: Uint8Array): Promise<BlockStore> {
    const store = await openStore({ manifest, manifestBytes, ...this.#place });
    return (await this.prepared({ manifest, manifestBytes, store })).store;
  }

  /** Looks for all of a share, of whichever swarm, kept by an earlier run: to be used, or left to `openKept`. */
  async findWhole(): Promise<OpenShare | undefined> {
    // what cannot be used is told when the tracker has named the swarm: it may be another
    this.#keptWhole = openKeptWhole(this.#place).catch(() => undefined);
    return await this.#keptWhole;
  }

  /** What an earlier run kept of this swarm's share, if it kept anything. */
  async openKept(swarmId: Uint8Array): Promise<OpenShare | undefined> {
    const whole = await this.#keptWhole;
    const isIt = whole !== undefined && sameDigest(swarmIdOf(whole.manifestBytes), swarmId);
    if (!isIt) {
      await whole?.store.close();
    }
    const found = isIt ? whole : await openKept(swarmId, this.#place);
    return found === undefined ? undefined : await this.prepared(found);
  }

  /** The share as this peer serves it: as it is, unless faults are injected. */
  async prepared(share: OpenShare): Promise<OpenShare> {
    const { corrupt, killAt } = this.#options;
    return { ...share, store: await withFaults(share.store, { corrupt, killAt, die: (blocks) => this.#die(blocks) }) };
  }

  /** Puts a copy that is complete in its place; returns where that is. @throws {UserError} it cannot be put there */
  async finish(store: BlockStore | undefined): Promise<string | undefined> {
    try {
      return await store?.finish();
    } catch (error) {
      this.#isStranded = true;
      log.warn("all blocks are here and stay in {dir}: started again, this peer fetches none of them", {
        dir: this.#options.dir,
      });
      throw error;
    }
  }

  /** Ends as by `kill -9`: not even the tracker hears a word. Only who watches this process is told before. */
  #die(blocks: number): void {
    this.#options.reporter.report({ event: "killed", blocks });
    process.stdout.write("", () => process.kill(process.pid, "SIGKILL"));
  }

  get #place(): ReturnType<typeof placeOf> {
    return {
      ...placeOf(this.#options),
      onNote: (text) => log.warn("{text}", { text }),
      onSynced: (ms) => {
        this.#syncMs = ms;
      },
    };
  }
}
