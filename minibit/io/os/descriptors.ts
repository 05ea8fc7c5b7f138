/**
 * The file descriptors a process may have: files and connections share them. When none is left, the system refuses every further one.
 * A server would then spin: a pending connection stays in the queue, and the event loop reports it again and again.
 */
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { MAX_LINKS, MAX_OPEN_FILES } from "../../core/base/limits.ts";
import { errorCode } from "./disk_error.ts";
import { getLogger } from "./logging.ts";

/** What most systems allow; assumed where a system does not report its limit. */
const USUAL_LIMIT = 1024;
/** Kept free: for what is opened for a moment, a dial, the log. */
export const SPARE_DESCRIPTORS = 12;
/** A store has two pools of files at most, and its reader another one. */
const POOLS = 3;
/** Fewest of each: below it no swarm works, so it is assumed whatever the limit is. */
const FEWEST = 4;

/** How the descriptors of this process are divided. */
export interface DescriptorBudget {
  /** How many it may have. */
  readonly limit: number;
  /** Neighbours at a time. */
  readonly links: number;
  /** Open files of one pool. */
  readonly files: number;
}

let budget: DescriptorBudget | undefined;

/** What this process can afford, as of its start. */
export function descriptorBudget(): DescriptorBudget {
  budget ??= budgetOf({ limit: descriptorLimit(), used: usedDescriptors() ?? SPARE_DESCRIPTORS });
  return budget;
}

/** Divides what is left of `limit`: as many neighbours and files as MiniBit can use, or fewer of both. */
export function budgetOf({ limit, used }: { readonly limit: number; readonly used: number }): DescriptorBudget {
  const free = Math.max(0, limit - used - SPARE_DESCRIPTORS);
  const links = Math.max(FEWEST, Math.min(MAX_LINKS, Math.floor(free / 2)));
  const files = Math.max(FEWEST, Math.min(MAX_OPEN_FILES, Math.floor((free - links) / POOLS)));
  return { limit, links, files };
}

/** How many descriptors this process may have at a time: `ulimit -n`, which Bun raises to the hard limit. */
function descriptorLimit(): number {
  try {
    const [, soft = ""] = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(soft) || USUAL_LIMIT;
  } catch {
    return limitByShell();
  }
}

/** Where there is no /proc: a child has the same limit. */
function limitByShell(): number {
  try {
    const said = Bun.spawnSync(["sh", "-c", "ulimit -n"]).stdout.toString().trim();
    return said === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(said) || USUAL_LIMIT;
  } catch {
    return USUAL_LIMIT;
  }
}

/** How many are in use; undefined where the system does not tell, or cannot for want of one. */
export function usedDescriptors(): number | undefined {
  for (const folder of ["/proc/self/fd", "/dev/fd"]) {
    try {
      return readdirSync(folder).length - 1; // the last is the folder's own
    } catch {
      // the other one
    }
  }
  return undefined;
}

/** Whether hardly a descriptor is left: looks at the number that the next one gets, 10 us. */
export function areDescriptorsShort(): boolean {
  try {
    const next = openSync("/dev/null", "r");
    closeSync(next);
    return next >= descriptorBudget().limit - SPARE_DESCRIPTORS / 2;
  } catch (error) {
    return isOutOfDescriptors(error);
  }
}

/** Whether enough are free again. */
export function areDescriptorsBack(): boolean {
  const used = usedDescriptors();
  return used === undefined ? !areDescriptorsShort() : used <= descriptorBudget().limit - SPARE_DESCRIPTORS;
}

/** Whether a call failed since the process, or the machine, has no descriptor left. */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = errorCode(error);
  return code === "EMFILE" || code === "ENFILE";
}

/** Tells the user when this process may have so few that it will have fewer neighbours than it could use. */
export function warnOfFewDescriptors(): void {
  const { limit, links } = descriptorBudget();
  if (links < MAX_LINKS) {
    const text =
      "only {limit} files and connections may be open at a time: at most {links} neighbours (raise 'ulimit -n')";
    getLogger("peer").warn(text, { limit, links });
  }
}
