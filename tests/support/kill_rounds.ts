/**
 * Short swarms in which a peer is killed with -9 at a random moment and started again: nothing verified is lost, no wrong byte
 * ever bears a copy's name, the second run ends by itself, and leaves only what it should.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createRng, type Rng } from "../../minibit/core/base/rng.ts";
import { parseReport } from "../../minibit/io/driver/peer_report.ts";
import { randomBytes, readTree, type Tree, writeTree } from "../../minibit/io/testing/temp_share.ts";
import { childrenOf, isAlive } from "./processes.ts";
import { until } from "./until.ts";

const ROOT = join(import.meta.dir, "..", "..");
/** Moments later than this find a peer that is done. */
const LAST_MOMENT_MS = 1300;
const END_MS = 30_000;

/** What is killed: a peer with one of the stores, or a whole run; what stands where its copy goes before. */
export const KINDS = [
  { name: "folder store", flags: ["--store", "folder"], place: "dir", older: false },
  { name: "folder store, older copy", flags: ["--store", "folder", "--replace"], place: "dir", older: true },
  { name: "direct store", flags: ["--store", "direct"], place: "dir", older: false },
  { name: "direct store, older copy", flags: ["--store", "direct", "--replace"], place: "dir", older: true },
  { name: "--to", flags: [], place: "to", older: false },
  { name: "--to, older copy", flags: [], place: "to", older: true },
  { name: "--to, older copy, kept parts", flags: ["--keep-partial"], place: "to", older: true },
  { name: "run_full --resume", flags: ["--store", "folder"], place: "run", older: false },
  { name: "run_full --resume, direct store", flags: ["--store", "direct"], place: "run", older: false },
] as const;
type Kind = (typeof KINDS)[number];

/** A round: who is killed, and when, in milliseconds after its start. */
export interface Round {
  readonly kind: Kind;
  readonly killMs: number;
}

/** Rounds that are the same for the same seed, each kind as often. */
export function roundsOf(count: number, seed: number): Round[] {
  const rng: Rng = createRng(seed);
  return Array.from({ length: count }, (_, i) => ({
    kind: KINDS[i % KINDS.length] as Kind,
    killMs: rng.below(LAST_MOMENT_MS),
  }));
}

const OLDER: Tree = { "a.bin": randomBytes(200_000, 1), "sub/b.bin": randomBytes(200_000, 2), gone: "x", "sub/c": "c" };
const NEWER: Tree = { ...OLDER, "a.bin": randomBytes(220_000, 3), "new/d": randomBytes(100_000, 4), "sub/c": "C" };

