/**
 * A peer on another machine, started over OpenSSH: one connection a machine, which first tells what is there, then takes
 * the program if it is not, and then carries the peer's reports. When the connection ends so does the peer.
 */
import { join } from "node:path";
import { UserError } from "../core/base/errors.ts";
import { quote } from "../core/base/quote.ts";
import { EXIT_WITH_PARENT } from "../io/os/lifecycle.ts";
import { numericAddress } from "../io/os/own_addresses.ts";
import { formatDuration } from "../io/os/units.ts";
import type { ChildRole } from "./children.ts";
import type { RemoteHost } from "./hosts_file.ts";
import { type Child, endChild, type ProcessGroup } from "./process_group.ts";
import type { Platform, RemotePrograms } from "./remote_program.ts";
import { type RemotePhase, remoteReason } from "./remote_reason.ts";
import { shellQuote } from "./shell_words.ts";

/** A machine that does not answer for so long is unreachable. */
const CONNECT_TIMEOUT_S = 10;
/** A connection over which nothing comes back for three times so long is lost. */
const ALIVE_INTERVAL_S = 5;
/** How long a machine that answered may take for each next step: to take a piece of the program, to store it, to start it. */
const STEP_MS = 120_000;
/** So many lines of what it says are kept. */
const KEPT_LINES = 100;
/** Bytes written at once. */
const CHUNK_BYTES = 256 * 1024;
/** What runs first on the other machine, and what the lines it says begin with. */
const SCRIPT = Bun.file(join(import.meta.dir, "remote_start.sh"));
const MARK = "minibit-host|";

/** What the machine told of itself. */
export interface RemoteFacts extends Platform {
  /** Where it sees us, and where we called it: numeric addresses; undefined when its SSH server does not tell. */
  readonly ourAddress: string | undefined;
  readonly ownAddress: string | undefined;
  /** Names the place of the copy: two machines with the same are one, under two names. Empty: it cannot tell. */
  readonly place: string;
}

/** Why a machine gets no copy, in words for the user. */
export class RemoteFailure extends Error {
  override readonly name = "RemoteFailure";
}

/** How a machine is called, and what it is told at once. */
export interface CallOptions {
  /** The program and the arguments it is always given. */
  readonly ssh: readonly string[];
  /** See `RemotePrograms`. */
  readonly hash: string;
  /** Where the copy goes there. */
  readonly to: string;
  /** Where the program is kept there; undefined: in the home. */
  readonly cache?: string | undefined;
  /** A machine that has not answered by then does not. */
  readonly loginTimeoutMs: number;
  /** How long each step after that may take; a test gives less. */
  readonly stepMs?: number;
}

/** One machine's connection, from the call to the peer's end. */
export class RemotePeer {
  readonly host: RemoteHost;
  /** Resolves with why when the peer and the connection have ended, or are given up. */
  readonly ended: Promise<RemoteFailure>;
  readonly #child: Child<ChildRole>;
  readonly #call: CallOptions;
  readonly #facts = Promise.withResolvers<RemoteFacts>();
  readonly #stored = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<RemoteFailure>();
  readonly #onReport: (line: string) => void;
  readonly #errors: string[] = [];
  readonly #greeting: string[] = [];
  #phase: RemotePhase = "calling";
  #kept = "";
  #place = "";
  #heardMs = performance.now();

