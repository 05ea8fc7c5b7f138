import { UserError } from "../core/base/errors.ts";
import { closeAfter, tellSecond } from "../io/driver/close_after.ts";
import { exitCodeOf, type StopReason } from "../io/os/lifecycle.ts";
import { resolveHost } from "../io/os/own_addresses.ts";
import type { BoundOptions } from "./bound_report.ts";
import { refuseFaults } from "./fault_injection.ts";
import { HostPush, type HostPushOptions } from "./host_push.ts";
import { readHosts } from "./hosts_file.ts";
import { checkQuorum, hostsTable } from "./hosts_summary.ts";
import { type RunValues, refuseLocalFlags, remoteFlagsOf } from "./run_flags.ts";

/** A push, and what is known of the uplinks. */
export interface HostRunOptions extends HostPushOptions {
  readonly bound: BoundOptions;
}

/**
 * Copies a share to other machines.
 *
 * @returns 0 only if enough of them confirmed their copy; 130 after Ctrl+C
 * @throws {UserError} naming each machine that did not, and why, when they are too many
 */
export async function runHosts(options: HostRunOptions, stopped: Promise<StopReason>): Promise<number> {
  // a typing error is told before anybody is called
  await Promise.all(options.advertise.map((host) => resolveHost(host, { flag: "--advertise" })));
  const push = new HostPush(options);
  const run = async (): Promise<number> => {
    const outcome = await Promise.race([push.run(), stopped]);
    if (typeof outcome === "string") {
      return exitCodeOf(outcome);
    }
    options.stdout.write(hostsTable(outcome, options.bound));
    return checkQuorum(outcome, options.quorum);
  };
  return await closeAfter(run, { close: () => push.close(), onSecond: tellSecond });
}

/** What the flags say of machines, ssh and the peers there. @throws {UserError} a mistake among them */
export function hostOptionsOf(
  values: RunValues & { readonly hosts: string },
): Omit<HostRunOptions, "seedFlags" | "trackerFlags" | "logFlags" | "bound" | "stdout" | "script" | "program"> {
  const { hosts, to, ssh } = values;
  refuseLocalFlags(values);
  refuseFaults(values);
  if (to === undefined) {
    throw new UserError("Cannot use --hosts: where should the copies go? (add --to /path/of/the/copy)", {
      exitCode: 2,
    });
  }
  return {
    ...values,
    hosts: readHosts(hosts),
    to,
    ssh,
    peerPort: values.peerPort ?? 0,
    loginTimeoutMs: values.loginTimeout,
    deadlineMs: values.deadline,
    graceMs: values.grace,
    remoteFlags: remoteFlagsOf(values),
  };
}
