import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../core/base/errors.ts";
import {
  type Child,
  type ChildExit,
  type ChildOptions,
  describeExit,
  endedTooSoon,
  ProcessGroup,
} from "./process_group.ts";

const groups: ProcessGroup[] = [];

afterEach(async () => {
  await Promise.all(groups.splice(0).map((group) => group.stopAll()));
});

function newGroup(onExit?: (child: Child, exit: ChildExit) => void): ProcessGroup {
  const group = new ProcessGroup(onExit === undefined ? {} : { onExit });
  groups.push(group);
  return group;
}

/** A child that runs `code`. */
function running(code: string, options: Partial<ChildOptions> = {}): ChildOptions {
  return { name: "child", command: [process.execPath, "-e", code], ...options };
}

/** Code of a child that never ends by itself, whatever it is asked. */
const STUBBORN = `process.on("SIGTERM", () => {}); process.on("SIGINT", () => {});
  setInterval(() => {}, 1000); console.log("Ready");`;

test("lines arrive whole and in order, the last one without its newline too", async () => {
  const lines: string[] = [];
  const code = `process.stdout.write("one\\ntw"); process.stdout.write("o\\r\\n\\n\\u00e9");`;
  const child = newGroup().start(running(code, { onLine: (line) => lines.push(line) }));
  expect(await child.exited).toEqual({ exitCode: 0, signal: null });
  expect(lines).toEqual(["one", "two", "", "é"]);
});

test("a child is ready at the line that says so", async () => {
  const code = `console.log("Starting"); console.log("Ready on 127.0.0.1:7"); setInterval(() => {}, 1000);`;
  const child = newGroup().start(running(code, { readyWhen: (line) => (line.startsWith("Ready") ? line : undefined) }));
  expect(await child.ready).toBe("Ready on 127.0.0.1:7");
});

test("a child without a sign of readiness is ready at once", async () => {
  expect(await newGroup().start(running("")).ready).toBeUndefined();
});

test("a child that ends before it is ready fails with its own last words", async () => {
  const code = `console.error("Cannot listen on :1: the port is in use\\n"); process.exit(3);`;
  const errors: string[] = [];
  const child = newGroup().start(
    running(code, { readyWhen: () => undefined, onErrorLine: (line) => errors.push(line) }),
  );
  const failure = await child.ready.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(UserError);
  expect((failure as UserError).message).toBe(
    "Cannot start child: it ended with exit code 3: Cannot listen on :1: the port is in use",
  );
  expect(errors[0]).toBe("Cannot listen on :1: the port is in use");
});

test("a child's last complaint is kept, for whoever needs it to the end", async () => {
  const code = `console.error("Cannot find it"); console.error("Cannot go on: why"); console.error("done"); process.exit(3);`;
  const child = newGroup().start(running(code, { onErrorLine: () => undefined }));
  const failure = endedTooSoon(child, await child.exited);
  expect(failure.message).toBe("Cannot complete the run: child ended with exit code 3: Cannot go on: why");
  const silent = newGroup().start(running("process.exit(4)"));
  expect(endedTooSoon(silent, await silent.exited).message).toBe(
    "Cannot complete the run: child ended with exit code 4",
  );
});

test("a child that is not ready in time fails", async () => {
  const code = "setInterval(() => {}, 1000);";
  const child = newGroup().start(running(code, { readyWhen: () => undefined, readyTimeoutMs: 20 }));
  await expect(child.ready).rejects.toThrow("Cannot start child: it was not ready after 20ms");
});

test("a program that is not there cannot be started", () => {
  const command = ["/nowhere/minibit-no-such-program"];
  expect(() => newGroup().start({ name: "peer 1", command })).toThrow("Cannot start peer 1: ");
});

test("a child that ends by itself is reported, by code or signal", async () => {
  const { promise: first, resolve: onFirst } = Promise.withResolvers<string>();
  const exits: string[] = [];
  const group = newGroup((child, exit) => {
    exits.push(`${child.name} ${describeExit(exit)}`);
    onFirst(child.name);
  });
  group.start(running("process.exit(7)", { name: "a" }));
  const b = group.start(running(STUBBORN, { name: "b" }));
  expect(await first).toBe("a");
  expect(group.running).toEqual([b]);
  b.kill("SIGKILL");
  await b.exited;
  expect(exits).toEqual(["a ended with exit code 7", "b was ended by SIGKILL"]);
});

