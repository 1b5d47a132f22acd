# SPDX-License-Identifier: GPL-2.0-or-later
"""An engine that faults are done to: ours, or dockerd of the distribution for comparison.

Each has roots of its own in a work folder and, dockerd, a network namespace of its own. Everything
goes through the docker CLI or the socket, so that both are asked the same.
"""
import contextlib
import ctypes
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class Failed(AssertionError):
    pass


def need(condition, what):
    if not condition:
        raise Failed(what)


def until(what, condition, seconds=10.0):
    """Seconds it took; fails after `seconds`."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if condition():
            return time.monotonic() - start
        time.sleep(0.02)
    raise Failed(f"not within {seconds:g} s: {what}")


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def cmdlines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                yield int(pid), f.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            pass


class Engine:
    name = ""
    ns = []  # command in front of what must run where the containers' ports are

    def __init__(self, root=None):
        self.work = tempfile.mkdtemp(prefix="crl-fault.")
        self.data = os.path.join(root or self.work, "data")
        self.socket = os.path.join(self.work, "s")
        self.log = os.path.join(self.work, "log")
        self.env = {**os.environ, "DOCKER_HOST": "unix://" + self.socket}
        self.process = None

    # --- the daemon ---
    def command(self):
        raise NotImplementedError

    def start(self, env=None, prefix=(), seconds=40):
        with open(self.log, "ab") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen([*prefix, *self.command()], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**self.env, **(env or {})}, start_new_session=True)
        until("the daemon answers", lambda: self.ping() or self.process.poll() is not None, seconds)
        need(self.process.poll() is None, "the daemon does not start: " + self.last_line())

    def pid(self):
        return self.process.pid

    def kill(self, sig=signal.SIGKILL):
        os.kill(self.pid(), sig)
        if sig in (signal.SIGKILL, signal.SIGTERM):
            self.process.wait(30)

    def restart_after_kill(self):
        self.kill()
        self.start()

    def last_line(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return ([""] + f.read().strip().splitlines())[-1][:300]

    def ping(self):
        try:
            return self.request("GET", "/_ping", timeout=2)[0] == 200
        except OSError:
            return False

    # --- asking it ---
    def connect(self, timeout=10):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(self.socket)
        return s

    def request(self, method, target, body=None, timeout=10):
        c = http.client.HTTPConnection("d", timeout=timeout)
        c.sock = self.connect(timeout)
        try:
            c.request(method, target, body, {"Content-Type": "application/json"} if body else {})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def docker(self, *args, timeout=30, check=True, feed=None, own=False):
        """Output of a docker command; with `own` the whole result, which threads need."""
        r = subprocess.run([*self.ns, "docker", *args], env=self.env, timeout=timeout, input=feed, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, check=False)
        if check:
            need(r.returncode == 0, f"docker {' '.join(args)[:80]}: {r.stderr.decode(errors='replace').strip()[-200:]}")
        if own:
            return r
        self.last = r
        return r.stdout.decode(errors="replace").strip()

    def spawn(self, *args, **more):
        # pylint: disable=consider-using-with
        return subprocess.Popen([*self.ns, "docker", *args], env=self.env, stdout=more.get("stdout", subprocess.DEVNULL),
                                stderr=subprocess.DEVNULL, stdin=more.get("stdin", subprocess.DEVNULL))

    def timed(self, *args, timeout=15):
        """Seconds of a command; infinite when it took longer than `timeout`."""
        start = time.monotonic()
        try:
            self.docker(*args, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            return float("inf")
        return time.monotonic() - start

    def state(self, name, what="{{.State.Status}} {{.State.ExitCode}}"):
        return self.docker("inspect", "-f", what, name)

    def init_pid(self, name):
        return int(self.docker("inspect", "-f", "{{.State.Pid}}", name))

    def full_id(self, name):
        return self.docker("inspect", "-f", "{{.Id}}", name)

    def monitor_pid(self, name):
        """The process that guards the container."""
        raise NotImplementedError

    def monitors(self):
        raise NotImplementedError

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid()}/fd"))

    # --- leaks ---
    def links(self):
        out = subprocess.run([*self.ns, "ip", "-o", "link"], stdout=subprocess.PIPE, check=True).stdout.decode()
        return sum(1 for line in out.splitlines() if re.match(self.veth, line.split(": ")[1]))

    veth = r"veth"

    def mounts(self):
        # A mount's path begins with the work folder; those of other processes' namespaces do not count.
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            return sum(1 for line in f if self.work in line)

    def tmp(self):
        raise NotImplementedError

    def remove_all(self):
        ids = self.docker("ps", "-aq").split()
        if ids:
            self.docker("rm", "-f", *ids, timeout=120, check=False)

    def end(self):
        with contextlib.suppress(Exception):
            self.remove_all()
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid(), signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for pid, line in list(cmdlines()):
            if self.work in line and pid != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.3)
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            for target in sorted((line.split()[4] for line in f if self.work in line), reverse=True):
                subprocess.run(["umount", "-l", target], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.work, ignore_errors=True)


class CrunLite(Engine):
    name = "crun-lite"
    veth = r"crlv"

    def command(self):
        return ["crun-lited", "--data-root", self.data, "--exec-root", self.work + "/run", "-H", "unix://" + self.socket,
                "--pidfile", self.work + "/pid"]

    def links(self):
        suffix = self.docker("network", "inspect", "bridge", "-f", '{{index .Options "com.docker.network.bridge.name"}}')[3:]
        return sum(1 for x in os.listdir("/sys/class/net") if x.startswith("crlv" + suffix))

    def monitor_pid(self, name):
        id_ = self.full_id(name)
        # Taken from the reserve, a monitor keeps the arguments it was started with: its socket tells.
        for pid, line in cmdlines():
            if "crun-lite-monitor" in line and self.parent_of(self.init_pid(name)) == pid:
                return pid
        raise Failed(f"no monitor for {id_[:12]}")

    @staticmethod
    def parent_of(pid):
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])

    def monitors(self):
        return sum(1 for _, line in cmdlines() if "crun-lite-monitor" in line and "--id" in line and self.work in line)

    spare_monitors = 1

    def tmp(self):
        return len(os.listdir(self.data + "/tmp"))


def reap_orphans():
    """Zombies that fell to us: dockerd takes a dead containerd that nobody has waited for as alive."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
                text = f.read()
            name, rest = text[text.index("(") + 1:text.rindex(")")], text.rsplit(")", 1)[1].split()
            if rest[0] == "Z" and int(rest[1]) == os.getpid() and name.startswith("containerd"):
                os.waitpid(int(pid), os.WNOHANG)


