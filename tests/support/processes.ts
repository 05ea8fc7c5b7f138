/** What the kernel knows of processes, as Linux tells it in /proc. */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Whether there is a /proc to look at. */
export const hasProc: boolean = existsSync("/proc/self/stat");

/** The processes that `parent` started and that still run, by process id: their command lines. */
export function childrenOf(parent: number): Map<number, string> {
  const children = new Map<number, string>();
  for (const pid of readdirSync("/proc").map(Number)) {
    if (pid > 0 && parentOf(pid) === parent) {
      children.set(pid, readProc(pid, "cmdline").replaceAll("\0", " ").trim());
    }
  }
  return children;
}

/** Whether a process runs; a dead one that nobody has waited for does not. */
export function isAlive(pid: number): boolean {
  return (parentOf(pid) ?? 0) > 0;
}

/** The process that started `pid`; undefined when it has ended. */
function parentOf(pid: number): number | undefined {
  // "pid (name) state parent ...": the name may hold anything
  const [state, parent] = readProc(pid, "stat").split(") ").at(-1)?.split(" ") ?? [];
  return state === undefined || state === "" || state === "Z" || state === "X" ? undefined : Number(parent);
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return ""; // it has ended meanwhile
  }
}
