import { UserError } from "../core/base/errors.ts";
import { BOARD_FLAGS } from "../io/cli/board_flags.ts";
import { type Flag, longOf, parseText, type Switch, type Values } from "../io/cli/cli.ts";
import { argvOf, asWritten, checkedText, envOf } from "../io/cli/hand_on.ts";
import { LOG_FLAGS } from "../io/cli/log_flags.ts";
import { FIRST_PORT, PEER_FLAGS, SHARING_FLAGS } from "../io/driver/peer_options.ts";
import { parsePath } from "../io/os/paths.ts";
import {
  MAX_PORT,
  parseDuration,
  parseHost,
  parseInteger,
  parsePercent,
  parsePort,
  parseRate,
} from "../io/os/units.ts";
import { FAULT_FLAGS } from "./fault_injection.ts";
import { shellWords } from "./shell_words.ts";

/** More peers than this do not fit a machine people have: each is a process. */
const MAX_PEERS = 500;
const DEFAULT_PEERS = 5;

/** Flags of `run_full.ts` for a swarm on other machines. */
const HOST_FLAGS = {
  hosts: {
    value: "file",
    help: "copy to the machines in this list instead: [user@]host[:ssh-port], one a line",
    parse: parseText,
  },
  to: {
    value: "path",
    help: "--hosts: where the copy goes on each machine (~: the home there); an older one is replaced",
    parse: checkedText(parsePath),
  },
  basis: {
    value: "path",
    help: "--hosts: an older copy there: what has not changed in it is not fetched",
    parse: checkedText(parsePath),
  },
  keepPartial: { help: "--hosts: leave what was fetched when stopped half-way; the next run goes on with it" },
  deadline: { value: "time", help: "--hosts: give up on machines that are not complete by then", parse: parseDuration },
  quorum: {
    value: "percent",
    help: "--hosts: succeed when so many of the machines confirmed their copy",
    parse: parsePercent,
    default: "100%",
  },
  grace: {
    value: "time",
    help: "--hosts: with a smaller --quorum, how long the others may take once it is there",
    parse: parseDuration,
    default: "30s",
  },
  loginTimeout: {
    value: "time",
    help: "--hosts: give up on a machine that has not answered by then",
    parse: parseDuration,
    default: "20s",
  },
  remoteCache: {
    value: "dir",
    help: "--hosts: where the program is kept on each machine",
    parse: checkedText(parsePath),
    defaultHelp: "~/.cache/minibit",
  },
  advertise: {
    value: "host",
    help: "--hosts: this machine's address for the others",
    parse: parseHost,
    defaultHelp: "for each the one it sees",
    repeats: true,
  },
  ssh: { value: "command", help: "--hosts: how to call OpenSSH", parse: shellWords, default: "ssh" },
} as const;

const { store: STORE, ...WRITTEN_FLAGS } = asWritten(SHARING_FLAGS);

/** All flags of `run_full.ts`. */
export const RUN_FLAGS = {
  peers: {
    value: "n",
    help: "peers in all, peer 0 among them",
    parse: (text: string) => parseInteger(text, { what: "number of peers", min: 2, max: MAX_PEERS }),
    defaultHelp: String(DEFAULT_PEERS),
  },
  source: { value: "path", help: "file or folder to share", parse: parsePath, default: "arquivos" },
  dir: { value: "path", help: "where blocos_peer_N and reconstruido_peer_N go", parse: parsePath, defaultHelp: "." },
  port: { value: "port", help: "the tracker's port, 0 for a free one", parse: parsePort, default: "5000" },
  httpPort: { value: "port", help: "port of the board, 0 for a free one", parse: parsePort, default: "8080" },
  peerPort: {
    value: "port",
    help: "peer N listens on this + N, or with --hosts all on this; 0 for free ones",
    parse: parsePort,
    defaultHelp: "6000, with --hosts 0",
  },
  uplink: {
    value: "rate",
    help: "what each uplink carries, for the report of the distance from the bound",
    parse: parseRate,
    defaultHelp: "as measured",
  },
  resume: { help: "go on with what an earlier run left" },
  replace: { help: "replace copies that no earlier run put there, or that somebody changed since" },
  ...BOARD_FLAGS,
  ...HOST_FLAGS,
  // given or not: with --hosts there is no choice
  store: { ...{ value: STORE.value, help: STORE.help }, ...{ parse: STORE.parse, defaultHelp: STORE.default } },
  ...WRITTEN_FLAGS,
  ...FAULT_FLAGS,
  ...LOG_FLAGS,
  logLevel: { ...LOG_FLAGS.logLevel, default: "warning" },
} as const;

