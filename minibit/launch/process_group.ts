// Room launch: processes: start, hear and end them, here or on other machines over ssh; the report of a run.
// It runs no peer in its own process, imports no script and no board, and moves no block.

/** Child processes that are started, watched and ended together. */
import { assert, UserError } from "../core/base/errors.ts";
import { EXIT_WITH_PARENT } from "../io/os/lifecycle.ts";
import { formatDuration } from "../io/os/units.ts";

/** How long children may take to end by themselves once asked to; then they are killed. */
const GRACE_MS = 1500;
/** A remote one has a network and a disk between. */
const REMOTE_GRACE_MS = 10_000;
/** What a remote child started may hold its output open when it has ended: no longer is waited for that. */
const OUTPUT_MS = 2000;
/** No line that is worth reading is longer: of what comes without an end the last characters are kept. */
const MAX_LINE = 1024 * 1024;
/** How long a child may take to be ready: reading a big share again takes its time. */
const READY_TIMEOUT_MS = 600_000;

/** What to start, and who hears of it. */
export type ChildOptions<Role = undefined, Ready = unknown> = ProcessOptions<Ready> & RoleOption<Role>;

/** What a child is to us: for those who decide by it; a group may do without. */
type RoleOption<Role> = undefined extends Role ? { readonly role?: Role } : { readonly role: Role };

interface ProcessOptions<Ready> {
  /** What messages call it: `peer 3`. */
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly cwd?: string;
  /** Set in addition to this process's environment. */
  readonly env?: { readonly [name: string]: string };
  /** Gets each line of the child's stdout. */
  readonly onLine?: (line: string) => void;
  /** Gets each line of the child's stderr; without it the child writes to ours. */
  readonly onErrorLine?: (line: string) => void;
  /** What the line of stdout tells after which the child is ready, undefined for all others; without it the child is ready at once. */
  readonly readyWhen?: (line: string) => Ready | undefined;
  readonly readyTimeoutMs?: number;
  /**
   * The child is told to end by the end of its stdin alone, in a session of its own: for `ssh`, which passes that on to
   * the other machine and waits for what happens there, but would leave at once on a signal or Ctrl+C.
   */
  readonly isRemote?: boolean;
}

/** How a child ended: by itself with a code, or by a signal. */
export interface ChildExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** A process that was started. */
export interface Child<Role = undefined, Ready = unknown> {
  readonly name: string;
  readonly role: Role;
  readonly pid: number;
  /** What `readyWhen` told. Rejects with a UserError when the child ends before, or takes too long. */
  readonly ready: Promise<Ready>;
  /** Why the child never became ready; undefined while it may, and when it did. */
  readonly notReady: UserError | undefined;
  /** Resolves when the child has ended and all its lines were delivered. */
  readonly exited: Promise<ChildExit>;
  /** Its last line on stderr that told what it could not do, if any. */
  readonly complaint: string | undefined;
  /** Has the child read something; resolves when it is on its way. @throws {Error} EPIPE: it reads no more */
  send(bytes: Uint8Array): Promise<void>;
  /** How long it may take to end once asked to. */
  readonly graceMs: number;
  /** Asks the child to end. */
  stop(): void;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts children and ends them together.
 *
 * Children end with this process however it ends (see `lifecycle.ts`), so none is ever left behind.
 *
 * @example
 * ```ts
 * const group = new ProcessGroup({ onExit: (child, exit) => console.log(`${child.name} ${describeExit(exit)}`) });
 * const peer = group.start({
 *   name: "peer 0",
 *   command: [process.execPath, "peer.ts", "0"],
 *   role: { kind: "peer", id: 0 },
 *   readyWhen: parseReady,
 * });
 * await peer.ready;
 * await group.stopAll();
 * ```
 */
export class ProcessGroup<Role = undefined> {
  readonly #running = new Set<Child<Role>>();
  readonly #onExit: (child: Child<Role>, exit: ChildExit) => void;
  #stopped: Promise<void> | undefined;

  /** @param options `onExit` is called for each child that ends without having been asked to by `stopAll` */
  constructor(options: { onExit?: (child: Child<Role>, exit: ChildExit) => void } = {}) {
    this.#onExit = options.onExit ?? (() => {});
  }

