#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon made of fixed answers, so that the CLI's output can be compared byte
by byte. usage: fake_daemon.py SOCKET REQUEST-LOG. Every request is logged as one
line "METHOD PATH BODY"; the answers are chosen by the container's or image's name.
"""
import json
import os
import socket
import struct
import sys
import threading
import time

NOW = int(time.time())
ID = "0123456789abcdef" * 4
IMAGE = "sha256:" + "fedcba9876543210" * 4
LOG_LOCK = threading.Lock()


def frame(stream, data):
    return struct.pack(">BxxxI", stream, len(data)) + data


CONTAINERS = [
    {"Id": ID, "Names": ["/web"], "Image": "nginx:1", "ImageID": IMAGE,
     "Command": "nginx -g 'daemon off;' and more", "Created": NOW - 7300,
     "State": "running", "Status": "Up 2 hours (healthy)",
     "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
               {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
               {"PrivatePort": 443, "Type": "tcp"}],
     "Labels": {"com.b": "2", "com.a": "1"}, "SizeRw": 1200, "SizeRootFs": 7340032,
     "NetworkSettings": {"Networks": {"bridge": {}}},
     "Mounts": [{"Type": "volume", "Name": "data", "Driver": "local"}]},
    {"Id": "f" * 64, "Names": ["/db"], "Image": IMAGE, "Command": "sh",
     "Created": NOW - 330, "State": "exited", "Status": "Exited (3) 5 seconds ago",
     "Ports": [], "Labels": {}, "NetworkSettings": {"Networks": {}}, "Mounts": []},
]
IMAGES = [
    {"Id": IMAGE, "RepoTags": ["busybox:latest", "local/bb:1"], "RepoDigests": [],
     "Created": NOW - 86400 * 3, "Size": 1984666, "SharedSize": -1, "Containers": -1},
    {"Id": "sha256:" + "0" * 64, "RepoTags": [], "RepoDigests": [],
     "Created": NOW - 3600, "Size": 52, "SharedSize": -1, "Containers": -1},
]
STATS = {"id": ID, "name": "/web",
         "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
         "precpu_stats": {"cpu_usage": {"total_usage": 200}, "system_cpu_usage": 1000},
         "memory_stats": {"usage": 3145728, "limit": 2147483648, "stats": {"inactive_file": 1048576}},
         "networks": {"eth0": {"rx_bytes": 1500, "tx_bytes": 42}},
         "blkio_stats": {"io_service_bytes_recursive": [{"op": "read", "value": 4096},
                                                        {"op": "write", "value": 0}]},
         "pids_stats": {"current": 3}}


class Connection(threading.Thread):
    def __init__(self, sock, log):
        super().__init__(daemon=True)
        self.sock, self.log = sock, log
        self.file = sock.makefile("rb")

    def run(self):
        try:
            while self.request():
                pass
        except OSError:
            pass
        finally:
            self.sock.close()

    def body(self, headers):
        if headers.get("transfer-encoding") == "chunked":
            data = b""
            while True:
                size = int(self.file.readline().split(b";")[0], 16)
                data += self.file.read(size)
                self.file.readline()
                if not size:
                    return data
        return self.file.read(int(headers.get("content-length", 0)))

    def request(self):
        line = self.file.readline().decode().split()
        if not line:
            return False
        headers = {}
        while True:
            h = self.file.readline().decode().rstrip("\r\n")
            if not h:
                break
            key, value = h.split(":", 1)
            headers[key.lower()] = value.strip()
        data = self.body(headers)
        path = line[1].split("/", 2)[2] if line[1].startswith("/v1.") else line[1][1:]
        shown = data.decode() if headers.get("content-type") == "application/json" else \
            "<%d bytes>" % len(data) if data else ""
        with LOG_LOCK:
            self.log.write("%s /%s %s\n" % (line[0], path, shown))
            self.log.flush()
        return self.answer(line[0], path, data) is not False

    def send(self, status, body=b"", kind="application/json"):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.sock.sendall(b"HTTP/1.1 %d X\r\nApi-Version: 1.51\r\nContent-Type: %s\r\n"
                          b"Content-Length: %d\r\n\r\n" % (status, kind.encode(), len(body)) + body)

    def fail(self, status, message):
        self.send(status, {"message": message})

    def chunks(self, pieces, pause=0.0):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            self.sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(pause)
        self.sock.sendall(b"0\r\n\r\n")

    def answer(self, method, path, data):
        route, _, query = path.partition("?")
        word = route.split("/")
        handler = getattr(self, "on_" + word[0].strip("_").replace("-", "_"), None)
        if handler is None:
            return self.fail(404, "page not found")
        return handler(method, word, query, data)

    # ---- routes ----
    def on_ping(self, method, word, query, data):
        self.send(200, b"OK", "text/plain")

    def on_version(self, method, word, query, data):
        self.send(200, {"Version": "9.9", "ApiVersion": "1.51", "Platform": {"Name": "crun-lite"},
                        "Components": [{"Name": "Engine", "Version": "9.9", "Details": {"Os": "linux"}}]})

    def on_images(self, method, word, query, data):
        if word[1:] == ["json"]:
            return self.send(200, IMAGES)
        if word[1] == "create":
            return self.fail(501, "this daemon cannot pull images yet")
        if word[1] == "load":
            return self.chunks([b'{"stream":"Loaded image: busybox:latest\\n"}\r\n'])
        if word[1] == "get":
            return self.chunks([b"archive ", b"bytes"])
        if method == "DELETE":
            return self.send(200, [{"Untagged": "busybox:latest"}, {"Deleted": IMAGE}])
        return self.fail(404, "No such image: " + word[1])

    def on_build(self, method, word, query, data):
        if b"BOGUS" in data:
            return self.chunks([b'{"stream":"Step 1/2 : FROM scratch\\n"}\r\n{"errorDetail":'
                                b'{"message":"Dockerfile:2: unknown instruction: BOGUS"},"error":"x"}\r\n'])
        self.chunks([b'{"stream":"Step 1/1 : FROM scratch\\n"}\r\n',
                     b'{"aux":{"ID":"' + IMAGE.encode() + b'"}}\r\n{"stream":"Successfully built fedcba98',
                     b'7654\\n"}\r\n'])

    def on_events(self, method, word, query, data):
        self.chunks([b'{"Type":"container","Action":"die","Actor":{"ID":"abc","Attributes":{"name":"web",'
                     b'"exitCode":"3"}},"time":1700000000,"timeNano":1700000000123456789}\n'])

    def on_containers(self, method, word, query, data):
        name = word[1]
        if name == "json":
            both = "all=1" in query
            return self.send(200, CONTAINERS if both else CONTAINERS[:1])
        if name == "create":
            return self.create(json.loads(data))
        if name == "nope":
            return self.fail(404, "No such container: nope")
        action = word[2] if len(word) > 2 else method.lower()
        return getattr(self, "do_" + action)(name, query)

    def create(self, body):
        if body["Image"] == "missing":
            return self.fail(404, "No such image: missing:latest")
        kind = body["Image"]
        cid = {"fails": "e1", "noexec": "e2", "busyport": "e3", "hangs": "e4", "tty": "77"}.get(kind, "aa") + "0" * 62
        self.send(201, {"Id": cid, "Warnings": ["no memory controller"] if kind == "warns" else []})

    def do_json(self, name, query):
        if name == "big":
            return self.send(200, b'{"Id":"big","N":9007199254740993,"L":[]}')
        self.send(200, {"Id": ID, "Name": "/" + name, "Config": {"Tty": False, "OpenStdin": False},
                        "State": {"Running": True, "Status": "running"},
                        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}],
                                                      "443/tcp": None}}})

    def do_attach(self, name, query):
        self.sock.sendall(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
        if "stdin=1" in query:
            while True:  # echo until the client's half close
                data = self.sock.recv(65536)
                if not data:
                    break
                self.sock.sendall(frame(1, data))
        else:
            self.sock.sendall(frame(1, b"out\n") + frame(2, b"err\n"))
        self.sock.shutdown(socket.SHUT_RDWR)
        return False

    def do_wait(self, name, query):
        self.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        time.sleep(0.1)
        body = b'{"StatusCode":7}\n'
        self.sock.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    def do_start(self, name, query):
        texts = {"e1": (400, 'exec: "x": executable file not found in $PATH'),
                 "e2": (400, "exec /etc/passwd: permission denied"),
                 "e3": (500, "listen tcp 0.0.0.0:80: bind: address already in use")}
        if name[:2] == "e4":
            time.sleep(60)
        if name[:2] in texts:
            return self.fail(*texts[name[:2]])
        self.send(204)

    def do_stop(self, name, query):
        self.send(304 if name == "stopped" else 204)

    do_restart = do_kill = do_pause = do_unpause = do_rename = do_stop

    def do_delete(self, name, query):
        if name == "running":
            return self.fail(409, "You cannot remove a running container " + ID)
        self.send(204)

    def do_logs(self, name, query):
        self.chunks([frame(1, b"one\n")[:5], frame(1, b"one\n")[5:], frame(2, b"two\n")])

    def do_top(self, name, query):
        self.send(200, {"Titles": ["PID", "CMD"], "Processes": [["1", "init"], ["12", "sleep 5"]]})

    def do_stats(self, name, query):
        self.send(200, STATS)

    def do_update(self, name, query):
        self.send(200, {"Warnings": None})


def main():
    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[1])
    server.listen(64)
    with open(sys.argv[2], "w", encoding="utf-8") as log:
        while True:
            Connection(server.accept()[0], log).start()


if __name__ == "__main__":
    if os.path.exists(sys.argv[1]):
        os.unlink(sys.argv[1])
    main()
