# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad requests, to every route the daemon prints.

    requests.py SOCKET DAEMON_PID SCHEMA <routes

Each check asserts the class of the status, that there is a message, and at the end that the daemon
has not grown, nothing was left behind, and nobody who asked for _ping meanwhile had to wait.
"""
import http.client
import json
import os
import socket
import sys
import threading
import time

SOCKET, PID, SCHEMA = sys.argv[1], int(sys.argv[2]), json.load(open(sys.argv[3], encoding="utf-8"))["types"]
routes = [line.split()[:2] for line in sys.stdin if line.strip()]
failures = []
count = 0


class Unix(http.client.HTTPConnection):
    def __init__(self, timeout=20):
        super().__init__("localhost", timeout=timeout)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def ask(method, path, body=None, content_type="application/json", timeout=20):
    c = Unix(timeout)
    headers = {"Content-Type": content_type} if body is not None and content_type else {}
    try:
        try:
            c.request(method, path, body=body, headers=headers)
        except BrokenPipeError:  # refused before it was all sent: the answer is there
            pass
        r = c.getresponse()
        # Streams that wait for events have no end.
        data = r.read(65536) if r.getheader("Transfer-Encoding") != "chunked" or r.status >= 400 else b""
        return r.status, data
    finally:
        c.close()


def check(name, got, wanted, contains=None):
    """`wanted`: a status, or a set of them; answers >= 400 need a message, where they have a body."""
    global count
    count += 1
    status, data = got
    wanted = {wanted} if isinstance(wanted, int) else wanted
    text = data.decode("utf-8", "replace")
    if status not in wanted:
        failures.append(f"{name}: {status} instead of {sorted(wanted)}: {text[:200]}")
        return
    if status < 400 or name.startswith("HEAD "):
        return
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = ""
    if not message:
        failures.append(f"{name}: {status} without a message: {text[:200]}")
    elif contains and contains.lower() not in message.lower():
        failures.append(f"{name}: the message does not name {contains!r}: {message[:200]}")


def fill(pattern, name="nosuchthing"):
    return pattern.replace("*", name)


# --- the bodies, by the API's types ---

def members(name):
    out = {}
    t = SCHEMA.get(name, {})
    for part in t.get("allOf", [t]):
        if "$ref" in part:
            out.update(members(part["$ref"]))
        out.update(part.get("properties", {}))
    return out


STRING, BOOL, INT, LIST, OBJECT = ({"type": t} for t in ("string", "boolean", "integer", "array", "object"))
EXEC = {"AttachStdin": BOOL, "AttachStdout": BOOL, "AttachStderr": BOOL, "DetachKeys": STRING, "Tty": BOOL,
        "Env": LIST, "Cmd": LIST, "Privileged": BOOL, "User": STRING, "WorkingDir": STRING}
NETWORK = {"Name": STRING, "Driver": STRING, "Internal": BOOL, "Attachable": BOOL, "EnableIPv6": BOOL,
           "IPAM": OBJECT, "Options": OBJECT, "Labels": OBJECT}
VOLUME = {"Name": STRING, "Driver": STRING, "DriverOpts": OBJECT, "Labels": OBJECT}
# What the API has for Windows or for nothing any more, and is passed over.
PASSED_OVER = {"CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth", "KernelMemory", "KernelMemoryTCP",
               "Isolation", "ContainerIDFile", "Cgroup", "ArgsEscaped", "ConsoleSize", "NetworkDisabled", "OnBuild",
               "CheckDuplicate", "Scope"}


def bodies():
    """route -> ({member: (type, how it is wrapped)}, a body that is right in itself)"""
    plain = lambda key, v: {key: v}
    config = {k: (t, plain) for k, t in members("ContainerConfig").items()}
    host = {k: (t, lambda key, v: {"Image": "busybox", "HostConfig": {key: v}}) for k, t in members("HostConfig").items()}
    create = {**config, **{"HostConfig." + k: t for k, t in host.items()}}
    create["HostConfig"] = (OBJECT, plain)
    create["NetworkingConfig"] = (OBJECT, plain)
    update = {k: (t, plain) for k, t in {**members("Resources"), "RestartPolicy": OBJECT}.items()}
    flat = lambda table: {k: (t, plain) for k, t in table.items()}
    return {
        ("POST", "/containers/create"): (create, {"Image": "nosuchimage:latest"}),
        ("POST", "/containers/*/update"): (update, {}),
        ("POST", "/containers/*/exec"): (flat(EXEC), {"Cmd": ["true"]}),
        ("POST", "/exec/*/start"): (flat({"Detach": BOOL, "Tty": BOOL}), {"Detach": True}),
        ("POST", "/networks/create"): (flat(NETWORK), {"Name": "bridge"}),
        ("POST", "/networks/*/connect"): (flat({"Container": STRING, "EndpointConfig": OBJECT}), {"Container": "x"}),
        ("POST", "/networks/*/disconnect"): (flat({"Container": STRING, "Force": BOOL}), {"Container": "x"}),
        ("POST", "/volumes/create"): (flat(VOLUME), {"Name": "/"}),
    }


def wrong_value(t):
    kind = t.get("type")
    if "$ref" in t or "allOf" in t or kind == "object":
        return "wrong"
    return {"string": {"an": "object"}, "boolean": "wrong", "integer": "wrong", "number": "wrong",
            "array": {"an": "object"}}.get(kind)


REFUSED = {400, 404, 409}


def unknown_ids():
    for method, pattern in routes:
        if "*" not in pattern:
            continue
        table = bodies().get((method, pattern))
        body = json.dumps(table[1]) if table else None
        wanted = {404, 400, 501, 503} if pattern.startswith(("/swarm", "/nodes", "/services", "/tasks", "/secrets",
                                                              "/configs", "/distribution", "/plugins")) else {404}
        if pattern == "/images/*/push":
            wanted = {404, 501}
        if (method, pattern) == ("PUT", "/volumes/*"):  # of swarm's cluster volumes
            wanted = {503}
        path = fill(pattern)
        if pattern.endswith("/logs"):
            path += "?stdout=1"
        if pattern.endswith("/rename"):
            path += "?name=other"
        if pattern.endswith("/resize"):
            path += "?h=1&w=1"
        if pattern.endswith("/archive"):
            path += "?path=/"
        check(f"{method} {path}", ask(method, path, body), wanted)


def wrong_methods():
    known = {}
    for method, pattern in routes:
        known.setdefault(pattern, set()).add(method)
    for pattern, methods in known.items():
        for method in {"PATCH", "TRACE", "PUT", "OPTIONS"} - methods:
            if method == "PUT" and pattern.startswith("/volumes/"):
                continue
            check(f"{method} {pattern}", ask(method, fill(pattern)), 404)


BAD_JSON = [
    (b"{", "invalid JSON"), (b"", None), (b"[]", None), (b"null", None), (b'"text"', None), (b"{}x", "invalid JSON"),
    (b'{"Image":"a","Image":"b"}', "duplicate"), (b'{"Image":"a\0b"}', "NUL"), (b'{"Image":"a\\u0000b"}', "u0000"),
    (b'{"x":' * 100 + b"1" + b"}" * 100, "nested"), (b"\xff\xfe{}", "invalid JSON"), (b"{'Image':'x'}", "invalid JSON"),
]


def bad_json():
    for (method, pattern), _ in bodies().items():
        path = fill(pattern)
        for body, contains in BAD_JSON:
            # An object that is unknown may be said first.
            status, data = ask(method, path, body)
            check(f"{method} {path} {body[:20]!r}", (status, data), {400, 404, 413},
                  contains if status == 400 else None)
        check(f"{method} {path} text/plain", ask(method, path, b"{}", "text/plain"), {400, 404})
        check(f"{method} {path} five megabytes", ask(method, path, b" " * 5_000_000), 413)


def wrong_types():
    for (method, pattern), (table, _) in bodies().items():
        for name, (kind, wrap) in table.items():
            key = name.rsplit(".", 1)[-1]
            value = wrong_value(kind)
            if key in PASSED_OVER or value is None:
                continue
            path = fill(pattern)
            got = ask(method, path, json.dumps(wrap(key, value)))
            # An unknown container is said before its body is looked at, or after.
            wanted = {400} if "*" not in pattern else {400, 404}
            if key == "DeviceRequests":
                wanted.add(501)
            check(f"{method} {path} {name}={json.dumps(value)}", got, wanted,
                  key if got[0] == 400 else None)


def closed_midway():
    for method, pattern in routes:
        for rest in (b"", b"Content-Length: 1000\r\n\r\n{\"Image\":", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"):
            s = socket.socket(socket.AF_UNIX)
            s.connect(SOCKET)
            s.sendall(f"{method} {fill(pattern)} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n".encode() + rest)
            s.close()


def huge_heads():
    for head in (b"X: " + b"a" * 70000 + b"\r\n", b"".join(b"X%d: a\r\n" % i for i in range(5000))):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(SOCKET)
        try:
            s.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n" + head + b"\r\n")
            got = s.recv(64)
        except OSError:
            got = b""
        global count
        count += 1
        if got and not got.startswith(b"HTTP/1.1 4"):
            failures.append(f"huge head: {got!r}")
        s.close()


# --- meanwhile ---

class Slow:
    """Clients that send a head or a body by the drop. The daemon has to cut them off."""

    def __init__(self):
        self.start = time.monotonic()
        self.socks = []
        for i in range(60):
            s = socket.socket(socket.AF_UNIX)
            s.connect(SOCKET)
            if i % 2:
                s.sendall(b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{")
            else:
                s.sendall(b"GET /_ping HTT")
            self.socks.append(s)

    def check(self):
        # 10 s for a head, 30 s for a body that stands still; looked at every five.
        while time.monotonic() - self.start < 37:
            time.sleep(0.5)
        for i, s in enumerate(self.socks):
            s.settimeout(0.1)
            try:
                data = s.recv(4096)
            except socket.timeout:
                failures.append(f"slow client {i} is still there")
                continue
            except OSError:
                data = b""
            if data and not data.startswith(b"HTTP/1.1 408"):
                failures.append(f"slow client {i}: {data[:60]!r}")
            s.close()


class Pinger(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.took, self.end = [], False

    def run(self):
        while not self.end:
            t = time.monotonic()
            if ask("GET", "/_ping")[0] != 200:
                failures.append("_ping failed")
            self.took.append(time.monotonic() - t)
            time.sleep(0.02)


def fds():
    return len(os.listdir(f"/proc/{PID}/fd"))


def rss():
    with open(f"/proc/{PID}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def objects():
    return [json.loads(ask("GET", p)[1]) for p in ("/containers/json?all=1", "/networks", "/volumes")]


def settled(value, limit, seconds=10):
    end = time.monotonic() + seconds
    while value() > limit and time.monotonic() < end:
        time.sleep(0.2)
    return value()


def main():
    everything = (unknown_ids, wrong_methods, bad_json, wrong_types, closed_midway, huge_heads)
    for part in everything:  # once, so that what is made once is made
        part()
    failures.clear()
    before_fds, before_rss, before = fds(), rss(), objects()
    slow, pinger = Slow(), Pinger()
    pinger.start()
    for part in everything:
        part()
    slow.check()
    pinger.end = True
    pinger.join()
    took = sorted(pinger.took)
    p95 = took[int(len(took) * 0.95)]
    if p95 > 0.1:
        failures.append(f"_ping took {p95 * 1000:.0f} ms meanwhile (95 %)")
    after = settled(fds, before_fds)
    if after > before_fds:
        failures.append(f"descriptors: {before_fds} before, {after} after")
    if rss() > before_rss + 2048:
        failures.append(f"memory: {before_rss} KiB before, {rss()} KiB after")
    if objects() != before:
        failures.append("something was left behind")
    for f in failures:
        print(f)
    print(f"{count} requests, {len(failures)} failures; _ping 95 %: {p95 * 1000:.1f} ms, worst {took[-1] * 1000:.1f} ms")
    sys.exit(bool(failures))


main()
