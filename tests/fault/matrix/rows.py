# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of the fault matrix: a fault, and what is owed after it.

Each takes a running engine that has busybox, and returns what was seen in a few words; it raises
Failed when what is owed was not reached. Times are limits on what a person waits for, generous
enough for a busy machine of two cores.
"""
import contextlib
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time

from engine import Failed, lives, need, until

COUNT = "i=0; while [ $i -lt {n} ]; do echo line $i; i=$((i+1)); usleep {us}; done; exit {code}"


def counting(n, us, code):
    return ["busybox", "sh", "-c", COUNT.format(n=n, us=us, code=code)]


def expect_lines(engine, name, n):
    got = engine.docker("logs", name).splitlines()
    need(got == [f"line {i}" for i in range(n)], f"logs: {len(got)} lines of {n}, in order: {got == sorted(got)}")


def row_1_daemon_killed_in_churn(e):
    """1 daemon killed in churn (6 times)"""
    e.docker("run", "-d", "--name", "steady", *counting(2000, 5000, 42))
    pid = e.init_pid("steady")
    stop = threading.Event()

    def churn(n):
        i = 0
        while not stop.is_set():
            name = f"churn{n}-{i}"
            i += 1
            for args in (("run", "-d", "--name", name, "busybox", "sleep", "100"), ("exec", name, "true"), ("stop", "-t", "0", name),
                         ("rm", "-f", name)):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    e.docker(*args, timeout=20, check=False)
    clients = [threading.Thread(target=churn, args=(n,)) for n in range(2)]
    for c in clients:
        c.start()
    try:
        for _ in range(6):
            time.sleep(random.uniform(0.3, 0.9))
            e.restart_after_kill()
            need(lives(pid) and e.init_pid("steady") == pid, "the steady container lost its process")
    finally:
        stop.set()
        for c in clients:
            c.join(90)
    need(e.docker("wait", "steady", timeout=60) == "42", "exit code of the steady container")
    expect_lines(e, "steady", 2000)
    e.remove_all()

    def leaks():
        return {k: v for k, v in {"monitors": e.monitors() - e.spare_monitors, "mounts": e.mounts() - e.mounts0,
                                  "links": e.links() - e.links0}.items() if v > 0}
    with contextlib.suppress(Failed):
        until("leaks gone", lambda: not leaks(), 8)
    need(not leaks(), f"leaked: {leaks()}")
    return "code 42, 2000 lines whole, nothing leaked"


def row_2_daemon_killed_in_image_jobs(e):
    """2 daemon killed in load, build, commit, cp"""
    archive = e.work + "/bb.tar"
    e.docker("save", "-o", archive, "busybox")
    with open(e.work + "/Dockerfile", "w", encoding="utf-8") as f:
        f.write("FROM busybox\nRUN dd if=/dev/urandom of=/blob bs=1M count=8 && sleep 0.2\nRUN sleep 0.2; echo done >/done\n")
    e.docker("create", "--name", "box", "busybox", "true")
    with open(e.work + "/big", "wb") as f:
        f.write(os.urandom(24 << 20))
    jobs = {
        "load": ("load", "-q", "-i", archive), "build": ("build", "-q", "-t", "killed:1", "-f", e.work + "/Dockerfile", e.work + "/ctx"),
        "commit": ("commit", "box", "killed:2"), "cp": ("cp", e.work + "/big", "box:/big")}
    os.makedirs(e.work + "/ctx", exist_ok=True)
    e.env["DOCKER_BUILDKIT"] = "0"
    for name, args in jobs.items():
        p = e.spawn(*args)
        time.sleep(random.uniform(0.02, 0.3))
        e.restart_after_kill()
        p.wait(60)
        e.docker("ps", "-a")
        for image in e.docker("images", "-q").split():
            e.docker("image", "inspect", image)
        e.docker(*args, timeout=90)
        need(name != "cp" or e.docker("cp", "box:/big", e.work + "/back") is not None, "cp back")
    with open(e.work + "/big", "rb") as a, open(e.work + "/back", "rb") as b:
        need(a.read() == b.read(), "the file copied after the kill differs")
    need(e.docker("run", "--rm", "killed:1", "cat", "/done") == "done", "the image built after the kill")
    with contextlib.suppress(Failed):
        until("tmp empty", lambda: e.tmp() == 0, 5)
    need(e.tmp() == 0, f"{e.tmp()} entries left in the staging folder")
    e.docker("rmi", "-f", "killed:1", "killed:2")
    return "each works again, staging empty"


def row_3_monitor_killed(e):
    """3 monitor killed"""
    e.docker("run", "-d", "--name", "mon", "busybox", "sleep", "600")
    pid = e.init_pid("mon")
    os.kill(e.monitor_pid("mon"), signal.SIGKILL)
    took = until("reported as ended", lambda: e.state("mon", "{{.State.Running}}") == "false", 3)
    code = e.state("mon").split()[1]
    need(code != "0", "an unknown end is not 0")
    until("its process is gone", lambda: not lives(pid), 2)
    e.docker("rm", "mon")
    return f"exit {code} after {took:.1f} s"


def row_4_monitor_and_daemon_killed(e):
    """4 monitor and daemon killed"""
    e.docker("run", "-d", "--name", "mon", "busybox", "sleep", "600")
    pid, monitor = e.init_pid("mon"), e.monitor_pid("mon")
    e.kill()
    os.kill(monitor, signal.SIGKILL)
    time.sleep(0.2)
    e.start()
    until("the truth", lambda: e.state("mon", "{{.State.Running}}") == "false", 2)
    code = e.state("mon").split()[1]
    need(code != "0", "an end nobody saw is not 0")
    until("no ghost", lambda: not lives(pid), 2)
    e.docker("rm", "mon")
    return f"exit {code}, no ghost"


def row_5_init_killed(e):
    """5 init killed: running, in an exec, in a stop"""
    for when in ("running", "exec", "stop"):
        e.docker("run", "-d", "--name", "ini", "busybox", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
        pid, other = e.init_pid("ini"), None
        if when == "exec":
            other = e.spawn("exec", "ini", "sleep", "100")
            time.sleep(0.4)
        elif when == "stop":
            other = e.spawn("stop", "-t", "20", "ini")
            time.sleep(0.4)
        os.kill(pid, signal.SIGKILL)
        need(e.docker("wait", "ini", timeout=5) == "137", f"{when}: exit code")
        if other:
            need(other.wait(5) is not None, f"{when}: the client hangs")
        e.docker("rm", "ini")
    return "137 each time, nobody hangs"


def row_6_monitor_stopped(e):
    """6 monitor stopped (SIGSTOP)"""
    e.docker("run", "-d", "--name", "stp", "busybox", "sleep", "600")
    e.docker("run", "-d", "--name", "other", "busybox", "sleep", "600")
    monitor = e.monitor_pid("stp")
    os.kill(monitor, signal.SIGSTOP)
    took = {}
    try:
        for name, args in {"ps": ("ps", "-a"), "inspect": ("inspect", "stp"), "logs": ("logs", "stp"), "run": ("run", "--rm", "busybox", "true"),
                           "exec other": ("exec", "other", "true"), "stop": ("stop", "-t", "1", "stp"), "rm -f": ("rm", "-f", "stp")}.items():
            took[name] = e.timed(*args, timeout=15)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(monitor, signal.SIGCONT)
    slow = {k: v for k, v in took.items() if v > (13 if k in ("stop", "rm -f") else 4)}
    need(not slow, "hang: " + ", ".join(f"{k} {v:.1f} s" for k, v in slow.items()))
    e.docker("rm", "-f", "stp", check=False)
    e.docker("rm", "-f", "other")
    return ", ".join(f"{k} {v:.1f}" for k, v in took.items()) + " s"


def row_7_daemon_stopped(e):
    """7 daemon stopped for 6 s, container logs"""
    e.docker("run", "-d", "--name", "lgr", *counting(3000, 1500, 0))
    e.kill(signal.SIGSTOP)
    time.sleep(6)
    e.kill(signal.SIGCONT)
    need(e.docker("wait", "lgr", timeout=40) == "0", "exit code")
    expect_lines(e, "lgr", 3000)
    e.docker("rm", "lgr")
    return "3000 of 3000 lines"


def row_8_container_frozen(e):
    """8 container stopped, paused: stop and rm -f"""
    seen = []
    for how in ("SIGSTOP", "pause"):
        for end in (("stop", "-t", "1", "frz"), ("rm", "-f", "frz")):
            e.docker("run", "-d", "--name", "frz", "busybox", "sleep", "600")
            if how == "pause":
                e.docker("pause", "frz")
            else:
                os.kill(e.init_pid("frz"), signal.SIGSTOP)
            took = e.timed(*end, timeout=10)
            need(took < 4, f"{how}, {end[0]}: {took:.1f} s")
            seen.append(f"{how} {end[0]} {took:.1f}")
            e.docker("rm", "-f", "frz", check=False)
    return ", ".join(seen) + " s"


def row_12_no_descriptors(e):
    """12 daemon has no descriptors left"""
    e.docker("ps")
    before = e.fds()
    soft = subprocess.run(["prlimit", "--pid", str(e.pid()), "--nofile", "-o", "SOFT", "--noheadings"], stdout=subprocess.PIPE,
                          check=True).stdout.decode().strip()
    idle = []
    subprocess.run(["prlimit", "--pid", str(e.pid()), f"--nofile={before + 4}:"], check=True)
    try:
        for _ in range(20):
            with contextlib.suppress(OSError):
                idle.append(e.connect(2))
        r = e.timed("run", "--rm", "busybox", "true", timeout=3)
    finally:
        subprocess.run(["prlimit", "--pid", str(e.pid()), f"--nofile={soft}:"], check=True)
        for s in idle:
            s.close()
    need(lives(e.pid()), "the daemon died")
    until("it answers again", e.ping, 8)
    e.docker("run", "--rm", "busybox", "true")
    with contextlib.suppress(Failed):
        until("descriptors are back", lambda: e.fds() <= before + 6, 12)
    need(e.fds() <= before + 6, f"descriptors {before} before, {e.fds()} after")
    return f"recovers; run meanwhile: {'waits' if r == float('inf') else 'error'}"


def row_13_no_processes(e):
    """13 no more processes: fork fails in the container; rm -f"""
    # By a user's limit, so that it is bounded also where the pids controller is missing.
    e.docker("run", "-d", "--name", "bomb", "--user", "51234", "--ulimit", "nproc=60", "busybox", "sh", "-c",
             "for i in $(seq 500); do sleep 600 & done; while :; do sleep 1; done")
    time.sleep(1)
    with contextlib.suppress(subprocess.TimeoutExpired):
        e.docker("exec", "bomb", "sh", "-c", "sleep 0", timeout=5, check=False)
    said = e.last.stderr.decode(errors="replace")
    need(e.last.returncode != 0 and said.strip(), f"exec where nothing can be forked: {e.last.returncode} {said!r}")
    e.docker("run", "--rm", "busybox", "true")
    took = e.timed("rm", "-f", "bomb", timeout=15)
    need(took < 5, f"rm -f took {took:.1f} s")
    return f"others run, rm -f {took:.1f} s"


def row_17_state_files(e):
    """17 each state file of a container empty or garbage"""
    e.docker("create", "--name", "kept", "busybox", "true")
    e.docker("run", "--name", "hurt", "--hostname", "hurt", "busybox", "sh", "-c", "echo said; exit 3", check=False)
    hurt = e.full_id("hurt")
    e.kill(signal.SIGTERM)
    folder = os.path.join(e.data, "containers", hurt)
    bad, n = [], 0
    for file in sorted(os.listdir(folder)):
        path = os.path.join(folder, file)
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as f:
            good = f.read()
        for kind in (b"", os.urandom(300)):
            n += 1
            with open(path, "wb") as f:
                f.write(kind)
            try:
                e.start()
                names = e.docker("ps", "-a", "--format", "{{.Names}} {{.ID}}")
                if "kept" not in names:
                    bad.append(f"{file}: another container is gone")
                with open(e.log, encoding="utf-8", errors="replace") as f:
                    if "hurt" not in names and hurt[:12] not in names and hurt not in f.read():
                        bad.append(f"{file}: vanished silently")
                e.kill(signal.SIGTERM)
            except Failed as why:
                bad.append(f"{file}: {why}"[:120])
                if e.process.poll() is None:
                    e.kill()
            if os.path.isdir(folder):
                with open(path, "wb") as f:
                    f.write(good)
    if not os.path.isdir(folder):
        bad.append("the folder was removed")
    e.start()
    need(not bad, f"{len(bad)} of {n}: {bad[:2]}")
    e.docker("rm", "-f", "kept", "hurt", check=False)
    return f"{n} cases: starts, others intact"


def row_19_stale_pids(e):
    """19 all processes gone (reboot): policies, codes"""
    for name, policy in (("always", "always"), ("never", "no"), ("unless", "unless-stopped")):
        e.docker("run", "-d", "--name", name, "--restart", policy, "busybox", "sleep", "600")
    pids = [e.init_pid(n) for n in ("always", "never", "unless")]
    monitors = [e.monitor_pid(n) for n in ("always", "never", "unless")]
    e.kill()
    for pid in monitors + pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.3)
    e.start()
    for name in ("always", "unless"):
        until(f"{name} runs again", lambda n=name: e.state(n, "{{.State.Running}}") == "true", 10)
    status = e.state("never")
    need(status.startswith("exited") and status != "exited 0", f"without a policy: {status}")
    e.docker("rm", "-f", "always", "never", "unless")
    return f"always and unless-stopped run, no: {status}"


def row_21_root_gone(e):
    """21 upper folder removed under a running container"""
    e.docker("run", "-d", "--name", "upr", "busybox", "sleep", "600")
    upper = e.docker("inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "upr")
    need(os.path.isdir(upper), f"no upper folder {upper}")
    subprocess.run(["rm", "-rf", upper], check=True)
    took = e.timed("stop", "-t", "0", "upr", timeout=10)
    need(took < 5, "stop hangs")
    e.docker("start", "upr", check=False)
    said = e.last.stderr.decode(errors="replace").strip()
    need(e.last.returncode == 0 or "no such file" in said.lower() or "missing" in said.lower(), f"start says: {said[:120]}")
    e.docker("rm", "-f", "upr")
    return "start " + ("works" if e.last.returncode == 0 and not said else "says what is missing") + ", rm works"


def row_22_network_gone(e):
    """22 bridge deleted, firewall flushed, veth deleted"""
    bridge = e.docker("network", "inspect", "bridge", "-f", '{{index .Options "com.docker.network.bridge.name"}}')
    e.docker("run", "-d", "--name", "nett", "-p", "127.0.0.1::80", "busybox", "httpd", "-f", "-h", "/etc")
    subprocess.run([*e.ns, "ip", "link", "del", bridge], check=True)
    e.docker("stop", "-t", "0", "nett")
    ok = 0
    for _ in range(5):
        e.docker("run", "--rm", "busybox", "ping", "-c1", "-W1", e.gateway(), check=False)
        ok += e.last.returncode == 0
    need(ok == 5, f"bridge deleted: {ok} of 5 runs reach their gateway")
    e.docker("start", "nett")
    subprocess.run([*e.ns, "nft", "flush", "ruleset"] if e.ns else ["nft", "delete", "table", "inet", "crun-lite-" + bridge[3:]], check=True)
    port = e.docker("port", "nett", "80").rsplit(":", 1)[1]

    def serves():
        return subprocess.run([*e.ns, "curl", "-fsS", "--max-time", "1", f"http://127.0.0.1:{port}/passwd"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0
    took = until("the published port serves again", serves, 5)
    e.docker("rm", "-f", "nett")
    return f"bridge made anew, port back after {took:.1f} s"


def row_23_foreign_in_cgroup(e):
    """23 a foreign process in the container's cgroup"""
    e.docker("run", "-d", "--name", "cgr", "busybox", "sleep", "600")
    id_, pid = e.full_id("cgr"), e.init_pid("cgr")
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
        path = [line.strip().split("::")[1] for line in f if line.startswith("0::")][0]
    root = "/sys/fs/cgroup" if os.path.exists("/sys/fs/cgroup/cgroup.procs") else "/sys/fs/cgroup/unified"
    folder = root + path
    need(id_ in folder or e.name == "dockerd", f"cgroup {folder}")
    if id_ not in folder:
        e.docker("rm", "-f", "cgr")
        return "not in the unified hierarchy here"
    below = folder + "/foreign"
    os.mkdir(below)
    # pylint: disable=consider-using-with
    sleeper = subprocess.Popen(["sleep", "600"])
    try:
        with open(below + "/cgroup.procs", "w", encoding="utf-8") as f:
            f.write(str(sleeper.pid))
        took = e.timed("rm", "-f", "cgr", timeout=15)
        need(took < 10, "rm -f hangs")
        with contextlib.suppress(Failed):
            until("cgroup gone", lambda: not os.path.isdir(folder), 5)
        need(not os.path.isdir(folder), "the cgroup stays")
    finally:
        sleeper.kill()
        sleeper.wait()
        for d in (below, folder):
            with contextlib.suppress(OSError):
                os.rmdir(d)
    return f"rm -f {took:.1f} s, cgroup gone"


