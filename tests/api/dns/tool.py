#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions of DNS and a server that answers them well or badly, for dns.bats.

tool.py ask NAME [TYPE] [--tcp] [--server IP] [--wait S]   "NOERROR 10.0.0.1 10.0.0.2" and milliseconds
tool.py times N NAME                     median and 99th percentile of N questions, in microseconds
tool.py first N NAME                     how often each address came first: "10.0.0.1 34"
tool.py flood SECONDS PER_SECOND NAME    asks and does not listen
tool.py garbage SEED                     2000 packets and 100 streams of anything
tool.py stall N SECONDS                  holds N TCP connections
tool.py serve IP LOG                     a server on port 53, by UDP and TCP
tool.py forge IP PORT ID NAME            an answer that nobody asked us for
tool.py port53                           takes port 53 as a name server in a container does
"""
import random
import socket
import struct
import sys
import threading
import time

TYPES = {"A": 1, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "ANY": 255}
CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
SERVER = "127.0.0.11"


def wire_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def question(name, kind, qid=None):
    qid = random.randrange(65536) if qid is None else qid
    return struct.pack(">HHHHHH", qid, 0x100, 1, 0, 0, 0) + wire_name(name) + struct.pack(">HH", TYPES[kind], 1)


def read_name(m, at):
    labels, end = [], None
    while m[at]:
        if m[at] >= 0xC0:
            end = end or at + 2
            at = struct.unpack(">H", m[at : at + 2])[0] & 0x3FFF
            continue
        labels.append(m[at + 1 : at + 1 + m[at]].decode())
        at += 1 + m[at]
    return ".".join(labels), end or at + 1


def read_answer(m):
    _, flags, _, an, _, _ = struct.unpack(">HHHHHH", m[:12])
    _, at = read_name(m, 12)
    at += 4
    found = []
    for _ in range(an):
        _, at = read_name(m, at)
        kind, _, _, size = struct.unpack(">HHIH", m[at : at + 10])
        data = m[at + 10 : at + 10 + size]
        if kind == 1:
            found.append(socket.inet_ntoa(data))
        elif kind == 28:
            found.append(socket.inet_ntop(socket.AF_INET6, data))
        elif kind == 12:
            found.append(read_name(m, at + 10)[0])
        at += 10 + size
    return CODES.get(flags & 15, str(flags & 15)), bool(flags & 0x200), found


def recv_exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def ask_tcp(q, server, wait):
    s = socket.create_connection((server, 53), wait)
    s.settimeout(wait)
    s.sendall(struct.pack(">H", len(q)) + q)
    return recv_exactly(s, struct.unpack(">H", recv_exactly(s, 2))[0])


def ask_udp(q, server, wait):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(wait)
    s.connect((server, 53))
    s.send(q)
    while True:
        m = s.recv(65535)
        if m[:2] == q[:2]:
            return m


def ask(args):
    tcp = "--tcp" in args
    server, wait = SERVER, 6.0
    if "--server" in args:
        server = args[args.index("--server") + 1]
    if "--wait" in args:
        wait = float(args[args.index("--wait") + 1])
    kind = args[1] if len(args) > 1 and args[1] in TYPES else "A"
    begin = time.monotonic()
    try:
        m = (ask_tcp if tcp else ask_udp)(question(args[0], kind), server, wait)
        code, cut, found = read_answer(m)
        print(code, *(["TC"] if cut else []), *sorted(found), file=sys.stdout)
    except (OSError, EOFError) as e:
        print("FAILED", type(e).__name__)
    print(int((time.monotonic() - begin) * 1000), file=sys.stderr)


def times(args):
    n, took = int(args[0]), []
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect((SERVER, 53))
    for _ in range(n):
        q = question(args[1], "A")
        begin = time.monotonic()
        s.send(q)
        s.recv(65535)
        took.append(time.monotonic() - begin)
    took.sort()
    print(int(took[n // 2] * 1e6), int(took[n * 99 // 100] * 1e6))


def first(args):
    count = {}
    for _ in range(int(args[0])):
        q = question(args[1], "A")
        m = ask_udp(q, SERVER, 5)
        a = len(q) + 12
        ip = socket.inet_ntoa(m[a : a + 4])
        count[ip] = count.get(ip, 0) + 1
        ask_udp(question(args[1], "AAAA"), SERVER, 5)
    for ip in sorted(count):
        print(ip, count[ip])


def flood(args):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setblocking(False)
    s.connect((SERVER, 53))
    end, gap, sent = time.monotonic() + float(args[0]), 1 / float(args[1]), 0
    while time.monotonic() < end:
        try:
            s.send(question("x%d.%s" % (sent, args[2]), "A"))
            sent += 1
        except OSError:
            pass
        time.sleep(gap)
    print(sent)


def garbage(args):
    rnd = random.Random(int(args[0]))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setblocking(False)
    s.connect((SERVER, 53))
    for i in range(2000):
        size = rnd.choice([0, 1, 11, 12, 17, 64, 512, 4096, 4097, 9000, 65000])
        m = bytearray(rnd.randbytes(size))
        if size > 17 and i % 2:  # looks like a question
            m[:18] = question("web", "A")[:18]
            m[4 + i % 8] = rnd.randrange(256)
        try:
            s.send(m)
        except OSError:
            pass
    for _ in range(100):
        try:
            t = socket.create_connection((SERVER, 53), 1)
            t.send(rnd.randbytes(rnd.choice([1, 2, 3, 40, 5000])))
            t.close()
        except OSError:
            pass


def stall(args):
    held = []
    for _ in range(int(args[0])):
        s = socket.socket()
        s.settimeout(2)
        try:
            s.connect((SERVER, 53))
            s.send(b"\0")
            held.append(s)
        except OSError:
            s.close()
    print("held", flush=True)
    time.sleep(float(args[1]))


def answer(m, addresses, flags=0x8180):
    _, end = read_name(m, 12)
    out = m[:2] + struct.pack(">HHHHH", flags, 1, len(addresses), 0, 0) + m[12 : end + 4]
    for a in addresses:
        out += struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(a)
    return out


def respond(m, tcp):
    name, _ = read_name(m, 12)
    if name.startswith("big"):
        return answer(m, ["198.51.100.%d" % i for i in range(100)]) if tcp else answer(m, [], 0x8380)
    if name.startswith("slow"):
        time.sleep(2)
    if name.startswith("refused"):
        return answer(m, [], 0x8185)
    if name.startswith("silent"):
        return None
    if name.endswith(".example") and struct.unpack(">H", m[read_name(m, 12)[1] :][:2])[0] == 1:
        return answer(m, ["203.0.113.7"])
    return answer(m, [], 0x8183)


def serve(args):
    log = open(args[1], "a", buffering=1)

    def note(m, peer, how):
        log.write("%s %s %d %d\n" % (read_name(m, 12)[0], how, peer[1], struct.unpack(">H", m[:2])[0]))

    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind((args[0], 53))
    t = socket.socket()
    t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    t.bind((args[0], 53))
    t.listen(16)

    def one_udp(m, peer):
        r = respond(m, False)
        if r:
            u.sendto(r, peer)

    def one_tcp(c, peer):
        try:
            m = recv_exactly(c, struct.unpack(">H", recv_exactly(c, 2))[0])
            note(m, peer, "tcp")
            r = respond(m, True)
            if r:
                c.sendall(struct.pack(">H", len(r)) + r)
        except (OSError, EOFError):
            pass
        c.close()

    def all_tcp():
        while True:
            c, peer = t.accept()
            threading.Thread(target=one_tcp, args=(c, peer), daemon=True).start()

    threading.Thread(target=all_tcp, daemon=True).start()
    print("ready", flush=True)
    while True:
        m, peer = u.recvfrom(65535)
        note(m, peer, "udp")
        threading.Thread(target=one_udp, args=(m, peer), daemon=True).start()


def forge(args):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    m = answer(question(args[3], "A", int(args[2])), ["6.6.6.6"])
    for _ in range(50):
        s.sendto(m, (args[0], int(args[1])))


def port53(args):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("0.0.0.0", 53))
    t = socket.socket()
    t.bind(("0.0.0.0", 53))
    t.listen(1)
    print("bound", flush=True)
    u.settimeout(float(args[0]))
    try:
        m, peer = u.recvfrom(512)
        u.sendto(answer(m, ["127.9.9.9"]), peer)
    except OSError:
        pass


globals()[sys.argv[1]](sys.argv[2:])