  /**
   * Calls a machine.
   *
   * @param options.onReport gets each line the peer reports
   */
  constructor(
    host: RemoteHost,
    options: CallOptions & { readonly group: ProcessGroup<ChildRole>; readonly onReport: (line: string) => void },
  ) {
    this.host = host;
    this.#call = options;
    this.#onReport = options.onReport;
    this.ended = this.#over.promise;
    for (const { promise } of [this.#facts, this.#stored, this.#started]) {
      promise.catch(() => undefined); // who waits hears of it
    }
    this.#child = options.group.start({
      ...{ name: host.name, role: { kind: "connection", host: host.name } },
      command: sshCommand(host, options),
      isRemote: true,
      onLine: (line) => this.#line(line),
      onErrorLine: (line) => keep(this.#errors, line),
    });
    const timer = setTimeout(() => this.#giveUp(this.#silence()), options.loginTimeoutMs);
    this.#facts.promise.then(
      () => clearTimeout(timer),
      () => clearTimeout(timer),
    );
    SCRIPT.text()
      .then((text) => this.#send(Buffer.from(`${settingsOf(options)}${text}\n`)))
      .catch(() => undefined); // told by the exit
    this.#child.exited
      .then((exit) => {
        const command = commandToTry(host, options.ssh);
        const words = { phase: this.#phase, exit, errors: this.#errors, greeting: this.#greeting, command };
        this.#giveUp(remoteReason(words));
      })
      .catch(this.#over.reject);
    void this.ended.then((failure) => {
      this.#facts.reject(failure);
      this.#stored.reject(failure);
      this.#started.reject(failure);
    });
  }

  /** Resolves with what is known of the machine once it answers. @throws {RemoteFailure} it does not */
  get facts(): Promise<RemoteFacts> {
    return this.#facts.promise;
  }

  /** When something last came from it, as `performance.now()` tells time. */
  get heardMs(): number {
    return this.#heardMs;
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
    this.#phase = "installing";
    await this.#send(Buffer.from(`${program.name} ${packed?.size ?? 0}\n`));
    for (let at = 0; at < (packed?.size ?? 0); at += CHUNK_BYTES) {
      await this.#send((await packed?.slice(at, at + CHUNK_BYTES).bytes()) ?? new Uint8Array());
    }
    await this.#within(this.#stored.promise, "stored the program");
  }

  /** Starts the peer; one that then tells nothing is given up. @throws {UserError} a flag has a line break in it */
  async start(id: number, flags: { readonly [name: string]: string }): Promise<void> {
    const environment = { ...flags, PEER: String(id), [EXIT_WITH_PARENT]: "1" };
    const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    if (lines.some((line) => /[\n\r\0]/.test(line))) {
      throw new UserError("Cannot hand on a flag with a line break in it (use another name)");
    }
    this.#phase = "running";
    await this.#send(Buffer.from(`${lines.join("\n")}\n\n`));
    this.#within(this.#started.promise, "started its peer").catch(() => undefined); // told by the end
  }

  /** Ends the peer and the connection. */
  async stop(): Promise<void> {
    await endChild(this.#child);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    // a write that fails is told by the end of the connection
    const sent = this.#child.send(bytes).catch(() => new Promise<never>(() => undefined));
    await this.#within(sent, "taken what it was sent");
  }

  /** Waits for the machine, but not for ever. */
  async #within(step: Promise<void>, what: string): Promise<void> {
    const { stepMs = STEP_MS } = this.#call;
    const why = `does not go on: it has not ${what} within ${formatDuration(stepMs)}`;
    const timer = setTimeout(() => this.#giveUp(why), stepMs);
    try {
      await Promise.race([step, this.ended.then((failure) => Promise.reject(failure))]);
    } finally {
      clearTimeout(timer);
    }
  }

  #giveUp(why: string): void {
    this.#over.resolve(new RemoteFailure(why));
  }

  #silence(): string {
    const { ssh, loginTimeoutMs } = this.#call;
    const last = [...this.#errors, ...this.#greeting].findLast((line) => line.trim() !== "");
    const what = last === undefined ? "nothing came" : `the last that came is ${quote(last)}`;
    return `does not answer: ${what} within ${formatDuration(loginTimeoutMs)} (try: ${commandToTry(this.host, ssh)} true; --login-timeout waits longer)`;
  }

  #line(line: string): void {
    this.#heardMs = performance.now();
    // a login may have written without ending its line
    const at = this.#phase === "running" ? -1 : line.indexOf(MARK);
    if (at >= 0) {
      this.#told(line.slice(at + MARK.length));
    } else if (this.#phase === "running") {
      this.#started.resolve();
      this.#onReport(line);
    } else {
      keep(this.#greeting, line);
    }
  }

  #told(what: string): void {
    const [system = "", machine = "", musl = "", version = "", kept = "", connection = ""] = what.split("|");
    if (system === "place") {
      this.#place = what;
    } else if (system === "stored") {
      this.#stored.resolve();
    } else {
      this.#kept = kept;
      const [ourAddress = "", , ownAddress = ""] = connection.split(" ");
      this.#phase = "installing";
      this.#facts.resolve({
        system,
        machine,
        isMusl: musl !== "",
        bunVersion: version === "" ? undefined : version,
        ourAddress: numericAddress(ourAddress),
        ownAddress: numericAddress(ownAddress),
        place: this.#place,
      });
    }
  }
}

function keep(lines: string[], line: string): void {
  lines.push(line);
  if (lines.length > KEPT_LINES) {
    lines.shift();
  }
}

/** What the script reads before itself; the login shell, which may be any, never sees it. */
function settingsOf({ to, cache = "" }: CallOptions): string {
  return `minibit_to=${shellQuote(to)}\nminibit_cache=${shellQuote(cache)}\n`;
}

/** What a user would type to see for themselves. */
function commandToTry(host: RemoteHost, ssh: readonly string[]): string {
  return [...ssh, ...portOf(host), targetOf(host)].map(shellQuote).join(" ");
}

function portOf({ port }: RemoteHost): string[] {
  return port === undefined ? [] : ["-p", String(port)];
}

function targetOf({ user, host }: RemoteHost): string {
  return user === undefined ? host : `${user}@${host}`;
}

function sshCommand(host: RemoteHost, options: CallOptions): string[] {
  const settings = [
    "BatchMode=yes", // nobody is there to type a password
    `ConnectTimeout=${CONNECT_TIMEOUT_S}`,
    `ServerAliveInterval=${ALIVE_INTERVAL_S}`,
    "LogLevel=ERROR",
    // what the user's configuration has for sessions of theirs
    "RemoteCommand=none",
    "ClearAllForwardings=yes",
    "ControlMaster=no", // it would outlive us, and hold our pipes open
  ];
  return [
    ...options.ssh,
    "-T",
    ...settings.flatMap((setting) => ["-o", setting]),
    ...portOf(host),
    ...["--", targetOf(host)],
    `exec sh -s ${options.hash}`, // whatever the login shell is, it can do this
  ];
}