  /** The children that have not ended. */
  get running(): readonly Child<Role>[] {
    return [...this.#running];
  }

  /**
   * Starts a child.
   *
   * @throws {UserError} when the system will not start it, or the group is being stopped
   */
  start<Ready = unknown>(options: ChildOptions<Role, Ready>): Child<Role, Ready> {
    if (this.#stopped !== undefined) {
      throw new UserError(`Cannot start ${options.name}: everything is being stopped`);
    }
    const child = startChild(options);
    this.#running.add(child);
    void child.exited.then((exit) => {
      this.#running.delete(child);
      if (this.#stopped === undefined) {
        this.#onExit(child, exit);
      }
    });
    return child;
  }

  /** Asks every child to end and kills those still there after 1.5 s, remote ones after 10 s. Resolves when all have ended. */
  stopAll(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.all(this.running.map(endChild));
  }
}

/** Asks a child to end, and kills it if it does not soon. */
export async function endChild(child: Child<unknown>): Promise<void> {
  child.stop();
  const timer = setTimeout(() => child.kill("SIGKILL"), child.graceMs);
  await child.exited;
  clearTimeout(timer);
}

/** Says how a child ended: `ended with exit code 1`. */
export function describeExit(exit: ChildExit): string {
  return exit.signal === null ? `ended with exit code ${exit.exitCode}` : `was ended by ${exit.signal}`;
}

/** Whether a line on stderr is a child's last word: it is told once, when the child has ended. */
export function isComplaint(line: string): boolean {
  return line.startsWith("Cannot ");
}

/** What to tell when a child ended that is needed to the end. */
export function endedTooSoon({ name, complaint, notReady }: Child<unknown>, exit: ChildExit): UserError {
  const why = complaint === undefined ? "" : `: ${complaint}`;
  // who waits for it to be ready may hear of it later, and in the same words
  return notReady ?? new UserError(`Cannot complete the run: ${name} ${describeExit(exit)}${why}`);
}

function startChild<Role, Ready>(options: ChildOptions<Role, Ready>): Child<Role, Ready> {
  const { name, readyWhen, readyTimeoutMs = READY_TIMEOUT_MS } = options;
  const { promise: ready, resolve: resolveReady, reject: rejectReady } = Promise.withResolvers<Ready>();
  // nobody has to wait for readiness
  ready.catch(() => {});
  let isReady = readyWhen === undefined;
  let notReady: UserError | undefined;
  const failReady = (reason: string): void => {
    notReady ??= isReady ? undefined : new UserError(`Cannot start ${name}: ${reason}`);
    rejectReady(notReady);
  };
  if (readyWhen === undefined) {
    resolveReady(undefined as Ready);
  }

  let lastErrorLine = "";
  let complaint: string | undefined;
  const subprocess = spawn(options);
  const { isRemote = false } = options;
  const lastCall = isRemote ? subprocess.exited.then(() => Bun.sleep(OUTPUT_MS)) : undefined;
  const takeLine = (line: string): void => {
    options.onLine?.(line);
    const told = readyWhen?.(line);
    if (told !== undefined) {
      isReady = true;
      resolveReady(told);
    }
  };
  const takeErrorLine = (line: string): void => {
    lastErrorLine = line === "" ? lastErrorLine : line;
    complaint = isComplaint(line) ? line : complaint;
    options.onErrorLine?.(line);
  };
  const stdoutEnd = readLines(subprocess.stdout, { onLine: takeLine, lastCall });
  const stderrEnd = readLines(subprocess.stderr, { onLine: takeErrorLine, lastCall });

  const timer = setTimeout(() => failReady(`it was not ready after ${formatDuration(readyTimeoutMs)}`), readyTimeoutMs);
  const settle = (): void => clearTimeout(timer);
  ready.then(settle, settle);

  const exited = Promise.all([subprocess.exited, stdoutEnd, stderrEnd]).then((): ChildExit => {
    const { exitCode, signalCode } = subprocess;
    const exit = { exitCode, signal: signalCode === null ? null : String(signalCode) };
    failReady(`it ${describeExit(exit)}${lastErrorLine === "" ? "" : `: ${lastErrorLine}`}`);
    return exit;
  });
  const { pid, stdin } = subprocess;
  return {
    name,
    role: (options as { readonly role?: Role }).role as Role,
    pid,
    ready,
    exited,
    get notReady() {
      return notReady;
    },
    get complaint() {
      return complaint;
    },
    send: async (bytes) => {
      await stdin.write(bytes);
      await stdin.flush();
    },
    graceMs: isRemote ? REMOTE_GRACE_MS : GRACE_MS,
    stop: () => {
      if (isRemote) {
        close(stdin).catch(() => undefined); // it reads no more: it is ending
      } else {
        subprocess.kill("SIGTERM");
      }
    },
    kill: (signal) => subprocess.kill(signal),
  };
}

function spawn(options: ProcessOptions<unknown>): Bun.Subprocess<"pipe", "pipe", "pipe" | "inherit"> {
  const { name, command, cwd, env, onErrorLine, isRemote = false } = options;
  assert(command.length > 0, () => `no command for ${name}`);
  try {
    return Bun.spawn([...command], {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env, [EXIT_WITH_PARENT]: "1" },
      detached: isRemote,
      stdin: "pipe",
      stdout: "pipe",
      stderr: onErrorLine === undefined ? "inherit" : "pipe",
    });
  } catch (error) {
    throw new UserError(`Cannot start ${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

async function close(stdin: Bun.FileSink): Promise<void> {
  await stdin.end();
}

/**
 * Hands over each line of `stream` without its end; resolves at the end of the stream.
 *
 * @param options.lastCall nothing is read after it, for the stream may be held open by others
 */
async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>> | undefined,
  options: { readonly onLine: (line: string) => void; readonly lastCall: Promise<void> | undefined },
): Promise<void> {
  const { onLine, lastCall } = options;
  if (stream === undefined) {
    return;
  }
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  lastCall?.then(() => reader.cancel()).catch(() => undefined);
  let rest = "";
  for (let read = await reader.read(); read.value !== undefined; read = await reader.read()) {
    const lines = (rest + decoder.decode(read.value, { stream: true })).split(/\r?\n/);
    rest = (lines.pop() ?? "").slice(-MAX_LINE);
    for (const line of lines) {
      onLine(line);
    }
  }
  rest += decoder.decode();
  if (rest !== "") {
    onLine(rest);
  }
}
