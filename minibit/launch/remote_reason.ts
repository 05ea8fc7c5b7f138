/** Why a machine got no copy, in its own words: what it, or ssh, said before the connection ended. */
import { quote } from "../core/base/quote.ts";
import { type ChildExit, describeExit, isComplaint } from "./process_group.ts";

/** How far it was: it had not answered, was taking the program, or its peer ran. */
export type RemotePhase = "calling" | "installing" | "running";

/** The end of a connection. */
export interface LastWords {
  readonly phase: RemotePhase;
  readonly exit: ChildExit;
  /** What came on stderr, of ssh and of the machine. */
  readonly errors: readonly string[];
  /** What came on stdout before the machine answered: its login's words. */
  readonly greeting: readonly string[];
  /** What the user would type to call it. */
  readonly command: string;
}

/** One line that tells why. */
export function remoteReason(words: LastWords): string {
  const { phase, exit, errors } = words;
  const said = ownWords(errors);
  if (exit.exitCode === 255) {
    return phase === "calling" ? whyNotReached(words, said) : lostBecause(said);
  }
  switch (phase) {
    case "calling":
      return whyNoShell(words, said);
    case "installing":
      return `cannot keep the program there: ${said || describeExit(exit)} (make room, or --remote-cache DIR: another folder there)`;
    case "running":
      return whyPeerEnded(exit, said);
  }
}

function lostBecause(said: string): string {
  return said === ""
    ? "lost: the connection to it broke, or its peer was killed"
    : `lost: the connection to it broke: ${said}`;
}

/** A connection that never came about, or ssh's own end. */
function whyNotReached({ errors, greeting, command }: LastWords, said: string): string {
  const all = errors.join("\n");
  if (/identification has changed/i.test(all)) {
    const remove = /^\s*(ssh-keygen .*-R .*)$/m.exec(all)?.[1] ?? "ssh-keygen -R its name";
    return `ssh refused: its host key is another one than before (if it has a new one indeed: ${remove}, then ${command})`;
  }
  if (/host key verification failed/i.test(said) && !/revoked/i.test(all)) {
    return `ssh refused: its host key is not known here (look at it and accept it once: ${command})`;
  }
  if (/permission denied|host key|too many authentication/i.test(said)) {
    return `ssh refused: ${said}`;
  }
  return `unreachable: ${said || greeting.at(-1) || `ssh says nothing (try: ${command})`}`;
}

/** The connection stood, but what began there was no shell of ours. */
function whyNoShell({ greeting, exit, command }: LastWords, said: string): string {
  const heard = said || greeting.findLast((line) => line.trim() !== "");
  const what =
    heard === undefined ? `its login ${describeExit(exit)}, without a word` : `its login says ${quote(heard.trim())}`;
  return `runs no commands: ${what} (try: ${command} true)`;
}

function whyPeerEnded(exit: ChildExit, said: string): string {
  if (exit.exitCode === 126) {
    return `may not run the program there: ${said} (is its disk mounted noexec? --remote-cache DIR: another folder there)`;
  }
  return said || `its peer ${describeExit(exit)}`;
}

/**
 * The line that tells most: the last one of what could not be done; of a bug what it is, not where; otherwise the last
 * line.
 */
function ownWords(lines: readonly string[]): string {
  const complaint = lines.findLast(isComplaint);
  const bug = lines.findLastIndex((line) => line.startsWith("This is a bug in MiniBit"));
  if (complaint === undefined && bug >= 0) {
    return `a bug in MiniBit: ${lines[bug + 1] ?? "no word of what"}`;
  }
  return complaint ?? lines.findLast((line) => !/^\s+at |^\s*$/.test(line))?.trim() ?? "";
}