def row_24_client_vanishes(e):
    """24 clients vanish: attach, exec, logs -f, build, load, wait, events"""
    e.docker("run", "-d", "--name", "van", "busybox", "sh", "-c", "while :; do echo x; sleep 0.01; done")
    pid = e.init_pid("van")
    made = e.request("POST", "/v1.41/containers/van/exec", b'{"Cmd":["sleep","3"],"AttachStdout":true}')[1].split(b'"')[3].decode()
    before = e.fds()
    requests = [
        ("POST", "/v1.41/containers/van/attach?stream=1&stdout=1", b"", "Connection: Upgrade\r\nUpgrade: tcp\r\n"),
        ("POST", f"/v1.41/exec/{made}/start", b"{}", "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n"),
        ("GET", "/v1.41/containers/van/logs?follow=1&stdout=1", b"", ""), ("POST", "/v1.41/containers/van/wait", b"", ""),
        ("GET", "/v1.41/events", b"", ""), ("GET", "/v1.41/containers/van/stats?stream=1", b"", ""),
        ("POST", "/v1.41/images/load", None, "Transfer-Encoding: chunked\r\nContent-Type: application/x-tar\r\n"),
        ("POST", "/v1.41/build?t=gone", None, "Transfer-Encoding: chunked\r\nContent-Type: application/x-tar\r\n")]
    for reset in (False, True):
        for method, target, body, head in requests:
            s = e.connect()
            length = f"Content-Length: {len(body)}\r\n" if body is not None else ""
            s.sendall(f"{method} {target} HTTP/1.1\r\nHost: d\r\n{head}{length}\r\n".encode() + (body or b"400\r\n" + b"x" * 100))
            time.sleep(0.15)
            if reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
    took = 0.0
    with contextlib.suppress(Failed):
        took = until("descriptors are back", lambda: e.fds() <= before + 2, 5)
    need(e.fds() <= before + 2, f"descriptors {before} before, {e.fds()} after")
    need(lives(pid), "the container was harmed")
    e.docker("rm", "-f", "van")
    return f"descriptors back after {took:.1f} s"


