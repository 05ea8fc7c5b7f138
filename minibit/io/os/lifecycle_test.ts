import { expect, test } from "bun:test";
import { join } from "node:path";
import { EXIT_WITH_PARENT, exitCodeOf } from "./lifecycle.ts";

/** A process that says why it stops; \`then\` is what it does next. */
function start(then: string, env: { [name: string]: string } = {}) {
  const code = `import { exitCodeOf, onStop } from ${JSON.stringify(join(import.meta.dir, "lifecycle.ts"))};
    onStop((reason) => { console.log(reason); ${then} });
    setInterval(() => {}, 1000);
    console.log("Ready");`;
  const child = Bun.spawn([process.execPath, "-e", code], { env: { ...process.env, ...env }, stdin: "pipe" });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return { child, next: async (): Promise<string> => (await reader.read()).value?.trimEnd() ?? "" };
}

for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  test(`${signal} stops a process with exit code ${exitCode}`, async () => {
    const { child, next } = start("process.exit(exitCodeOf(reason));");
    expect(await next()).toBe("Ready");
    child.kill(signal);
    expect(await next()).toBe(signal);
    expect(await child.exited).toBe(exitCode);
    expect(exitCodeOf(signal)).toBe(exitCode);
  });
}

test("SIGTERM is no failure of a process that has done its work; Ctrl+C and the end of the parent are", () => {
  expect(exitCodeOf("SIGTERM", { isDone: true })).toBe(0);
  expect(exitCodeOf("SIGTERM", { isDone: false })).toBe(143);
  expect(exitCodeOf("SIGINT", { isDone: true })).toBe(130);
  expect(exitCodeOf("parent gone", { isDone: true })).toBe(1);
});

test("the end of the parent stops a child that was told to watch it", async () => {
  const { child, next } = start("process.exit(exitCodeOf(reason));", { [EXIT_WITH_PARENT]: "1" });
  expect(await next()).toBe("Ready");
  await child.stdin.end();
  expect(await next()).toBe("parent gone");
  expect(await child.exited).toBe(1);
});

test("a closed stdin stops no process that was not told so", async () => {
  const { child, next } = start("process.exit(exitCodeOf(reason));");
  expect(await next()).toBe("Ready");
  await child.stdin.end();
  child.kill("SIGTERM");
  expect(await next()).toBe("SIGTERM");
  expect(await child.exited).toBe(143);
});

test("a second Ctrl+C ends a process that takes too long to stop", async () => {
  const { child, next } = start("");
  expect(await next()).toBe("Ready");
  const startMs = performance.now();
  child.kill("SIGTERM");
  expect(await next()).toBe("SIGTERM");
  const impatience = setInterval(() => child.kill("SIGINT"), 50);
  expect(await child.exited).toBe(130);
  clearInterval(impatience);
  expect(performance.now() - startMs).toBeGreaterThan(1000);
});

test("a Ctrl+C that comes twice, as under `bun run`, cuts no orderly end short", async () => {
  const { child, next } = start("setTimeout(() => { console.log('in order'); process.exit(7); }, 300);");
  expect(await next()).toBe("Ready");
  child.kill("SIGINT");
  expect(await next()).toBe("SIGINT");
  child.kill("SIGINT");
  expect(await next()).toBe("in order");
  expect(await child.exited).toBe(7);
});

test("lines of the parent are handed over whole, and its end is noticed as before", async () => {
  const path = JSON.stringify(join(import.meta.dir, "lifecycle.ts"));
  const code = `import { onParentLine, onStop } from ${path};
    onStop((reason) => { console.log(reason); process.exit(0); });
    onParentLine((line) => console.log(">" + line));
    console.log("Ready");`;
  const env = { ...process.env, [EXIT_WITH_PARENT]: "1" };
  const child = Bun.spawn([process.execPath, "-e", code], { env, stdin: "pipe" });
  child.stdin.write("one\nt");
  await child.stdin.flush();
  let said = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const isFirst = !said.includes(">one");
    said += text;
    if (isFirst && said.includes(">one")) {
      child.stdin.write("wo\nthree");
      await child.stdin.end();
    }
  }
  expect(said).toBe("Ready\n>one\n>two\nparent gone\n");
});
