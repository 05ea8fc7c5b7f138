import { expect, test } from "bun:test";
import { UserError } from "../core/base/errors.ts";
import { parseCommandLine } from "../io/cli/cli.ts";
import { FAULT_FLAGS, FaultInjection, refuseFaults } from "./fault_injection.ts";
import type { PeerRecord } from "./peer_record.ts";

/** What the flags say, in a swarm of 8. */
function faultsOf(words: string, env: { readonly [name: string]: string } = {}): FaultInjection {
  return new FaultInjection(valuesOf(words, env), 8);
}

function valuesOf(words: string, env: { readonly [name: string]: string } = {}) {
  const argv = words.split(" ").filter((word) => word !== "");
  return parseCommandLine({ name: "run_full.ts", summary: "", flags: FAULT_FLAGS }, { argv, env });
}

function refusalOf(act: () => unknown): UserError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return error as UserError;
  }
  throw new Error("it was not refused");
}

function record(id: number, about: Partial<PeerRecord> = {}): PeerRecord {
  return {
    ...{ id, name: String(id), share: undefined, blocks: 0, bytesPerSecond: 0, beganMs: 0, lonelySinceMs: undefined },
    ...{ quietSinceMs: undefined, killedBlocks: undefined, completeMs: 1, syncMs: 0, seconds: 1, summary: undefined },
    ...about,
  };
}

test("each peer gets its own flags, the others none", () => {
  const faults = faultsOf("--peer-limit 4=100KiB/s --kill 2@40% --free-rider 6 --corrupt 5=1% --kill 4@7.5%");
  expect([0, 1, 2, 3, 4, 5, 6, 7].map((id) => faults.flagsOf(id).join(" "))).toEqual([
    "",
    "",
    "--kill-at 40%",
    "",
    "--upload-limit 100KiB/s --kill-at 7.5%",
    "--corrupt 1%",
    "--free-rider",
    "",
  ]);
  expect(faults.victims).toBe(2);
  expect([faults.isVictim(2), faults.isVictim(6)]).toEqual([true, false]);
  expect([...faults.uploadLimits]).toEqual([
    [4, 102_400],
    [6, 0],
  ]);
});

test("several may be given with commas between them, also in the environment", () => {
  expect(faultsOf("--free-rider 1,2").flagsOf(2)).toEqual(["--free-rider"]);
  const faults = faultsOf("", { MINIBIT_KILL: "1@10%,3@50%" });
  expect([faults.flagsOf(1), faults.flagsOf(3)]).toEqual([
    ["--kill-at", "10%"],
    ["--kill-at", "50%"],
  ]);
});

const REFUSALS: readonly (readonly [words: string, message: string])[] = [
  ["--kill 8@40%", "Cannot use --kill for peer 8: there are only peers 0 to 7 (see --peers)"],
  ["--free-rider 0", "Cannot use --free-rider for peer 0: without the one that has the source nobody completes"],
  ["--kill 0@40%", "Cannot use --kill for peer 0: without the one that has the source nobody completes"],
  ["--corrupt 0=1%", "Cannot use --corrupt for peer 0: without the one that has the source nobody completes"],
  ["--kill 2@40% --kill 2@50%", "Cannot use --kill twice for peer 2"],
  ["--peer-limit 2=1KiB/s,2=1KiB/s", "Cannot use --peer-limit twice for peer 2"],
  ["--free-rider 2,2", "Cannot use --free-rider twice for peer 2"],
  ["--corrupt 2=1% --free-rider 2", "Cannot use --corrupt for peer 2: it is a free rider and sends nothing"],
  ["--free-rider 2 --peer-limit 2=1KiB/s", "Cannot use --peer-limit for peer 2: it is a free rider and sends nothing"],
  [
    "--kill 1@1%,2@1%,3@1%,4@1%,5@1%,6@1%,7@1%",
    "Cannot use --kill for every peer: at least one besides peer 0 must be left",
  ],
  ["--kill 2=40%", "Cannot use --kill \"2=40%\": no peer and '@' in front (write it like 2@40%)"],
  ["--kill 2@40", 'Cannot use --kill "2@40": not a number of 0 to 100 and a percent sign (write it like 5%)'],
  ["--kill 2@0%", 'Cannot use --kill "2@0%": 0% is nothing (write it like 2@40%)'],
  ["--corrupt x=1%", 'Cannot use --corrupt "x=1%": not a whole number of 0 to 4294967295'],
  ["--corrupt =1%", 'Cannot use --corrupt "=1%": not a whole number of 0 to 4294967295'],
  [
    "--peer-limit 4=100KiB",
    'Cannot use --peer-limit "4=100KiB": not an amount a second (write it like 512KiB/s, 50mbit or unlimited)',
  ],
  ["--free-rider six", 'Cannot use --free-rider "six": not a whole number of 0 to 4294967295'],
];

