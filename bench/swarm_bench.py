#!/usr/bin/python3
"""Times one file going from one seed to N leechers, each on a test host of its own.

    sudo ./swarm_bench.py minibit    --leechers 4 --mib 1024
    sudo ./swarm_bench.py libtorrent --leechers 8 --mib 64 --uplink 50mbit

Clients: minibit (this checkout, --repo), libtorrent, aria2, transmission; scp and nc, which copy to each leecher
on its own; and pipe: one process that sends the file to each leecher, which hashes and writes it, with no protocol at all.
--kill K ends the last K leechers when half of the bound has passed, --slow S gives the first S a twentieth of the
uplink; then the clock stops when the others hold the file, and the bound is theirs.
Packages (Debian): iproute2 opentracker mktorrent python3-libtorrent aria2 transmission-daemon openssh-server
netcat-openbsd.
The clock starts when the leechers are launched, with the seed ready and the tracker up, and stops when
the last leecher holds the verified file. Prints one JSON line: seconds to the first and last leecher,
CPU seconds and peak memory of all processes, and `bound_s`, the fluid lower bound
max(F/u_s, N*F/(u_s + sum u_i)) when uplinks are shaped (Kumar and Ross, 2006).
"""
import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import hosts

HERE = os.path.dirname(os.path.abspath(__file__))
UNITS = {"kbit": 1e3, "mbit": 1e6, "gbit": 1e9}


def bits(rate):
    return next(float(rate[:-4]) * f for u, f in UNITS.items() if rate.endswith(u))


