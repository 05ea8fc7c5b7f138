import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { useTempFolders } from "../testing/temp_share.ts";

const tempFolder = useTempFolders();

/** Runs `main` in a process of its own. */
function run(
  main: string,
  env: { readonly [name: string]: string } = {},
): { exitCode: number; stdout: string; stderr: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "-e", scriptOf(main)], {
    env: { ...process.env, ...env },
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

function scriptOf(main: string): string {
  return `import { runMain } from ${JSON.stringify(join(import.meta.dir, "run_main.ts"))};
    import { UserError } from ${JSON.stringify(join(import.meta.dir, "../../core/base/errors.ts"))};
    await runMain(${main});`;
}

test("a script exits with what its main returns, also with a timer left running", () => {
  expect(run("() => 130").exitCode).toBe(130);
  expect(run("async () => 0").exitCode).toBe(0);
  expect(run("() => { setInterval(() => {}, 1000); return 3; }").exitCode).toBe(3);
});

test("output written last is not cut off by the exit", () => {
  const { stdout } = run(`() => { process.stdout.write("x".repeat(1 << 20)); return 0; }`);
  expect(stdout.length).toBe(1 << 20);
});

test("a UserError is one line on stderr and its exit code, wherever it is thrown", () => {
  const thrown = run(`() => { throw new UserError("Cannot do it: why (what to do)", { exitCode: 2 }); }`);
  expect(thrown).toEqual({ exitCode: 2, stdout: "", stderr: "Cannot do it: why (what to do)\n" });
  const later = run(`() => new Promise(() => { setTimeout(() => { throw new UserError("Cannot go on: why"); }); })`);
  expect(later).toEqual({ exitCode: 1, stdout: "", stderr: "Cannot go on: why\n" });
  const rejected = run(`() => new Promise(() => { void Promise.reject(new UserError("Cannot: why")); })`);
  expect(rejected).toEqual({ exitCode: 1, stdout: "", stderr: "Cannot: why\n" });
});

/** A main that cleans up and says so when it is asked to stop; `then` runs before. */
const ORDERLY = (then: string) => `async () => {
  const { exitCodeOf, onStop } = await import(${JSON.stringify(join(import.meta.dir, "../os/lifecycle.ts"))});
  const { appendFileSync } = await import("node:fs");
  const stopped = new Promise(onStop);
  ${then}
  const reason = await stopped;
  await Bun.sleep(50);
  appendFileSync(process.env.PLACE, "in order");
  return exitCodeOf(reason);
}`;

test("an uncaught error is shown, and main cleans up before the exit", () => {
  const place = join(tempFolder(), "place");
  const thrown = run(ORDERLY('setTimeout(() => { throw new UserError("Cannot go on: why"); });'), { PLACE: place });
  expect(thrown).toEqual({ exitCode: 1, stdout: "", stderr: "Cannot go on: why\n" });
  expect(readFileSync(place, "utf8")).toBe("in order");
});

test("when the reader of our output has gone, no error is shown and main cleans up", async () => {
  const place = join(tempFolder(), "place");
  const main = ORDERLY("setInterval(() => process.stdout.write('x'.repeat(1000)), 10);");
  const child = Bun.spawn(["sh", "-c", '"$0" -e "$1" | head -c 1; echo end >&2', process.execPath, scriptOf(main)], {
    env: { ...process.env, PLACE: place },
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await child.stderr.text()).toBe("end\n");
  expect(readFileSync(place, "utf8")).toBe("in order");
});

test("a broken pipe elsewhere is not a closed pager: the error is shown", () => {
  const { exitCode, stderr } = run(`() => new Promise(() => {
    const child = Bun.spawn(["sh", "-c", "exec <&-; echo closed; sleep 1"], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
    child.stdout.getReader().read().then(() => { child.stdin.write(new Uint8Array(300_000)); child.stdin.flush(); });
  })`);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("EPIPE");
});

test("a disk that refuses our output is an error that is shown", async () => {
  const child = Bun.spawn(
    [
      "sh",
      "-c",
      '"$0" -e "$1" >/dev/full',
      process.execPath,
      scriptOf(`() => new Promise(() => process.stdout.write("x"))`),
    ],
    { stderr: "pipe" },
  );
  expect(await child.stderr.text()).toStartWith("Cannot write what there is to tell: the disk is full");
  expect(await child.exited).toBe(1);
});

test("a bug in MiniBit is reported as such, with its stack", () => {
  const { exitCode, stderr } = run("() => { null.x; }");
  expect(exitCode).toBe(1);
  expect(stderr).toStartWith("This is a bug in MiniBit, please report it with these lines:\nTypeError: ");
  expect(stderr).toContain("    at ");
});