/** What they say. */
export type RunValues = Values<typeof RUN_FLAGS, { readonly [name: string]: never }>;

/** What every peer on this machine is started with. */
export function peerFlagsOf(values: RunValues & { readonly store: string }): string[] {
  const { replace } = PEER_FLAGS;
  return argvOf({ ...SHARING_FLAGS, replace }, values);
}

/** What the seed of a push is started with. */
export function seedFlagsOf(values: RunValues): string[] {
  const { store: _, ...flags } = SHARING_FLAGS;
  return argvOf(flags, values);
}

/** What the peers on other machines are started with; how blocks are cut and kept is not theirs to say. */
export function remoteFlagsOf(values: RunValues): { readonly [name: string]: string } {
  const { store: _, blockSize: __, ...flags } = SHARING_FLAGS;
  const { basis, replace, keepPartial, logLevel } = PEER_FLAGS;
  return envOf({ ...flags, basis, replace, keepPartial, logLevel }, values);
}

/** How the children of a run log. */
export function logFlagsOf(values: RunValues): string[] {
  return argvOf(LOG_FLAGS, values);
}

/** Flags that mean nothing with `--hosts`; those that inject faults are refused by `refuseFaults`. */
const LOCAL_FLAGS = ["peers", "dir", "resume", "store"] as const;

/** What the flags say of peers on this machine. @throws {UserError} a flag for other machines, too few ports */
export function localOptionsOf(values: RunValues): {
  readonly peers: number;
  readonly dir: string;
  readonly store: string;
  readonly peerPort: number;
} {
  refuseHostFlags(values);
  const { peers = DEFAULT_PEERS, dir = ".", store = SHARING_FLAGS.store.default, peerPort = FIRST_PORT } = values;
  const lastPort = peerPort + peers - 1;
  if (peerPort !== 0 && lastPort > MAX_PORT) {
    const reason = `the last one's would be ${lastPort}, and ${MAX_PORT} is the last there is`;
    throw new UserError(`Cannot use --peer-port ${peerPort} for ${peers} peers: ${reason}`, { exitCode: 2 });
  }
  return { peers, dir, store, peerPort };
}

/** Refuses what is of use on other machines only. @throws {UserError} naming the flag */
function refuseHostFlags(values: RunValues): void {
  const { hosts: _, ...flags } = HOST_FLAGS;
  const wrong = Object.entries(flags).find(([name, flag]) => isGiven(values[name as keyof typeof flags], flag));
  if (wrong !== undefined) {
    throw new UserError(`Cannot use ${longOf(wrong[0])} without --hosts: it is for copies on other machines`, {
      exitCode: 2,
    });
  }
}

/** Refuses what is of use on this machine only. @throws {UserError} naming the flag */
export function refuseLocalFlags(values: RunValues): void {
  const wrong = LOCAL_FLAGS.find((name) => isGiven(values[name], RUN_FLAGS[name]));
  if (wrong !== undefined) {
    throw new UserError(`Cannot use ${longOf(wrong)} with --hosts: it is for peers on this machine`, { exitCode: 2 });
  }
}

/** Whether a flag says something else than when it is left out. */
function isGiven(value: unknown, flag: Flag<unknown> | Switch): boolean {
  const byDefault = "parse" in flag && flag.default !== undefined ? flag.parse(flag.default) : undefined;
  const isNothing = value === undefined || value === false || (Array.isArray(value) && value.length === 0);
  return !isNothing && JSON.stringify(value) !== JSON.stringify(byDefault);
}
