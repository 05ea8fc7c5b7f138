/**
 * The peer as one file that runs on a machine where MiniBit is not installed: a script for those that have Bun, and an
 * executable with Bun in it for the others. Named by its hash, so that a machine that has it is not sent it again.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { semver } from "bun";
import { UserError } from "../core/base/errors.ts";
import { diskError } from "../io/os/disk_error.ts";
import { keptProgram, tidyPrograms, touch } from "../io/os/program_cache.ts";
import { sha256 } from "../io/store/block_hasher.ts";
import { writeWhole } from "../io/store/peer_folder.ts";

/** What is known of a machine before anything is sent to it. */
export interface Platform {
  /** As `uname -s` and `uname -m` say; musl: its C library is not glibc. */
  readonly system: string;
  readonly machine: string;
  readonly isMusl: boolean;
  /** The version of the Bun it has. */
  readonly bunVersion: string | undefined;
}

/** One file to be sent, packed with gzip. */
export interface RemoteProgram {
  /** Tells its contents and, by its ending, how to run it: `<hash>.js` with Bun, `<hash>.<target>` as it is. */
  readonly name: string;
  packed(): Promise<Blob>;
}

/** Makes the file that a machine can run, each at most once. */
export class RemotePrograms {
  readonly #entry: string;
  readonly #cache: string;
  readonly #tmp: string;
  readonly #oldestBun: string;
  #script: Promise<{ readonly text: string; readonly hash: string }> | undefined;
  readonly #packed = new Map<string, Promise<Blob>>();
  readonly #builds = new Set<Bun.Subprocess>();
  #isClosed = false;

  /**
   * @param options.entry the script to run there
   * @param options.oldestBun the oldest version of Bun that it runs on
   * @param options.cache where executables are kept between runs
   * @param options.tmp where they are built
   */
  constructor(options: {
    readonly entry: string;
    readonly oldestBun: string;
    readonly cache?: string;
    readonly tmp?: string;
  }) {
    this.#entry = options.entry;
    this.#oldestBun = options.oldestBun;
    this.#tmp = options.tmp ?? tmpdir();
    this.#cache = options.cache ?? join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "minibit");
  }

  /** What all its files' names begin with. */
  async hash(): Promise<string> {
    return (await this.#bundled()).hash;
  }

  /** The file for a machine. @throws {UserError} there is none for its system */
  async programFor(platform: Platform): Promise<RemoteProgram> {
    const { bunVersion } = platform;
    const hash = await this.hash();
    if (bunVersion !== undefined && isVersion(bunVersion) && semver.order(bunVersion, this.#oldestBun) >= 0) {
      return { name: `${hash}.js`, packed: () => this.#once("js", () => this.#packScript()) };
    }
    const target = targetOf(platform);
    return { name: `${hash}.${target}`, packed: () => this.#once(target, () => this.#packExecutable(target)) };
  }

  #once(key: string, make: () => Promise<Blob>): Promise<Blob> {
    const known = this.#packed.get(key) ?? make();
    this.#packed.set(key, known);
    return known;
  }

  #bundled(): Promise<{ readonly text: string; readonly hash: string }> {
    this.#script ??= this.#bundle();
    return this.#script;
  }

  async #bundle(): Promise<{ readonly text: string; readonly hash: string }> {
    // without comments, for they hold paths, and the same program would have another hash from another folder
    const minify = { whitespace: true, syntax: true };
    const built = await Bun.build({ entrypoints: [this.#entry], target: "bun", minify });
    const text = (await built.outputs[0]?.text()) ?? "";
    return {
      text,
      hash: sha256(Buffer.from(`${Bun.version}\n${text}`))
        .toHex()
        .slice(0, 32),
    };
  }

  async #packScript(): Promise<Blob> {
    return new Blob([Bun.gzipSync(Buffer.from((await this.#bundled()).text))]);
  }

  /** Ends what is being built; resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const build of this.#builds) {
      build.kill("SIGKILL");
    }
    await Promise.allSettled(this.#packed.values());
  }

  /** Builds an executable, or takes the one an earlier run built. */
  async #packExecutable(target: string): Promise<Blob> {
    const kept = keptProgram(this.#cache, { hash: await this.hash(), target });
    if (existsSync(kept)) {
      touch(kept);
    } else {
      const work = mkdtempSync(join(this.#tmp, "minibit-"));
      try {
        const built = join(work, "peer");
        await this.#compile(target, { to: built, cwd: work });
        mkdirSync(this.#cache, { recursive: true });
        writeWhole(kept, await packed(await Bun.file(built).bytes(), { level: 4 }));
      } catch (error) {
        throw diskError(`Cannot keep the executable for ${target} in '${this.#cache}'`, error);
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    }
    tidyPrograms(this.#cache);
    return Bun.file(kept);
  }

  /** @param options.cwd where Bun may put what it makes on the way: it stays there when Bun is killed */
  async #compile(target: string, options: { readonly to: string; readonly cwd: string }): Promise<void> {
    if (this.#isClosed) {
      throw new UserError(`Cannot build an executable for ${target}: everything is being stopped`);
    }
    const isOwn = target === targetOf(ownPlatform());
    const build = Bun.spawn(
      [
        ...[process.execPath, "build", "--compile", "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
        ...(isOwn ? [] : [`--target=bun-${target}`]),
        ...[this.#entry, "--outfile", options.to],
      ],
      { cwd: options.cwd, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    this.#builds.add(build);
    const [said, exitCode] = await Promise.all([build.stderr.text(), build.exited]);
    this.#builds.delete(build);
    if (exitCode !== 0) {
      const why = said.trim().split("\n").at(-1) ?? "";
      throw new UserError(`Cannot build an executable for ${target}: ${why} (install Bun ${this.#oldestBun} there)`);
    }
  }
}

/** Not in this turn: it takes seconds, and the peers that run already are to be heard. */
const packed = promisify<Uint8Array, { level: number }, Buffer>(gzip);

function isVersion(text: string): boolean {
  return semver.satisfies(text, ">=0.0.0");
}

function ownPlatform(): Platform {
  const system = process.platform === "darwin" ? "Darwin" : "Linux";
  return { system, machine: process.arch, isMusl: existsSync("/etc/alpine-release"), bunVersion: Bun.version };
}

/** What Bun calls a machine's kind: `linux-x64-musl`. @throws {UserError} Bun does not run there */
function targetOf({ system, machine, isMusl }: Platform): string {
  const systems: { readonly [name: string]: string } = { Linux: "linux", Darwin: "darwin" };
  const machines: { readonly [name: string]: string } = { x86_64: "x64", x64: "x64", aarch64: "arm64", arm64: "arm64" };
  const [os, cpu] = [systems[system], machines[machine]];
  if (os === undefined || cpu === undefined) {
    throw new UserError(`Cannot run on ${system} ${machine}: Bun is not made for it`);
  }
  return `${os}-${cpu}${isMusl ? "-musl" : ""}`;
}