/** A tracker and a seed, and room for the rounds. */
export class KillBed {
  readonly #folder: string;
  readonly #processes: Bun.Subprocess[] = [];
  #tracker = "";
  #older: ReadonlyMap<string, string> = new Map();
  #newer: ReadonlyMap<string, string> = new Map();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts a swarm to kill peers of. @param folder an empty one */
  static async up(folder: string): Promise<KillBed> {
    const bed = new KillBed(folder);
    writeTree(bed.#path("newer"), NEWER);
    writeTree(bed.#path("older"), OLDER);
    const made = bed.#path("template");
    mkdirSync(made);
    await bed.#swarm("older");
    await bed.#peer(["--to", join(made, "copy")]).exited;
    await bed.close();
    await bed.#swarm("newer");
    bed.#older = withoutTop(readTree(bed.#path("older")));
    bed.#newer = withoutTop(readTree(bed.#path("newer")));
    return bed;
  }

  /** Ends the swarm. */
  async close(): Promise<void> {
    const left = this.#processes.splice(0);
    for (const child of left) {
      child.kill("SIGKILL");
    }
    await Promise.all(left.map((child) => child.exited));
  }

  /** Lives through one round; returns what was wrong, in words. */
  async round({ kind, killMs }: Round): Promise<string | undefined> {
    const dir = this.#path("round");
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    if (kind.older) {
      // node:fs copies times to the microsecond only, and the record would not know them again
      Bun.spawnSync(["cp", "-a", `${this.#path("template")}/.`, dir]);
      if (kind.place === "dir") {
        cpSync(join(dir, "copy"), join(dir, "reconstruido_peer_1"), { recursive: true });
        rmSync(join(dir, "copy"), { recursive: true });
        rmSync(join(dir, ".copy.minibit"), { recursive: true });
      }
    }
    const copies = kind.place === "to" ? ["copy"] : kind.place === "dir" ? ["reconstruido_peer_1"] : RUN_COPIES;
    const first = this.#start(kind, dir, false);
    const reports = readReports(first);
    await Promise.race([first.exited, Bun.sleep(killMs)]); // the moment is what is tried out here
    const children = [...childrenOf(first.pid).keys()];
    first.kill("SIGKILL");
    await first.exited;
    await until("the children to end", () => children.every((pid) => !isAlive(pid)) || undefined);
    const kept = (await reports).blocks;
    const wrong = copies.map((name) => this.#wrongCopy(join(dir, name))).find((text) => text !== undefined);
    if (wrong !== undefined) {
      return `after the kill ${wrong}`;
    }
    const second = this.#start(kind, dir, true);
    const told = readReports(second);
    const timer = setTimeout(() => second.kill("SIGKILL"), END_MS);
    const exitCode = await second.exited;
    clearTimeout(timer);
    if (exitCode !== 0) {
      return `the second run ended with ${exitCode}: ${await new Response(second.stderr).text()}`;
    }
    const { found } = await told;
    if (kind.place !== "run" && found < kept) {
      return `${kept} blocks were verified, and ${found} found again`;
    }
    const unlike = copies.find((name) => !isSame(withoutTop(readTree(join(dir, name))), this.#newer));
    return unlike === undefined ? leftOver(kind, dir) : `${unlike} is not the share`;
  }

  #wrongCopy(path: string): string | undefined {
    if (!existsSync(path)) {
      return undefined;
    }
    const tree = withoutTop(readTree(path));
    return isSame(tree, this.#older) || isSame(tree, this.#newer) ? undefined : `${path} is neither copy`;
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  async #swarm(source: string): Promise<void> {
    const tracker = this.#spawn(["tracker.ts", "--port", "0", "--http-port", "0"]);
    this.#processes.push(tracker);
    const listening = /listening on (\S+),/;
    this.#tracker = listening.exec(await firstLine(tracker, listening))?.[1] ?? "";
    const sharing = ["--source", this.#path(source), "--dir", this.#path(`seed-${source}`), "--block-size", "8KiB"];
    const seed = this.#spawn(["peer.ts", "0", ...this.#network(), ...sharing, "--upload-limit", "1500KiB/s"]);
    this.#processes.push(seed);
    await firstLine(seed, /"event":"ready"/);
  }

  #start(kind: Kind, dir: string, resumes: boolean): Bun.Subprocess<"ignore", "pipe", "pipe"> {
    if (kind.place !== "run") {
      return this.#peer([...(kind.place === "to" ? ["--to", join(dir, "copy")] : ["--dir", dir]), ...kind.flags]);
    }
    const ports = ["--port", "0", "--http-port", "0", "--peer-port", "0"];
    const limits = ["--block-size", "8KiB", "--upload-limit", "1MiB/s"];
    const flags = ["--dir", dir, "--source", this.#path("newer"), ...kind.flags, ...(resumes ? ["--resume"] : [])];
    return this.#spawn(["run_full.ts", "--peers", String(RUN_COPIES.length + 1), ...ports, ...limits, ...flags]);
  }

  #peer(flags: readonly string[]): Bun.Subprocess<"ignore", "pipe", "pipe"> {
    return this.#spawn(["peer.ts", "1", ...this.#network(), "--linger", "0s", ...flags]);
  }

  #network(): string[] {
    return ["--events", "--port", "0", "--tracker", this.#tracker];
  }

  #spawn([script = "", ...args]: readonly string[]): Bun.Subprocess<"ignore", "pipe", "pipe"> {
    return Bun.spawn([process.execPath, join(ROOT, script), ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  }
}

const RUN_COPIES: readonly string[] = ["reconstruido_peer_1", "reconstruido_peer_2"];

/** What is there that should not be, once all is done. */
function leftOver({ place }: Kind, dir: string): string | undefined {
  const names = readdirSync(dir).sort();
  const ids = place === "run" ? [0, 1, 2] : [1];
  const expected =
    place === "to"
      ? [".copy.minibit", "copy"]
      : [...ids.map((id) => `blocos_peer_${id}`), ...(place === "run" ? RUN_COPIES : ["reconstruido_peer_1"])];
  if (names.join() !== expected.join()) {
    return `left over: ${names.join()}`;
  }
  const inside =
    place === "to"
      ? readdirSync(join(dir, ".copy.minibit"))
      : ids.flatMap((id) => readdirSync(join(dir, `blocos_peer_${id}`)));
  const known = place === "to" ? /^copy\.txt$/ : /^(block_\d+|block_count\.txt|manifest\.json|copy\.txt)$/;
  const strange = inside.filter((name) => !known.test(name));
  return strange.length === 0 ? undefined : `left over inside: ${strange.join()}`;
}

/** How many blocks a peer had verified as it said last, and how many it found when it started. */
async function readReports(
  child: Bun.Subprocess<"ignore", "pipe", "pipe">,
): Promise<{ blocks: number; found: number }> {
  let [blocks, found] = [0, 0];
  for (const line of (await new Response(child.stdout).text()).split("\n")) {
    const report = parseReport(line);
    if (report?.event === "share") {
      found = report.blocks;
      blocks = Math.max(blocks, found);
    } else if (report?.event === "progress") {
      blocks = Math.max(blocks, report.blocks);
    }
  }
  return { blocks, found };
}

async function firstLine(child: Bun.Subprocess<"ignore", "pipe", "pipe">, pattern: RegExp): Promise<string> {
  const reader = child.stdout.getReader();
  let text = "";
  while (!pattern.test(text)) {
    const { value, done } = await reader.read();
    if (done) {
      throw new Error(`ended before ${pattern}: ${await new Response(child.stderr).text()}`);
    }
    text += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  return text;
}

/** A tree without the line of its own folder. */
function withoutTop(tree: Map<string, string>): Map<string, string> {
  tree.delete("");
  return tree;
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, content]) => b.get(path) === content);
}