def row_25_reader_stalls(e):
    """25 a reader stalls: attach, logs -f, events"""
    e.docker("create", "--name", "rdr", "busybox", "sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo line $i of a text that fills pipes; i=$((i+1)); done; exit 3")
    stalled = []
    for method, target, head in (("POST", "/v1.41/containers/rdr/attach?stream=1&stdout=1", "Connection: Upgrade\r\nUpgrade: tcp\r\n"),
                                 ("GET", "/v1.41/events", "")):
        s = e.connect()
        s.sendall(f"{method} {target} HTTP/1.1\r\nHost: d\r\n{head}Content-Length: 0\r\n\r\n".encode())
        stalled.append(s)
    time.sleep(0.2)
    e.docker("start", "rdr")
    s = e.connect()
    s.sendall(b"GET /v1.41/containers/rdr/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n")
    stalled.append(s)
    try:
        code = e.docker("wait", "rdr", timeout=20)
    except subprocess.TimeoutExpired:
        raise Failed(f"the writer is blocked at {len(e.docker('logs', 'r').splitlines())} of 20000 lines") from None
    finally:
        for s in stalled:
            s.close()
    need(code == "3", f"exit code {code}")
    n = len(e.docker("logs", "rdr").splitlines())
    need(n == 20000, f"{n} of 20000 lines")
    e.docker("rm", "rdr")
    return "20000 of 20000 lines"


