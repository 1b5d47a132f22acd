# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests over the daemon's socket as agents send them, and what they insist on in the answers."""
import http.client
import json
import re
import socket
import struct
import sys
import time
import traceback
import urllib.parse


class Failed(AssertionError):
    pass


def need(condition, what):
    if not condition:
        raise Failed(what)


def member(tree, path, kind=None):
    """tree.a.b[0] by "a.b.0"; fails by name when a part is missing or of another type."""
    at = tree
    for part in path.split("."):
        if isinstance(at, list):
            need(len(at) > int(part), f"{path}: only {len(at)} elements at {part}")
            at = at[int(part)]
        else:
            need(isinstance(at, dict) and part in at, f"{path}: no member {part}")
            at = at[part]
    need(kind is None or isinstance(at, kind) and not (kind is int and isinstance(at, bool)),
         f"{path}: {at!r} is not {getattr(kind, '__name__', kind)}")
    return at


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json["message"]


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Api:
    """One client: a socket and the prefix its agent uses."""

    def __init__(self, path, prefix="", headers=None):
        self.path, self.prefix, self.headers = path, prefix, headers or {}

    def open(self, method, target, body=None, headers=None, timeout=30, **query):
        """An answer whose body is still to be read."""
        if query:
            target += ("&" if "?" in target else "?") + urllib.parse.urlencode(
                {k: json.dumps(v) if isinstance(v, dict) else v for k, v in query.items()})
        sent = {**self.headers, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        c = Connection(self.path, timeout)
        c.request(method, self.prefix + target, body=body, headers=sent)
        response = c.getresponse()
        response.keep = c  # the connection lives as long as its answer
        return response

    def ask(self, method, target, body=None, want=None, **more):
        answer = Answer(self.open(method, target, body, **more))
        if want is not None:
            wanted = want if isinstance(want, tuple) else (want,)
            need(answer.status in wanted, f"{method} {target}: {answer.status} {answer.body[:200]!r}, wanted {want}")
        return answer

    def get(self, target, want=200, **more):
        return self.ask("GET", target, None, want, **more).json

    def post(self, target, body=None, want=(200, 201, 204), **more):
        answer = self.ask("POST", target, body, want, **more)
        return answer.json if answer.body and "json" in answer.headers.get("content-type", "") else answer

    def hijack(self, target, body=None, **query):
        """POST with upgrade: (socket, what came after the head). Go's client wants exactly 101."""
        if query:
            target += "?" + urllib.parse.urlencode(query)
        data = json.dumps(body).encode() if body is not None else b""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect(self.path)
        s.sendall(f"POST {self.prefix}{target} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                  f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        got = b""
        while b"\r\n\r\n" not in got:
            part = s.recv(4096)
            need(part, f"{target}: closed in its head: {got!r}")
            got += part
        head, rest = got.split(b"\r\n\r\n", 1)
        need(head.startswith(b"HTTP/1.1 101 "), f"{target}: {head.splitlines()[0]!r}, wanted 101")
        low = head.lower()
        need(b"upgrade: tcp" in low and b"connection: upgrade" in low, f"{target}: not an upgrade: {head!r}")
        return s, rest


def read_all(s, rest=b""):
    while True:
        part = s.recv(65536)
        if not part:
            return rest
        rest += part


def frames(data):
    """Frames of a multiplexed stream as {1: stdout, 2: stderr}."""
    out = {1: b"", 2: b""}
    while data:
        need(len(data) >= 8, f"a cut frame head: {data!r}")
        stream, size = struct.unpack(">B3xI", data[:8])
        need(stream in (1, 2) and len(data) >= 8 + size, f"a bad frame: {data[:20]!r}")
        out[stream] += data[8:8 + size]
        data = data[8 + size:]
    return out


def lines(response):
    """JSON objects of a stream, as they come."""
    pending = b""
    while True:
        part = response.read1(65536)
        if not part:
            return
        pending += part
        while b"\n" in pending:
            line, pending = pending.split(b"\n", 1)
            if line.strip():
                yield json.loads(line)


RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$")


def is_time(text, unset=False):
    """A time as Go parses it; `unset` = the zero time is meant."""
    need(isinstance(text, str) and RFC3339.match(text), f"not a time: {text!r}")
    need(text.startswith("0001-01-01T00:00:00Z") == unset, f"{text!r}: unset should be {unset}")


def until(what, condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.05)
    raise Failed(f"not within {seconds} s: {what}")


def main(agent, steps):
    """Runs the steps in order, prints TAP; each gets the state of those before it."""
    state = {}
    print(f"1..{len(steps)}")
    bad = 0
    for n, step in enumerate(steps, 1):
        name = (step.__doc__ or step.__name__).strip().splitlines()[0]
        try:
            step(state)
            print(f"ok {n} {agent}: {name}", flush=True)
        except Exception as e:  # each kind is a failure of the step, and shown
            bad += 1
            why = str(e) if isinstance(e, Failed) else traceback.format_exc().strip()
            print(f"not ok {n} {agent}: {name}\n# " + why.replace("\n", "\n# "), flush=True)
    for api, id_ in state.get("remove", []):
        api.ask("DELETE", f"/containers/{id_}?force=1&v=1")
    sys.exit(1 if bad else 0)