for (const [words, message] of REFUSALS) {
  test(`${words} is refused`, () => {
    const refusal = refusalOf(() => faultsOf(words));
    expect(refusal.message).toBe(message);
    expect(refusal.exitCode).toBe(2);
  });
}

test("peer 0 may have an upload limit of its own, and a peer may have none where the others do", () => {
  const faults = faultsOf("--peer-limit 0=1MiB/s --peer-limit 1=unlimited");
  expect([faults.flagsOf(0), faults.flagsOf(1)]).toEqual([
    ["--upload-limit", "1MiB/s"],
    ["--upload-limit", "unlimited"],
  ]);
});

test("for peers on other machines no faults are injected", () => {
  expect(refusalOf(() => refuseFaults(valuesOf("--kill 2@40%"))).message).toBe(
    "Cannot use --kill with --hosts: it is for peers on this machine",
  );
  expect(refusalOf(() => refuseFaults(valuesOf("--stay"))).message).toBe(
    "Cannot use --stay with --hosts: it is for a swarm on this machine",
  );
  expect(refuseFaults(valuesOf("--open"))).toBeUndefined();
});

test("a killed peer is expected to fail, and so is one that all have banned; nobody else", () => {
  const faults = faultsOf("--kill 2@40% --corrupt 5=1% --free-rider 6");
  expect(faults.expectedFailure(record(2, { completeMs: undefined, killedBlocks: 41 }), 100)).toBe(
    "killed on purpose at 41.0%",
  );
  expect(faults.expectedFailure(record(2, { completeMs: undefined, blocks: 12 }), 100)).toBe(
    "killed on purpose at 12.0%, when the others were done",
  );
  expect(faults.expectedFailure(record(5, { completeMs: undefined, blocks: 60 }), 100)).toBe(
    "banned by all for its wrong bytes (on purpose) at 60.0%",
  );
  expect(faults.expectedFailure(record(5), 100)).toBeUndefined();
  expect(faults.expectedFailure(record(6, { completeMs: undefined }), 100)).toBeUndefined();
  expect(faults.expectedFailure(record(1, { completeMs: undefined }), 100)).toBeUndefined();
});

test("what is special about a peer stands behind its verdict", () => {
  const faults = faultsOf("--peer-limit 4=100KiB/s --corrupt 4=1% --free-rider 6");
  expect([1, 4, 6].map((id) => faults.noteOf(id))).toEqual([
    "",
    " (sends at most 100KiB/s, sends wrong bytes)",
    " (free rider)",
  ]);
});

test("a liar counts as banned once nothing has come to it for long and all others are done", () => {
  const faults = faultsOf("--corrupt 5=1% --kill 2@40%");
  const victim = record(2, { completeMs: undefined, quietSinceMs: 0 });
  const liar = record(5, { completeMs: undefined, quietSinceMs: 1000 });
  expect(faults.bannedPeers([record(0, { completeMs: undefined }), record(1), victim, liar], 31_000)).toEqual([5]);
  expect(faults.bannedPeers([record(0), record(1), victim, liar], 30_999)).toEqual([]);
  const stillFed = record(5, { completeMs: undefined });
  expect(faults.bannedPeers([record(0), record(1), victim, stillFed], 90_000)).toEqual([]);
  const working = record(3, { completeMs: undefined, quietSinceMs: 0 });
  expect(faults.bannedPeers([record(0), working, liar], 90_000)).toEqual([]);
  expect(faults.bannedPeers([record(0), record(1), record(5)], 90_000)).toEqual([]);
  expect(faultsOf("").bannedPeers([record(0), working], 90_000)).toEqual([]);
});
