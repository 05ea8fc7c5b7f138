/**
 * Machines to copy to: a network namespace and a mount namespace each, with Debian's sshd in it and no Bun.
 *
 * Needs root, iproute2 and openssh-server.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { $ } from "bun";
import { until } from "./until.ts";

const SSHD = "/usr/sbin/sshd";

/** Whether such machines can be made here; otherwise why not. */
export const noHosts: string | undefined = whyNoHosts();

function whyNoHosts(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    return "only root on Linux can make network namespaces";
  }
  const missing = ["ip", "tc", "unshare"].filter((program) => Bun.which(program) === null);
  if (!existsSync(SSHD)) {
    missing.push("sshd");
  }
  return missing.length === 0 ? undefined : `${missing.join(", ")} not installed`;
}

/** The networks there are, with the address of machine `index` in each; nothing leads from one to another. */
const NETWORKS = {
  a: (index: number) => `10.79.0.${index}/24`,
  b: (index: number) => `10.80.0.${index}/24`,
  c: (index: number) => `10.81.0.${index}/24`,
  ipv6: (index: number) => `fd77::${index.toString(16)}/64`,
  "link-local": (index: number) => `fe80::77:${index.toString(16)}/64`,
} as const;
type Network = keyof typeof NETWORKS;

/** What one machine is like. */
export interface SshHostOptions {
  /** The networks it is in; it is called in the first. Left out: the only one there is. */
  readonly networks?: readonly Network[];
  /** It is the machine from which the others are reached, at its loopback address. */
  readonly isHere?: boolean;
  /** Its network is down. */
  readonly isDown?: boolean;
  /** It knows another key than ours. */
  readonly refusesKey?: boolean;
  /** What ssh knows of its key. */
  readonly hostKey?: "unknown" | "changed";
  /** How its home is mounted. */
  readonly home?: "ro" | "noexec";
  /** Its login shell. */
  readonly shell?: string;
  /** What its login does before anything else: `.bashrc`. */
  readonly login?: string;
  /** It serves files alone. */
  readonly sftpOnly?: boolean;
  /** What the user's configuration of ssh says of it. */
  readonly ssh?: readonly string[];
  /** The size of its disk at `/data`, as mount says it: `8m`. */
  readonly disk?: string;
  /** Its uplink, as tc says it: `50mbit`. */
  readonly uplink?: string;
}

/** One machine. */
export interface SshHost {
  /** Its address in the machines' network. */
  readonly address: string;
  /** Where its `/data` and `/root` are for us. */
  readonly data: string;
  readonly home: string;
  /** Process ids in its network namespace, of the SSH server and what it started. */
  processes(): Promise<number[]>;
}

/** Several machines, and one from which they are reached. */
export class SshHosts {
  readonly hosts: SshHost[] = [];
  /** The ssh command that knows them all. */
  readonly ssh: string;
  readonly #prefix: string;
  readonly #dir: string;
  readonly #servers: Bun.Subprocess[] = [];
  #shaped: string[] = [];

  private constructor(dir: string, prefix: string) {
    this.#dir = dir;
    this.#prefix = prefix;
    this.ssh = `ssh -F '${join(dir, "ssh config")}'`;
  }

  /**
   * Makes machines; `close` removes them.
   *
   * @param options.prefix short, and of no other machines that are there now
   * @param options.ipv6 their addresses are IPv6
   */
  static async up(
    machines: readonly SshHostOptions[],
    options: { readonly dir: string; readonly prefix: string; readonly ipv6?: boolean; readonly uplink?: string },
  ): Promise<SshHosts> {
    const { dir, prefix, ipv6 = false, uplink } = options;
    const hosts = new SshHosts(dir, prefix);
    try {
      await hosts.#keys(machines);
      const bridge = `${prefix}sw`;
      await $`ip netns add ${bridge} && ip -n ${bridge} link add br0 type bridge && ip -n ${bridge} link set br0 up`.quiet();
      const byDefault: Network = ipv6 ? "ipv6" : "a";
      const networks = [...new Set([byDefault, ...machines.flatMap((machine) => machine.networks ?? [])])];
      await hosts.#connect(0, { bridge, networks, ...(uplink === undefined ? {} : { uplink }) });
      for (const [index, machine] of machines.entries()) {
        await hosts.#add(index + 1, { networks: [byDefault], ...machine, bridge });
      }
      for (const [index, { isDown }] of machines.entries()) {
        const log = join(dir, `host${index + 1}`, "log");
        if (isDown !== true) {
          const isListening = (): boolean => existsSync(log) && readFileSync(log, "utf8").includes("Server listening");
          await until("sshd to listen", () => isListening() || undefined);
        }
      }
      return hosts;
    } catch (error) {
      await hosts.close();
      throw error;
    }
  }

