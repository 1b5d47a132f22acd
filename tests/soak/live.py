# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon is killed again and again under work; what runs must not notice.

    live.py KILLS CONTAINERS BUSYBOX.tar

CONTAINERS log a counted line ten times a second; somebody is attached to some of them, others follow
logs and attach anew all the time. Meanwhile clients create, start, exec in, stop and remove more of
them, each of which ends with a code of its own. Owed: no container ends or changes its process, no
line is missing in a log, an attached session goes on, a followed log (the daemon carries it) is whole
up to the kill and when asked for again, every exit code that was waited for or can be inspected is
right, and nothing is left behind.
"""
import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from engine import CrunLite, Failed, lives, need, until  # noqa: E402

LOOP = "i=0; while :; do echo n $i; i=$((i+1)); sleep 0.1; done"


class Attached(threading.Thread):
    """A session over a hijacked socket, raw: it must outlive every daemon."""

    def __init__(self, engine, name):
        super().__init__(daemon=True)
        self.name_, self.data = name, b""
        self.socket = engine.connect(60)
        self.socket.sendall(f"POST /v1.41/containers/{name}/attach?stream=1&stdout=1&stdin=1 HTTP/1.1\r\nHost: d\r\n"
                            "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n".encode())
        self.ended = False

    def run(self):
        while True:
            try:
                part = self.socket.recv(65536)
            except OSError:
                part = b""
            if not part:
                self.ended = True
                return
            self.data += part

    def check(self):
        need(not self.ended, f"the session attached to {self.name_} ended")
        numbers = [int(x) for x in re.findall(rb"n (\d+)", self.data.split(b"\r\n\r\n", 1)[1])]
        need(len(numbers) > 5, f"the session attached to {self.name_} saw {len(numbers)} lines")
        need(numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"a gap in the session attached to {self.name_}")
        return len(numbers)


class Follower(threading.Thread):
    """A client of `logs -f` and of `attach`: what the kill cut is asked for again, and must be whole."""

    def __init__(self, engine, name, stop):
        super().__init__(daemon=True)
        self.e, self.name_, self.stop, self.bad, self.lines, self.times = engine, name, stop, [], 0, 0

    def read(self, target, head, seconds):
        """Payload of the frames that came within `seconds`, or until the daemon was gone."""
        data, end = b"", time.monotonic() + seconds
        try:
            s = self.e.connect(1)
            s.sendall(f"{target} HTTP/1.1\r\nHost: d\r\n{head}Content-Length: 0\r\n\r\n".encode())
            while time.monotonic() < end:
                part = s.recv(65536)
                if not part:
                    break
                data += part
            s.close()
        except OSError:
            pass
        return data

    def run(self):
        while not self.stop.is_set():
            data = self.read(f"GET /v1.41/containers/{self.name_}/logs?follow=1&stdout=1&tail=all", "", random.uniform(0.3, 2))
            self.check([int(x) for x in re.findall(rb"n (\d+)\n", data)], 0)
            data = self.read(f"POST /v1.41/containers/{self.name_}/attach?stream=1&stdout=1", "Connection: Upgrade\r\nUpgrade: tcp\r\n",
                             random.uniform(0.3, 1))
            self.check([int(x) for x in re.findall(rb"n (\d+)\n", data)], None)
            self.times += 1

    def check(self, numbers, first):
        if not numbers:
            return
        self.lines += len(numbers)
        first = numbers[0] if first is None else first
        if numbers != list(range(first, first + len(numbers))):
            self.bad.append(f"{self.name_}: a gap in what was followed: {numbers[:3]} to {numbers[-1]}, {len(numbers)} lines")


class Churn(threading.Thread):
    """A client that makes containers with codes of their own; calls that the kill cut are repeated."""

    def __init__(self, engine, n, stop):
        super().__init__(daemon=True)
        self.e, self.n, self.stop, self.done, self.bad = engine, n, stop, 0, []

    def call(self, *args):
        """Output of the first try that the daemon answered, also with an error."""
        for _ in range(200):
            try:
                out = self.e.docker(*args, timeout=60, check=False, own=True)
            except subprocess.TimeoutExpired:
                self.bad.append(f"{' '.join(args)[:60]}: hangs")
                return None
            if out.returncode == 0 or not re.search(rb"Cannot connect|connection refused|EOF|reset by peer|broken pipe|error during connect",
                                                    out.stderr):
                return out
            time.sleep(0.1)
        return None

    def run(self):
        i = 0
        while not self.stop.is_set():
            name, code = f"churn{self.n}-{i}", random.randrange(1, 100)
            i += 1
            self.call("run", "-d", "--name", name, "busybox", "sh", "-c",
                      f"trap 'exit {code}' TERM; echo begun; while :; do sleep 0.05; done")
            said = self.call("inspect", "-f", "{{.State.Status}}", name)
            if said is None or said.returncode:
                continue  # the kill came before it was made: a client sees that, and tries again
            if said.stdout.strip() == b"created":
                self.call("start", name)
            self.call("exec", name, "true")
            time.sleep(0.1)  # its trap is set
            self.call("stop", "-t", "10", name)
            said = self.call("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}", name)
            logs = self.call("logs", name)
            if said is not None and said.returncode == 0:
                text = said.stdout.decode().strip()
                begun = logs is not None and b"begun" in logs.stdout
                if begun and not text.startswith(f"exited {code}"):
                    self.bad.append(f"{name}: {text}, its code was {code}")
            self.call("rm", "-f", name)
            self.done += 1


def main():
    kills, many, archive = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    e = CrunLite()
    status = 0
    try:
        e.start()
        e.docker("load", "-q", "-i", archive)
        names = [f"steady{i}" for i in range(many)]
        for name in names:
            e.docker("run", "-d", "-i", "--name", name, "busybox", "sh", "-c", LOOP)
        mounts, links, monitors = e.mounts(), e.links(), e.monitors()
        pids = {n: e.init_pid(n) for n in names}
        sessions = [Attached(e, n) for n in names[:4]]
        for s in sessions:
            s.start()
        stop = threading.Event()
        clients = [Churn(e, n, stop) for n in range(3)] + [Follower(e, n, stop) for n in names[4:6]]
        for c in clients:
            c.start()
        started, down = time.monotonic(), []
        for k in range(kills):
            time.sleep(random.uniform(0.2, 0.9))
            e.kill()
            t = time.monotonic()
            e.start()
            down.append(time.monotonic() - t)
            dead = [n for n in names if not lives(pids[n])]
            need(not dead, f"kill {k + 1}: dead: {dead}")
        stop.set()
        for c in clients:
            c.join(120)
            need(not c.is_alive(), "a client hangs")
        for n in names:
            need(e.init_pid(n) == pids[n] and e.state(n, "{{.State.Running}} {{.RestartCount}}") == "true 0", f"{n} changed")
        seen = sum(s.check() for s in sessions)
        lines = 0
        for n in names:
            got = e.docker("logs", n).splitlines()
            need(got == [f"n {i}" for i in range(len(got))], f"log of {n} has a gap")
            need(len(got) > 5, f"log of {n} has {len(got)} lines")
            lines += len(got)
        bad = [b for c in clients for b in c.bad]
        need(not bad, f"{len(bad)} exit codes or calls lost: {bad[0] if bad else ''}")
        left = e.docker("ps", "-aq").split()
        extra = [x for x in left if e.state(x, "{{.Name}}").lstrip("/") not in names]
        for x in extra:  # made by a call whose answer the kill cut
            e.docker("rm", "-f", x)

        def settled():
            return e.mounts() <= mounts and e.links() <= links + 8 and e.monitors() <= monitors + 1
        with contextlib.suppress(Failed):
            until("settled", settled, 15)
        need(settled(), f"left: mounts {e.mounts() - mounts}, links {e.links() - links}, monitors {e.monitors() - monitors}")
        print(f"ok 1 live restore: {kills} kills in {time.monotonic() - started:.0f} s, {many} containers, {lines} lines whole, "
              f"{sum(c.done for c in clients if isinstance(c, Churn))} others came and went, {seen} lines in sessions, "
              f"{sum(c.lines for c in clients if isinstance(c, Follower))} followed; back after "
              f"{sorted(down)[len(down) // 2] * 1000:.0f} ms (median), {max(down) * 1000:.0f} ms (worst)")
    except Failed as why:
        print(f"not ok 1 live restore: {why}")
        status = 1
    finally:
        if status and os.environ.get("KEEP_LOG"):
            subprocess.run(["cp", e.log, os.environ["KEEP_LOG"]], check=False)
        e.end()
    sys.exit(status)


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
socket.setdefaulttimeout(60)
main()