def row_26_same_name(e):
    """26 parallel create, start, stop, rm of one name"""
    for what, args, winners in (("create", ("create", "--name", "race", "busybox", "sleep", "600"), 1), ("start", ("start", "race"), 8),
                                ("stop", ("stop", "-t", "0", "race"), 8), ("rm", ("rm", "race"), None)):
        ps = [e.spawn(*args) for _ in range(8)]
        codes = [p.wait(40) for p in ps]
        if winners:
            need(codes.count(0) == winners, f"{what}: {codes.count(0)} of 8 succeed")
        else:
            need(codes.count(0) >= 1, f"{what}: none succeeds")
    need(not e.docker("ps", "-aq", "--filter", "name=race"), "left")
    return "one winner"


def fill(folder):
    for size in (1 << 20, 4096):
        with contextlib.suppress(OSError):
            with open(f"{folder}/fill{size}", "wb", buffering=0) as f:
                while True:
                    f.write(b"\0" * size)


def row_9_disk_full(e):
    """9 data disk full: calls, codes, logs with a gap that shows, start of the daemon"""
    e.docker("create", "--name", "later", "busybox", "sh", "-c", "exit 4")
    e.docker("run", "-d", "--name", "full", "busybox", "sh", "-c",
             "trap 'exit 42' TERM; i=0; while :; do echo line $i of a text that fills a disk; i=$((i+1)); usleep 20000; done")
    time.sleep(0.5)
    fill(e.disk)
    time.sleep(1.5)
    for args in (("ps", "-a"), ("inspect", "full"), ("logs", "full"), ("exec", "full", "true")):
        need(e.timed(*args, timeout=8) < 5, f"{args[0]} hangs")
    need(b"line 1 " in e.docker("logs", "full").encode(), "the log as far as it goes")
    need(e.timed("run", "--rm", "busybox", "true", timeout=10) < 8 and e.last.returncode != 0, "a run on a full disk is an error")
    said = e.last.stderr.decode(errors="replace")
    need("no space left" in said.lower(), f"run says: {said.strip()[:100]}")
    need(e.timed("stop", "-t", "2", "full", timeout=10) < 6, "stop hangs")
    need(e.state("full") == "exited 42", f"the code: {e.state('full')}")
    e.kill()
    e.start()
    need(e.state("full") == "exited 42", f"the code after a restart on the full disk: {e.state('full')}")
    for name in os.listdir(e.disk):
        if name.startswith("fill"):
            os.unlink(f"{e.disk}/{name}")
    e.docker("start", "later")
    need(e.docker("wait", "later") == "4", "works again")
    rows = [x for x in e.docker("logs", "full").splitlines() if x.startswith("line ")]
    numbers = [int(x.split()[1]) for x in rows if len(x.split()) > 1]
    whole = numbers == list(range(len(numbers)))
    need(whole or "lost" in e.docker("logs", "full"), "lines are missing and nothing says so")
    e.docker("rm", "-f", "full", "later")
    return "code 42 kept, starts on the full disk, " + ("no line lost" if whole else "the gap is said")


