import { expect, test } from "bun:test";
import { type LastWords, remoteReason } from "./remote_reason.ts";

/** As OpenSSH 9.2 says it, with LogLevel=ERROR. */
const CHANGED_KEY = [
  "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
  "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
  "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
  "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!",
  "Offending ED25519 key in /home/u/.ssh/known_hosts:3",
  "Host key for there has changed and you have requested strict checking.",
  "Host key verification failed.",
];
const STACK = [
  "This is a bug in MiniBit, please report it with these lines:",
  "TypeError: x is not a function",
  "    at async runMain (/$bunfs/root/peer:1:2)",
];

const REASONS: readonly (readonly [Partial<LastWords> & { readonly code: number }, RegExp])[] = [
  [{ code: 255, errors: ["ssh: connect to host there port 22: Connection refused"] }, /^unreachable: ssh: connect to/],
  [{ code: 255, errors: ["u@there: Permission denied (publickey)."] }, /^ssh refused: u@there: Permission denied/],
  [{ code: 255 }, /^unreachable: ssh says nothing \(try: ssh u@there\)$/],
  [
    { code: 255, errors: ["Host key verification failed."] },
    /^ssh refused: its host key is not known here \(.*ssh u@there\)$/,
  ],
  [{ code: 255, errors: CHANGED_KEY }, /^ssh refused: its host key is another one than before \(/],
  [
    { code: 255, errors: ["Error: the host key is revoked", "Host key verification failed."] },
    /^ssh refused: Host key ver/,
  ],
  [
    { code: 1, greeting: ["This account is currently not available.", ""] },
    /^runs no commands: its login says 'This account is currently not available\.' \(try: ssh u@there true\)$/,
  ],
  [{ code: 11 }, /^runs no commands: its login ended with exit code 11, without a word/],
  [
    { code: 1, phase: "installing", errors: ["gzip: stdout: No space left on device"] },
    /^cannot keep the program there: gzip: stdout: No space left on device \(make room, or --remote-cache DIR/,
  ],
  [
    { code: 126, phase: "running", errors: ["sh: 1: exec: /root/x: Permission denied"] },
    /^may not run the program there: sh: 1: exec: .* --remote-cache DIR/,
  ],
  [{ code: 255, phase: "running" }, /^lost: the connection to it broke, or its peer was killed$/],
  [
    { code: 255, phase: "running", errors: ["Timeout, server there not responding."] },
    /^lost: .* broke: Timeout, server/,
  ],
  [{ code: 1, phase: "running", errors: STACK }, /^a bug in MiniBit: TypeError: x is not a function$/],
  [
    { code: 1, phase: "running", errors: ["Cannot write 'x': the disk is full", "12:00 warn lost the tracker", ""] },
    /^Cannot write 'x': the disk is full$/,
  ],
  [{ code: 1, phase: "running", errors: ["Segmentation fault", "    at main"] }, /^Segmentation fault$/],
  [{ code: 3, phase: "running" }, /^its peer ended with exit code 3$/],
];

for (const [{ code, ...words }, told] of REASONS) {
  test(`${JSON.stringify({ code, ...words }).slice(0, 120)} is told as ${told}`, () => {
    const exit = { exitCode: code, signal: null };
    const nothing = { phase: "calling", errors: [], greeting: [], command: "ssh u@there" } as const;
    expect(remoteReason({ ...nothing, ...words, exit })).toMatch(told);
  });
}