class Docker(Engine):
    name = "dockerd"

    def __init__(self, root=None):
        super().__init__(root)
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
        self.netns = "crlf" + os.path.basename(self.work).rsplit(".", 1)[1]
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        subprocess.run(["ip", "-n", self.netns, "link", "set", "lo", "up"], check=True)
        self.ns = ["nsenter", f"--net=/run/netns/{self.netns}"]

    def command(self):
        # nsenter execs: its pid becomes dockerd's.
        return [*self.ns, "dockerd", "--live-restore", "--data-root", self.data, "--exec-root", self.work + "/run", "-H",
                "unix://" + self.socket, "--pidfile", self.work + "/pid"]

    def kill(self, sig=signal.SIGKILL):
        super().kill(sig)
        if sig == signal.SIGKILL:
            with contextlib.suppress(OSError):
                os.unlink(self.work + "/pid")

    def start(self, env=None, prefix=(), seconds=40):
        reap_orphans()
        super().start(env, prefix, seconds)

    def monitor_pid(self, name):
        id_ = self.full_id(name)
        for pid, line in cmdlines():
            if "containerd-shim" in line and id_ in line:
                return pid
        raise Failed(f"no shim for {id_[:12]}")

    def monitors(self):
        return sum(1 for _, line in cmdlines() if "containerd-shim" in line and self.work in line)

    spare_monitors = 0

    def tmp(self):
        path = self.data + "/tmp"
        return len(os.listdir(path)) if os.path.isdir(path) else 0

    def end(self):
        super().end()
        subprocess.run(["ip", "netns", "del", self.netns], check=False)
