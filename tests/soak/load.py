# SPDX-License-Identifier: GPL-2.0-or-later
"""Many containers with health checks and open stats streams, and many clients at once.

    load.py SECONDS CONTAINERS CLIENTS BUSYBOX.tar [--beside-docker]

Each client creates, starts, stops and removes containers in a loop over a socket of its own, as SDKs
do. Owed: no error, no leak, memory of the daemon flat. Prints what was done and how long calls took,
dockerd's on the same work beside it if asked.
"""
import contextlib
import http.client
import json
import os
import shutil
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
from engine import CrunLite, Docker, Failed, need, until  # noqa: E402


class Client(threading.Thread):
    """One keep-alive connection, and how long each kind of call took."""

    def __init__(self, engine, n, stop):
        super().__init__(daemon=True)
        self.path, self.n, self.stop = engine.socket, n, stop
        self.took, self.errors, self.cycles = {}, [], 0
        self.c = None

    def call(self, kind, method, target, body=None):
        start = time.monotonic()
        try:
            if self.c is None:
                self.c = http.client.HTTPConnection("d", timeout=60)
                self.c.sock = socket.socket(socket.AF_UNIX)
                self.c.sock.settimeout(60)
                self.c.sock.connect(self.path)
            self.c.request(method, "/v1.41" + target, json.dumps(body) if body is not None else None,
                           {"Content-Type": "application/json"} if body is not None else {})
            r = self.c.getresponse()
            data = r.read()
            if r.status >= 400:
                self.errors.append(f"{kind}: {r.status} {data[:120]!r}")
            if r.getheader("Connection", "").lower() == "close":
                self.c.close()
                self.c = None
        except (OSError, http.client.HTTPException) as e:
            self.errors.append(f"{kind}: {type(e).__name__} {e}")
            self.c = None
        self.took.setdefault(kind, []).append(time.monotonic() - start)

    def run(self):
        while not self.stop.is_set():
            name = f"load{self.n}-{self.cycles}"
            self.call("create", "POST", f"/containers/create?name={name}", {"Image": "busybox", "Cmd": ["sleep", "100"]})
            self.call("start", "POST", f"/containers/{name}/start")
            self.call("inspect", "GET", f"/containers/{name}/json")
            self.call("stop", "POST", f"/containers/{name}/stop?t=0")
            self.call("remove", "DELETE", f"/containers/{name}")
            self.cycles += 1


class Stats(threading.Thread):
    """All stats streams in one thread: they are read as they come."""

    def __init__(self, engine, names):
        super().__init__(daemon=True)
        self.sockets, self.bytes, self.end = [], 0, False
        for name in names:
            s = engine.connect(30)
            s.sendall(f"GET /v1.41/containers/{name}/stats?stream=1 HTTP/1.1\r\nHost: d\r\n\r\n".encode())
            s.setblocking(False)
            self.sockets.append(s)

    def run(self):
        while not self.end:
            for s in self.sockets:
                with contextlib.suppress(OSError):
                    self.bytes += len(s.recv(65536))
            time.sleep(0.2)


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return [int(line.split()[1]) for line in f if line.startswith("VmRSS")][0]


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
        rest = f.read().rsplit(")", 1)[1].split()
    return (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")


def median(values, at=0.5):
    return sorted(values)[min(len(values) - 1, int(len(values) * at))] * 1000


def work(engine, seconds, many, clients):
    names = [f"steady{i}" for i in range(many)]
    start = time.monotonic()
    for name in names:
        engine.docker("run", "-d", "--name", name, "--health-cmd", "true", "--health-interval", "10s", "busybox", "sleep", "100000",
                      timeout=120)
    made = time.monotonic() - start
    stats = Stats(engine, names)
    stats.start()
    stop = threading.Event()
    workers = [Client(engine, n, stop) for n in range(clients)]
    # Warm: allocators and pools have grown to what the work needs before memory is compared.
    for w in workers:
        w.start()
    time.sleep(min(10.0, seconds / 3))
    before, fds, cpu0, t0 = memory(engine.pid()), engine.fds(), cpu(engine.pid()), time.monotonic()
    cycles0 = sum(w.cycles for w in workers)
    time.sleep(seconds)
    cycles = sum(w.cycles for w in workers) - cycles0
    used, took = cpu(engine.pid()) - cpu0, time.monotonic() - t0
    stop.set()
    for w in workers:
        w.join(120)
    errors = [x for w in workers for x in w.errors]
    after = memory(engine.pid())
    need(not errors, f"{len(errors)} errors: {errors[0] if errors else ''}")
    sick = [n for n in names if engine.state(n, "{{.State.Status}} {{.State.Health.Status}}") != "running healthy"]
    need(not sick, f"not healthy: {sick[:3]}")
    need(stats.bytes > many * 500, f"stats streams gave {stats.bytes} bytes")
    kinds = {}
    for w in workers:
        for kind, values in w.took.items():
            kinds.setdefault(kind, []).extend(values)
    stats.end = True
    stats.join()
    for s in stats.sockets:
        s.close()
    engine.grew = after - before
    engine.fds_before = fds
    calls = ", ".join(f"{k} {median(v):.0f}/{median(v, 0.99):.0f}" for k, v in kinds.items())
    return (f"{many} started in {made:.0f} s; {cycles} cycles in {took:.0f} s ({cycles / took:.1f}/s); median/p99 ms: {calls}; "
            f"daemon {after / 1024:.1f} MB (grew {engine.grew} KiB), cpu {100 * used / took:.0f} %")


def measure(kind, seconds, many, clients, archive):
    engine = kind()
    try:
        engine.start()
        engine.docker("load", "-q", "-i", archive)
        text = work(engine, seconds, many, clients)
        if kind is CrunLite:
            engine.remove_all()
            need(engine.grew < 3072, f"the daemon grew by {engine.grew} KiB in {seconds:.0f} s")
            until("all monitors are gone", lambda: engine.monitors() <= engine.spare_monitors + 1, 20)
            until("descriptors are back", lambda: engine.fds() < 120, 20)
        return True, text
    except Failed as e:
        return False, str(e)
    finally:
        engine.end()


def main():
    seconds, many, clients, archive = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    ok, text = measure(CrunLite, seconds, many, clients, archive)
    print(f"{'ok' if ok else 'not ok'} 1 load: {clients} clients: {text}", flush=True)
    if "--beside-docker" in sys.argv and shutil.which("dockerd"):
        good, text = measure(Docker, seconds, many, clients, archive)
        print(f"#      dockerd: {'' if good else 'FAILED: '}{text}", flush=True)
    sys.exit(0 if ok else 1)


main()