class Bench:
    def __init__(self, a):
        self.a, self.n, self.root, self.procs = a, a.leechers, a.root, []
        self.tracker = hosts.address(self.n + 1)
        self.source = f"{self.root}/p0/data.bin"
        self.torrent = f"{self.root}/t.torrent"

    def start(self, host, command, name):
        log = open(f"{self.root}/{name}.log", "w")
        p = subprocess.Popen(["ip", "netns", "exec", f"mh{host}"] + command, stdin=subprocess.DEVNULL,
                             stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        p.name = name
        self.procs.append(p)
        return p

    def log(self, name):
        return open(f"{self.root}/{name}.log", errors="replace").read()

    def prepare(self):
        shutil.rmtree(self.root, ignore_errors=True)
        for i in range(self.n + 1):
            os.makedirs(f"{self.root}/p{i}")
        with open(self.source, "wb") as f, open("/dev/urandom", "rb") as r:
            for _ in range(self.a.mib):
                f.write(r.read(1 << 20))
        hosts.up(self.n + 2, self.a.uplink, self.a.seed_uplink)

    def touch_memory(self):
        """Uses as much memory as the copies will need, and frees it: a virtual machine gets what it has not used for
        some seconds from its host page by page, which would take longer than all that is measured here."""
        with open(f"{self.root}/touched", "wb") as f:
            for _ in range(self.n * self.a.mib * 11 // 10):
                f.write(bytes(1 << 20))
        os.unlink(f"{self.root}/touched")

    # one method a client: seed() returns once the seed can serve, leech(i) starts a leecher, done(i) asks
    def torrent_tracker(self):
        subprocess.run(["mktorrent", "-l", str(self.a.piece_log2), "-a", f"http://{self.tracker}:6969/announce",
                        "-o", self.torrent, self.source], check=True, stdout=subprocess.DEVNULL)
        import libtorrent as lt
        with open(f"{self.root}/whitelist", "w") as f:
            f.write(str(lt.torrent_info(self.torrent).info_hashes().v1) + "\n")
        os.chmod(self.root, 0o755)
        self.start(self.n + 1, ["opentracker", "-i", self.tracker, "-p", "6969", "-P", "6969", "-u", "nobody",
                                "-d", self.root, "-w", "whitelist"], "tracker")
        time.sleep(0.5)

    def libtorrent(self, i):
        self.start(i, ["/usr/bin/python3", f"{HERE}/libtorrent_peer.py", self.torrent, f"{self.root}/p{i}",
                       hosts.address(i), "seed" if i == 0 else "leech"], f"p{i}")

    def aria2(self, i):
        self.start(i, ["aria2c", "--dir", f"{self.root}/p{i}", "--listen-port=6881", "--enable-dht=false",
                       "--disable-ipv6=true", "--seed-ratio=0", "--bt-tracker-interval=2", "--file-allocation=none",
                       "--summary-interval=0", "--console-log-level=info", "--max-overall-upload-limit=0",
                       f"--check-integrity={'true' if i == 0 else 'false'}", self.torrent], f"p{i}")

    def remote(self, i, *args):
        return subprocess.run(["ip", "netns", "exec", f"mh{i}", "transmission-remote", hosts.address(i), *args],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def transmission(self, i):
        config = f"{self.root}/config{i}"
        os.makedirs(config)
        with open(config + "/settings.json", "w") as f:
            json.dump({"download-dir": f"{self.root}/p{i}", "dht-enabled": False, "lpd-enabled": False,
                       "utp-enabled": False, "rpc-authentication-required": False, "rpc-whitelist-enabled": False,
                       "rpc-host-whitelist-enabled": False, "bind-address-ipv4": hosts.address(i),
                       "preallocation": 0, "cache-size-mb": 64, "encryption": 0}, f)
        self.start(i, ["transmission-daemon", "-f", "-g", config], f"p{i}")

    def minibit(self, i):
        common = ["bun", f"{self.a.repo}/peer.ts", str(i), "--tracker", f"{self.tracker}:5000",
                  "--host", hosts.address(i), "--dir", f"{self.root}/p{i}", "--store", "direct", "--events"]
        self.start(i, common + (["--source", self.source] if i == 0 else []), f"p{i}")

    def pipe(self, i):
        script = ["bun", f"{self.a.repo}/bench/raw_pipe.ts"]
        if i == 0:
            self.start(0, script + ["serve", self.source, hosts.address(0), "5000"], "p0")
        else:
            self.start(i, script + ["fetch", self.file(i), hosts.address(0), "5000", str(self.a.mib << 20)], f"p{i}")

    def scp(self, i):
        config = f"{self.root}/ssh_config"
        if i > 0:
            self.start(i, ["scp", "-q", "-F", config, f"root@{hosts.address(0)}:{self.source}", self.file(i)], f"p{i}")
            return
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.root}/{key}"], check=True)
        os.makedirs("/run/sshd", exist_ok=True)
        with open(config, "w") as f:
            f.write(f"IdentityFile {self.root}/user_key\nUserKnownHostsFile /dev/null\nStrictHostKeyChecking no\nLogLevel ERROR\n")
        self.start(0, ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", f"{self.root}/host_key", "-o", "PidFile=none",
                       "-o", f"AuthorizedKeysFile={self.root}/user_key.pub", "-o", "StrictModes=no", "-o", "UsePAM=no",
                       "-o", f"ListenAddress={hosts.address(0)}", "-o", "Subsystem=sftp internal-sftp"], "p0")

    def nc(self, i):
        if i == 0:
            for leecher in range(1, self.n + 1):
                self.start(0, ["sh", "-c", f"exec nc -l -N -p {7000 + leecher} < {self.source}"], f"p0-{leecher}")
            time.sleep(0.3)
        else:
            self.start(i, ["sh", "-c", f"exec nc -d {hosts.address(0)} {7000 + i} > {self.file(i)}"], f"p{i}")

    def run(self):
        a, client, begin = self.a, self.a.client, getattr(self, self.a.client)
        if client == "minibit":
            self.start(self.n + 1, ["bun", f"{a.repo}/tracker.ts", "--host", self.tracker, "--port", "5000",
                                    "--http-port", "8080", "--expect", str(self.n + 1)], "tracker")
            begin(0)
            self.wait(lambda: '"event":"ready"' in self.log("p0"), 60)
        elif client == "scp":
            begin(0)
            self.wait(lambda: "Server listening" in self.log("p0"), 60)
        elif client == "nc":
            begin(0)
        elif client == "pipe":
            begin(0)
            self.wait(lambda: '"event":"ready"' in self.log("p0"), 60)
        else:
            self.torrent_tracker()
            begin(0)
            if client == "libtorrent":
                self.wait(lambda: "DONE seed" in self.log("p0"), 60)
            elif client == "transmission":
                time.sleep(1.5)
                self.remote(0, "-a", self.torrent, "-w", f"{self.root}/p0")
                self.wait(lambda: "Percent Done: 100%" in self.remote(0, "-t", "1", "-i"), 60)
                for i in range(1, self.n + 1):
                    begin(i)
            else:
                time.sleep(1 + a.mib / 250)
            time.sleep(2.5)
        bound = self.bound()
        for i in range(1, a.slow + 1):
            rate = f"{int(bits(a.uplink) / 20000)}kbit"
            hosts.sh(f"ip netns exec mh{i} tc qdisc change dev e{i} root tbf rate {rate} burst 128kb latency 100ms")
        counted, killed = range(a.slow + 1, self.n - a.kill + 1), False
        self.touch_memory()
        cpu, t0, done = self.cpu(), time.time(), {}
        for i in range(1, self.n + 1):
            if client == "transmission":
                self.remote(i, "-a", self.torrent, "-w", f"{self.root}/p{i}")
            else:
                begin(i)
        while not all(i in done for i in range(1, self.n - a.kill + 1)) and time.time() - t0 < a.timeout:
            for i in range(1, self.n + 1):
                if i not in done and self.done(i):
                    done[i] = time.time() - t0
            if a.kill and not killed and time.time() - t0 > bound / 2:
                killed = True
                for p in self.procs[-a.kill:]:
                    os.killpg(p.pid, signal.SIGKILL)
            time.sleep(0.02)
        slow = [round(done[i], 2) for i in range(1, a.slow + 1) if i in done]
        done = {i: t for i, t in done.items() if i in counted}
        out = dict(client=client, leechers=self.n, mib=a.mib, uplink=a.uplink, seed_uplink=a.seed_uplink,
                   done=len(done), first_s=round(min(done.values(), default=0), 2),
                   last_s=round(max(done.values()), 2) if len(done) == len(counted) else None,
                   cpu_s=round(self.cpu() - cpu, 1), peak_mib=self.peaks())
        if a.kill or a.slow:
            out.update(killed=a.kill, slow_s=slow)
        if a.uplink:
            out["bound_s"] = round(bound, 2)
            out["times_bound"] = round(out["last_s"] / bound, 2) if out["last_s"] else None
        return out

    def bound(self):
        """Seconds, for the leechers that count."""
        if not self.a.uplink:
            return 0
        n, f = self.n - self.a.kill - self.a.slow, self.a.mib * 2**20 * 8
        us, u = bits(self.a.seed_uplink or self.a.uplink), bits(self.a.uplink)
        return max(f / us, n * f / (us + n * u))

    def file(self, i):
        return f"{self.root}/p{i}/" + (f"reconstruido_peer_{i}.bin" if self.a.client == "minibit" else "data.bin")

    def done(self, i):
        client = self.a.client
        if client in ("scp", "nc"):
            return next(p for p in self.procs if p.name == f"p{i}").poll() == 0
        if client in ("minibit", "pipe"):
            return os.path.exists(self.file(i))
        if client == "libtorrent":
            return "DONE leech" in self.log(f"p{i}")
        if client == "aria2":
            return "&left=0&" in self.log(f"p{i}")
        return "Percent Done: 100%" in self.remote(i, "-t", "1", "-i")

    def wait(self, ready, limit):
        end = time.time() + limit
        while not ready():
            if time.time() > end:
                raise SystemExit(f"Cannot go on: the seed was not ready in {limit} s; see {self.root}/p0.log")
            time.sleep(0.05)

    def cpu(self):
        ticks = 0
        for p in self.procs:
            try:
                fields = open(f"/proc/{p.pid}/stat").read().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
            except OSError:
                pass
        return ticks / os.sysconf("SC_CLK_TCK")

    def peaks(self):
        peaks = []
        for p in self.procs:
            try:
                peaks += [int(l.split()[1]) // 1024 for l in open(f"/proc/{p.pid}/status") if l.startswith("VmHWM")]
            except OSError:
                pass
        return peaks

    def stop(self):
        for p in self.procs:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except OSError:
                pass
            p.wait()

    def same(self):
        digest = lambda path: hashlib.file_digest(open(path, "rb"), "sha256").hexdigest()
        return all(digest(self.file(i)) == digest(self.source) for i in range(1, self.n - self.a.kill + 1))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("client", choices=["minibit", "libtorrent", "aria2", "transmission", "scp", "nc", "pipe"])
    p.add_argument("--leechers", type=int, default=4)
    p.add_argument("--mib", type=int, default=256)
    p.add_argument("--uplink", help="every host's upload rate, e.g. 50mbit; left out: unshaped")
    p.add_argument("--seed-uplink", help="the seed's own upload rate")
    p.add_argument("--kill", type=int, default=0, help="leechers that end half-way")
    p.add_argument("--slow", type=int, default=0, help="leechers with a twentieth of the uplink")
    p.add_argument("--piece-log2", type=int, default=20)
    p.add_argument("--repo", default=os.getcwd(), help="the MiniBit checkout")
    p.add_argument("--root", default="/dev/shm/swarm_bench")
    p.add_argument("--timeout", type=float, default=300)
    p.add_argument("--keep", action="store_true", help="keep files and logs")
    bench = Bench(p.parse_args())
    out = {}
    try:
        bench.prepare()
        out = bench.run()
    finally:
        bench.stop()
        hosts.down()
        if out.get("last_s") is not None:
            out["verified"] = bench.same()
        print(json.dumps(out))
        if not bench.a.keep:
            shutil.rmtree(bench.root, ignore_errors=True)
    sys.exit(0 if out.get("verified") else 1)


if __name__ == "__main__":
    main()