test("stopAll ends every child within 2 s, also one that ignores it, and reports none", async () => {
  const exits: string[] = [];
  const group = newGroup((child) => exits.push(child.name));
  const readyWhen = (line: string) => (line === "Ready" ? line : undefined);
  const stubborn = group.start(running(STUBBORN, { readyWhen }));
  const gentle = group.start(running(`setInterval(() => {}, 1000); console.log("Ready")`, { readyWhen }));
  await Promise.all([stubborn.ready, gentle.ready]);

  const startMs = performance.now();
  await group.stopAll();
  expect(performance.now() - startMs).toBeLessThan(2000);
  expect(await stubborn.exited).toEqual({ exitCode: null, signal: "SIGKILL" });
  expect(await gentle.exited).toEqual({ exitCode: null, signal: "SIGTERM" });
  expect(exits).toEqual([]);
  expect(group.running).toEqual([]);
  expect(() => group.start(running(""))).toThrow("Cannot start child: everything is being stopped");
});

test("children end when their parent is killed with -9", async () => {
  const folder = mkdtempSync(join(tmpdir(), "minibit-group-"));
  const child = join(folder, "child.ts");
  const parent = join(folder, "parent.ts");
  writeFileSync(
    child,
    `import { exitCodeOf, onStop } from ${JSON.stringify(join(import.meta.dir, "../io/os/lifecycle.ts"))};
     onStop((reason) => { console.error(reason); process.exit(exitCodeOf(reason)); });
     setInterval(() => {}, 1000);
     console.log("Ready");`,
  );
  writeFileSync(
    parent,
    `import { ProcessGroup } from ${JSON.stringify(join(import.meta.dir, "process_group.ts"))};
     const group = new ProcessGroup();
     const start = (name) =>
       group.start({ name, command: [process.execPath, ${JSON.stringify(child)}], readyWhen: (line) => (line === "Ready" ? line : undefined) });
     await Promise.all([start("a").ready, start("b").ready]);
     Bun.gc(true);
     console.log("Ready");
     setInterval(() => {}, 1000);`,
  );
  const lastWords: string[] = [];
  const killed = newGroup().start({
    name: "parent",
    command: [process.execPath, parent],
    readyWhen: (line) => (line === "Ready" ? line : undefined),
    onErrorLine: (line) => lastWords.push(line),
  });
  await killed.ready;
  killed.kill("SIGKILL");
  // the children hold the parent's stderr: `exited` waits for its end, so for the end of both
  expect(await killed.exited).toEqual({ exitCode: null, signal: "SIGKILL" });
  expect(lastWords).toEqual(["parent gone", "parent gone"]);
  rmSync(folder, { recursive: true });
});

test("a remote child is told to end by the end of its stdin, and has the time to", async () => {
  const lines: string[] = [];
  const code = `process.on("SIGTERM", () => process.exit(9)); console.log("Ready");
    process.stdin.on("end", () => { console.log("cleaned up"); process.exit(0); }).resume();`;
  const group = newGroup();
  const child = group.start(
    running(code, {
      isRemote: true,
      readyWhen: (line) => (line === "Ready" ? line : undefined),
      onLine: (line) => lines.push(line),
    }),
  );
  await child.ready;
  await child.send(Buffer.from("flags\n"));
  await group.stopAll();
  expect(await child.exited).toEqual({ exitCode: 0, signal: null });
  expect(lines).toEqual(["Ready", "cleaned up"]);
});

test("a remote child that reads no more is no error of ours, and its end is not held up by what it started", async () => {
  let sleeper = 0;
  const child = newGroup().start({
    ...{ name: "ssh", isRemote: true, readyWhen: (line) => (line === "Ready" ? line : undefined) },
    command: ["sh", "-c", "exec <&-; echo Ready; sleep 20 & echo $! >&2; exit 3"],
    onErrorLine: (line) => {
      sleeper = Number(line);
    },
  });
  await child.ready;
  await expect(child.send(new Uint8Array(300_000))).rejects.toThrow("EPIPE");
  child.stop();
  const startMs = performance.now();
  expect(await child.exited).toEqual({ exitCode: 3, signal: null });
  expect(performance.now() - startMs).toBeLessThan(10_000); // not the 20 s for which its output is held open
  process.kill(sleeper);
});
