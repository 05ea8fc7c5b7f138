/**
 * The peer as one file that runs on a machine where MiniBit is not installed: a script for those that have Bun, and an
 * executable with Bun in it for the others. Named by its hash, so that a machine that has it is not sent it again.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { semver } from "bun";
import { UserError } from "../core/errors.ts";
import { sha256 } from "./block_hasher.ts";
import { diskError } from "./disk_error.ts";
import { writeWhole } from "./peer_folder.ts";

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
  readonly #oldestBun: string;
  #script: Promise<{ readonly text: string; readonly hash: string }> | undefined;
  readonly #packed = new Map<string, Promise<Blob>>();

  /**
   * @param options.entry the script to run there
   * @param options.oldestBun the oldest version of Bun that it runs on
   * @param options.cache where executables are kept between runs
   */
  constructor(options: { readonly entry: string; readonly oldestBun: string; readonly cache?: string }) {
    this.#entry = options.entry;
    this.#oldestBun = options.oldestBun;
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

  /** Builds an executable, or takes the one an earlier run built. */
  async #packExecutable(target: string): Promise<Blob> {
    const kept = join(this.#cache, `${await this.hash()}.${target}.gz`);
    if (!existsSync(kept)) {
      const work = mkdtempSync(join(tmpdir(), "minibit-"));
      try {
        const built = join(work, "peer");
        await this.#compile(target, built);
        mkdirSync(this.#cache, { recursive: true });
        writeWhole(kept, Bun.gzipSync(await Bun.file(built).bytes(), { level: 4 }));
      } catch (error) {
        throw diskError(`Cannot keep the executable for ${target} in '${this.#cache}'`, error);
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    }
    return Bun.file(kept);
  }

  async #compile(target: string, to: string): Promise<void> {
    const isOwn = target === targetOf(ownPlatform());
    const build = Bun.spawn(
      [
        ...[process.execPath, "build", "--compile", "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
        ...(isOwn ? [] : [`--target=bun-${target}`]),
        ...[this.#entry, "--outfile", to],
      ],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    const [said, exitCode] = await Promise.all([build.stderr.text(), build.exited]);
    if (exitCode !== 0) {
      const why = said.trim().split("\n").at(-1) ?? "";
      throw new UserError(`Cannot build an executable for ${target}: ${why} (install Bun ${this.#oldestBun} there)`);
    }
  }
}

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