  /** A command line that runs in the machine from which the others are reached, or in another one's network. */
  inside(command: readonly string[], index = 0): string[] {
    return ["ip", "netns", "exec", `${this.#prefix}${index}`, ...command];
  }

  /** The addresses at which processes listen in the machine from which the others are reached. */
  async listeningHere(): Promise<string[]> {
    const lines = await $`ip netns exec ${this.#prefix}0 ss -ltnH`.quiet().text();
    const places = lines.split("\n").flatMap((line) => line.split(/\s+/)[3] ?? []);
    return [...new Set(places.map((place) => place.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1")))].sort();
  }

  /** Ends the network of a machine, as if its cable was pulled. */
  async unplug(index: number): Promise<void> {
    await $`ip -n ${this.#prefix}${index} link set eth0 down`.quiet();
  }

  /** Lets a machine open no connection to a port of others; they may still open some to it. */
  async forbidDialing(index: number, port: number): Promise<void> {
    // what answers them has this port as its source, and finds its route
    await $`ip -n ${this.#prefix}${index} rule add ipproto tcp dport ${port} pref 10 prohibit`.quiet();
  }

  /** Whether there is a way from one machine to a TCP port of another. */
  async canDial(index: number, options: { readonly to: number; readonly port: number }): Promise<boolean> {
    const address = this.hosts[options.to - 1]?.address ?? "";
    const found = await $`ip -n ${this.#prefix}${index} route get ${address} ipproto tcp dport ${options.port}`
      .nothrow()
      .quiet();
    return found.exitCode === 0;
  }

  /** Changes the uplink of a machine. */
  async shape(index: number, rate: string): Promise<void> {
    const name = `${this.#prefix}${index}`;
    const verb = this.#shaped.includes(name) ? "change" : "add";
    this.#shaped.push(name);
    await $`ip netns exec ${name} tc qdisc ${verb} dev eth0 root tbf rate ${rate} burst 128kb latency 100ms`.quiet();
  }

  /** Ends the servers and removes the machines. */
  async close(): Promise<void> {
    for (let index = 0; index <= this.hosts.length; index++) {
      const pids = await $`ip netns pids ${this.#prefix}${index}`.nothrow().quiet().text();
      for (const pid of pids.split("\n").filter((line) => line !== "")) {
        await $`kill -9 ${pid}`.nothrow().quiet();
      }
    }
    await Promise.all(this.#servers.map((server) => server.exited));
    const all = await $`ip netns list`.nothrow().quiet().text();
    for (const name of all.split("\n").map((line) => line.split(" ")[0] ?? "")) {
      if (name.startsWith(this.#prefix)) {
        await $`ip netns del ${name}`.nothrow().quiet();
      }
    }
  }

  async #keys(machines: readonly SshHostOptions[]): Promise<void> {
    mkdirSync(this.#dir, { recursive: true });
    for (const name of ["host_key", "user_key", "other_key"]) {
      await $`ssh-keygen -q -t ed25519 -N "" -f ${join(this.#dir, name)}`.quiet();
    }
    const known = (name: string): string => `UserKnownHostsFile ${join(this.#dir, name)}`;
    const lines: string[] = [];
    for (const [index, { hostKey, ssh = [] }] of machines.entries()) {
      const address = addressOf(index + 1, false);
      lines.push(`Host ${address}`, ...ssh);
      if (hostKey === "changed") {
        const other = readFileSync(join(this.#dir, "other_key.pub"), "utf8");
        writeFileSync(join(this.#dir, "known_before"), `${address} ${other}`);
        lines.push(known("known_before"));
      } else if (hostKey === "unknown") {
        lines.push(known("known_none"), "StrictHostKeyChecking ask");
      }
    }
    lines.push(
      "Host *",
      `IdentityFile ${join(this.#dir, "user_key")}`,
      "IdentitiesOnly yes",
      known("known_hosts"),
      "StrictHostKeyChecking accept-new",
      "ConnectTimeout 3",
      "",
    );
    writeFileSync(join(this.#dir, "ssh config"), lines.join("\n"));
  }

  async #connect(
    index: number,
    options: { bridge: string; networks: readonly Network[]; uplink?: string },
  ): Promise<void> {
    const { bridge, networks, uplink } = options;
    const name = `${this.#prefix}${index}`;
    const [near, far] = [`${this.#prefix}v${index}`, `p${index}`];
    await $`ip netns add ${name}`.quiet();
    await $`ip -n ${name} link set lo up`.quiet();
    await $`ip link add ${near} type veth peer name ${far} netns ${bridge}`.quiet();
    await $`ip link set ${near} netns ${name} name eth0`.quiet();
    await $`ip -n ${bridge} link set ${far} master br0 up`.quiet();
    for (const network of networks) {
      const address = NETWORKS[network](index + 1);
      await $`ip -n ${name} addr add ${address} dev eth0 ${address.includes(":") ? ["nodad"] : []}`.quiet();
    }
    await $`ip -n ${name} link set eth0 up`.quiet();
    if (uplink !== undefined) {
      await this.shape(index, uplink);
    }
  }

  async #add(index: number, machine: SshHostOptions & { bridge: string; networks: readonly Network[] }): Promise<void> {
    const { isDown = false, refusesKey = false, isHere = false, disk, bridge, networks, uplink } = machine;
    const { home: homeMount, shell, login } = machine;
    const [first] = networks;
    const zone = first === "link-local" ? "%eth0" : "";
    const address = isHere || first === undefined ? "127.0.0.1" : NETWORKS[first](index + 1).replace(/\/.*/, zone);
    if (!isHere) {
      await this.#connect(index, { bridge, networks, ...(uplink === undefined ? {} : { uplink }) });
    }
    const root = join(this.#dir, `host${index}`);
    const [data, home] = [join(root, "data"), join(root, "home")];
    mkdirSync(data, { recursive: true });
    mkdirSync(home, { recursive: true });
    mkdirSync("/run/sshd", { recursive: true });
    mkdirSync("/data", { recursive: true });
    const name = `${this.#prefix}${isHere ? 0 : index}`;
    this.hosts.push({
      address,
      data,
      home,
      processes: async () => {
        const pids = await $`ip netns pids ${name}`.quiet().text();
        return pids
          .split("\n")
          .filter((line) => line !== "")
          .map(Number);
      },
    });
    if (isDown) {
      await $`ip -n ${name} link set eth0 down`.quiet();
      return;
    }
    const key = readFileSync(join(this.#dir, refusesKey ? "other_key.pub" : "user_key.pub"), "utf8");
    writeFileSync(join(root, "authorized_keys"), key);
    const config = join(root, "sshd_config");
    writeFileSync(
      config,
      [
        `ListenAddress ${address.includes(":") ? `[${address}]` : address}`,
        `HostKey ${join(this.#dir, "host_key")}`,
        `AuthorizedKeysFile ${join(root, "authorized_keys")}`,
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PermitRootLogin prohibit-password",
        "MaxSessions 20",
        "SetEnv PATH=/usr/bin:/bin",
        ...(machine.sftpOnly === true ? ["ForceCommand internal-sftp"] : []),
        "",
      ].join("\n"),
    );
    if (login !== undefined) {
      writeFileSync(join(home, ".bashrc"), login);
    }
    const passwd = join(root, "passwd");
    if (shell !== undefined) {
      writeFileSync(passwd, readFileSync("/etc/passwd", "utf8").replace(/^(root:.*:).*$/m, `$1${shell}`));
    }
    const bun = [...new Set(["bun", "/usr/local/bin/bun", "/usr/bin/bun"].map((path) => Bun.which(path)))];
    const script = [
      disk === undefined ? `mount --bind '${data}' /data` : `mount -t tmpfs -o size=${disk} none /data`,
      `mount --bind '${home}' /root`,
      ...(homeMount === undefined ? [] : [`mount -o remount,bind,${homeMount} /root`]),
      ...(shell === undefined ? [] : [`mount --bind '${passwd}' /etc/passwd`]),
      // it is not installed there: what is in its place cannot be run
      ...bun.filter((path) => path !== null).map((path) => `mount --bind /dev/null '${path}'`),
      `exec ${SSHD} -D -e -f '${config}'`,
    ].join(" && ");
    this.#servers.push(
      Bun.spawn(["ip", "netns", "exec", name, "unshare", "-m", "sh", "-c", script], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: Bun.file(join(root, "log")),
      }),
    );
  }
}

function addressOf(index: number, ipv6: boolean): string {
  return ipv6 ? `fd77::${(index + 1).toString(16)}` : `10.79.0.${index + 1}`;
}