def row_10_disk_read_only(e):
    """10 data disk turns read-only: calls, stop; refusal to start in one sentence"""
    e.docker("run", "-d", "--name", "ro", "busybox", "sh", "-c", "trap 'exit 42' TERM; while :; do echo x; sleep 0.1; done")
    subprocess.run(["sync"], check=True)
    device = subprocess.run(["findmnt", "-no", "SOURCE", e.disk], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w", encoding="utf-8") as f:
        f.write("x")
    time.sleep(0.5)
    for args in (("ps", "-a"), ("inspect", "ro"), ("logs", "ro")):
        need(e.timed(*args, timeout=8) < 5, f"{args[0]} hangs")
    took = e.timed("stop", "-t", "1", "ro", timeout=15)
    need(took < 5, f"stop -t 1 took {took:.1f} s")
    need(e.timed("run", "--rm", "busybox", "true", timeout=10) < 8 and e.last.returncode != 0, "a run is an error")
    e.kill(signal.SIGTERM)
    try:
        e.start(seconds=15)
        refused = "starts"
    except Failed:
        refused = "refused: " + e.last_line()[-120:]
        need("read-only" in refused.lower(), refused)
    return f"stop -t 1 {took:.1f} s, {refused}"


def row_18_power_loss(e):
    """18 power loss: what was acknowledged is there in every crash image"""
    promises, images = [], []

    def crash(promise):
        n = len(images)
        subprocess.run(["cp", "--reflink=always", e.image, f"{e.pool}/crash{n}.img"], check=True)
        images.append(f"{e.pool}/crash{n}.img")
        promises.append(promise)
    e.docker("tag", "busybox", "kept:1")
    for pause in (0, 0.3, 0.7):
        time.sleep(pause)
        crash("image")
    e.docker("run", "--name", "ended", "busybox", "sh", "-c", "echo said; exit 7", check=False)
    for pause in (0, 0.2, 0.5, 1):
        time.sleep(pause)
        crash("code")
    e.docker("volume", "create", "vol")
    e.docker("network", "create", "net1")
    crash("objects")
    bad = []
    e.kill()
    for image, promise in zip(images, promises):
        with e.another(image) as other:
            try:
                other.start()
                need(other.docker("run", "--rm", "kept:1", "echo", "x") == "x", "the image does not run")
                if promise in ("code", "objects"):
                    need(other.state("ended") == "exited 7", f"the code 7 became: {other.state('ended')}")
                    need(other.docker("logs", "ended") == "said", "its log")
                if promise == "objects":
                    need("vol" in other.docker("volume", "ls", "-q").split(), "the volume")
                    need("net1" in other.docker("network", "ls", "--format", "{{.Name}}").split(), "the network")
            except Failed as why:
                bad.append(f"{promise}: {why}"[:100])
    need(not bad, f"{len(bad)} of {len(images)} crash images: {bad[:2]}")
    return f"{len(images)} crash images, all promises kept"


def row_20_clock_jumps(e):
    """20 clock jumps by +10 days and -3 days: health, back-off, stop"""
    if e.name == "dockerd":
        return "not measured: its clock cannot be faked from outside"
    e.docker("run", "-d", "--name", "hl", "--health-cmd", "true", "--health-interval", "1s", "busybox", "sleep", "600")
    e.docker("run", "-d", "--name", "rs", "--restart", "always", "busybox", "sleep", "0.3")

    def log_end():
        return e.state("hl", "{{range .State.Health.Log}}{{.End.UnixNano}} {{end}}").split()[-1:]
    until("a first check", lambda: log_end(), 8)
    for jump in (10, -3):
        e.fake_clock(jump)
        first, starts = log_end(), int(e.state("rs", "{{.RestartCount}}"))
        until(f"{jump:+d} days: health checks go on", lambda f=first: log_end() != f, 6)
        until(f"{jump:+d} days: restarts go on", lambda s=starts: int(e.state("rs", "{{.RestartCount}}")) > s, 16)
        e.docker("run", "-d", "--name", "st", "busybox", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
        e.fake_clock(0)
        took = e.timed("stop", "-t", "2", "st", timeout=15)
        need(1.5 < took < 6, f"{jump:+d} days: stop -t 2 took {took:.1f} s")
        e.docker("rm", "st")
    need(e.state("hl", "{{.State.Health.Status}}") == "healthy", "healthy")
    e.docker("rm", "-f", "hl", "rs")
    return "checks, restarts and stop keep their pace"


row_9_disk_full.needs = row_10_disk_read_only.needs = "disk"
row_18_power_loss.needs = "crash"
row_20_clock_jumps.needs = "clock"
ROWS = sorted((v for k, v in list(globals().items()) if k.startswith("row_")), key=lambda r: int(r.__name__.split("_")[1]))
