/**
 * A peer on another machine, started over OpenSSH: one connection a machine, which first tells what is there, then takes
 * the program if it is not, and then carries the peer's reports. When the connection ends so does the peer.
 */
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { RemoteHost } from "./hosts_file.ts";
import { EXIT_WITH_PARENT } from "./lifecycle.ts";
import { type Child, type ChildExit, describeExit, endChild, type ProcessGroup } from "./process_group.ts";
import type { Platform, RemotePrograms } from "./remote_program.ts";

/** A machine that does not answer for so long is unreachable. */
const CONNECT_TIMEOUT_S = 10;
/** A connection over which nothing comes back for three times so long is lost. */
const ALIVE_INTERVAL_S = 5;
/** Bytes written at once. */
const CHUNK_BYTES = 256 * 1024;
/** What runs first on the other machine, and what the lines it says begin with. */
const SCRIPT = Bun.file(join(import.meta.dir, "remote_start.sh"));
const MARK = "minibit-host";

/** What the machine told of itself. */
export interface RemoteFacts extends Platform {
  /** Where it sees us, and where we called it: numeric addresses; undefined when its SSH server does not tell. */
  readonly ourAddress: string | undefined;
  readonly ownAddress: string | undefined;
}

/** Why a machine gets no copy, in words for the user. */
export class RemoteFailure extends Error {
  override readonly name = "RemoteFailure";
}

/** One machine's connection, from the call to the peer's end. */
export class RemotePeer {
  readonly host: RemoteHost;
  /** Resolves when the peer and the connection have ended, with why. */
  readonly ended: Promise<RemoteFailure>;
  readonly #child: Child;
  readonly #facts = Promise.withResolvers<RemoteFacts>();
  readonly #stored = Promise.withResolvers<void>();
  readonly #onReport: (line: string) => void;
  #kept = "";
  #hasAnswered = false;
  #lastError = "";

  /**
   * Calls a machine.
   *
   * @param options.ssh the program and the arguments it is always given
   * @param options.hash see `RemotePrograms`
   * @param options.onReport gets each line the peer reports
   */
  constructor(
    host: RemoteHost,
    options: {
      readonly group: ProcessGroup;
      readonly ssh: readonly string[];
      readonly hash: string;
      readonly onReport: (line: string) => void;
    },
  ) {
    this.host = host;
    this.#onReport = options.onReport;
    for (const { promise } of [this.#facts, this.#stored]) {
      promise.catch(() => undefined); // who waits hears of it
    }
    this.#child = options.group.start({
      name: host.name,
      command: sshCommand(host, options),
      isRemote: true,
      onLine: (line) => this.#line(line),
      onErrorLine: (line) => {
        this.#lastError = line.trim() === "" ? this.#lastError : line.trim();
      },
    });
    SCRIPT.text()
      .then((text) => this.#send(Buffer.from(`${text}\n`)))
      .catch(() => undefined); // told by the exit
    this.ended = this.#child.exited.then((exit) => this.#failureOf(exit));
    void this.ended.then((failure) => {
      this.#facts.reject(failure);
      this.#stored.reject(failure);
    });
  }

  /** Resolves with what is known of the machine once it answers. @throws {RemoteFailure} it does not */
  get facts(): Promise<RemoteFacts> {
    return this.#facts.promise;
  }

  /**
   * Sends the program if the machine does not have it.
   *
   * @throws {RemoteFailure} it cannot be stored there, or the connection broke
   * @throws {UserError} there is no program for this machine
   */
  async install(programs: RemotePrograms): Promise<void> {
    const program = await programs.programFor(await this.facts);
    const packed = this.#kept.split(" ").includes(program.name) ? undefined : await program.packed();
    await this.#send(Buffer.from(`${program.name} ${packed?.size ?? 0}\n`));
    for (let at = 0; at < (packed?.size ?? 0); at += CHUNK_BYTES) {
      await this.#send((await packed?.slice(at, at + CHUNK_BYTES).bytes()) ?? new Uint8Array());
    }
    await this.#stored.promise;
  }

  /** Starts the peer. @throws {UserError} a flag has a line break in it */
  async start(id: number, flags: { readonly [name: string]: string }): Promise<void> {
    const environment = { ...flags, PEER: String(id), [EXIT_WITH_PARENT]: "1" };
    const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    if (lines.some((line) => /[\n\r\0]/.test(line))) {
      throw new UserError("Cannot hand on a flag with a line break in it (use another name)");
    }
    await this.#send(Buffer.from(`${lines.join("\n")}\n\n`));
  }

  /** Ends the peer and the connection. */
  async stop(): Promise<void> {
    await endChild(this.#child);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    try {
      await this.#child.send(bytes);
    } catch {
      throw await this.ended; // the connection is gone
    }
  }

  #line(line: string): void {
    const [mark, system = "", machine = "", musl = "", version = "", kept = "", connection = ""] = line.split("|");
    if (mark !== MARK) {
      this.#onReport(line);
    } else if (system === "stored") {
      this.#stored.resolve();
    } else {
      this.#kept = kept;
      this.#hasAnswered = true;
      const [ourAddress, , ownAddress] = connection.split(" ");
      this.#facts.resolve({
        system,
        machine,
        isMusl: musl !== "",
        bunVersion: version === "" ? undefined : version,
        ourAddress: ourAddress || undefined,
        ownAddress: ownAddress || undefined,
      });
    }
  }

  #failureOf(exit: ChildExit): RemoteFailure {
    const said = this.#lastError;
    if (exit.exitCode !== 255) {
      return new RemoteFailure(said === "" ? `its peer ${describeExit(exit)}` : said);
    }
    if (this.#hasAnswered) {
      return new RemoteFailure(`lost: the connection to it broke${said === "" ? "" : `: ${said}`}`);
    }
    const isRefusal = /permission denied|host key|too many authentication/i.test(said);
    return new RemoteFailure(`${isRefusal ? "ssh refused" : "unreachable"}: ${said || "ssh says nothing"}`);
  }
}

function sshCommand(host: RemoteHost, options: { readonly ssh: readonly string[]; readonly hash: string }): string[] {
  const settings = [
    "BatchMode=yes", // nobody is there to type a password
    `ConnectTimeout=${CONNECT_TIMEOUT_S}`,
    `ServerAliveInterval=${ALIVE_INTERVAL_S}`,
    "LogLevel=ERROR",
  ];
  return [
    ...options.ssh,
    "-T",
    ...settings.flatMap((setting) => ["-o", setting]),
    ...(host.port === undefined ? [] : ["-p", String(host.port)]),
    ...["--", host.user === undefined ? host.host : `${host.user}@${host.host}`],
    `exec sh -s ${options.hash}`, // whatever the login shell is, it can do this
  ];
}
