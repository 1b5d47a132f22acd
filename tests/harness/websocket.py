# SPDX-License-Identifier: GPL-2.0-or-later
"""A WebSocket client of the standard library only, for tests.

    websocket.py SOCKET PATH SCRIPT

SCRIPT is a list of words: send:TEXT binary:TEXT split:TEXT (two frames, and a ping between them)
ping:TEXT until:TEXT (reads until the output holds it) close[:STATUS] end (reads to the end)
raw:HEX flood:MIB (pings, without reading the answers; prints how many MiB the peer took). Prints what it received: output as it is, control frames as <opcode payload>. Fails when the
peer breaks the protocol.
"""
import base64
import hashlib
import os
import socket
import struct
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Peer:
    def __init__(self, path, url, key=None):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(10)
        self.s.connect(path)
        self.data = b""
        self.output = b""
        key = key or base64.b64encode(os.urandom(16))
        self.s.sendall(b"GET " + url.encode() + b" HTTP/1.1\r\nHost: d\r\nUpgrade: websocket\r\n"
                       b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       b"Sec-WebSocket-Key: " + key + b"\r\n\r\n")
        while b"\r\n\r\n" not in self.data:
            self.fill()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            sys.exit("refused: " + head.decode())
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        assert b"sec-websocket-accept: " + accept.lower() in head.lower(), head
        assert b"upgrade: websocket" in head.lower(), head

    def fill(self):
        more = self.s.recv(65536)
        if not more:
            raise EOFError
        self.data += more

    def take(self, n):
        while len(self.data) < n:
            self.fill()
        part, self.data = self.data[:n], self.data[n:]
        return part

    def frame(self, opcode, payload, fin=True):
        mask = os.urandom(4)
        n = len(payload)
        head = bytes([(0x80 if fin else 0) | opcode])
        if n < 126:
            head += bytes([0x80 | n])
        elif n < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", n)
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", n)
        self.s.sendall(head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload)))

    def read(self):
        """One frame: False after a close frame."""
        first, second = self.take(2)
        assert first & 0x70 == 0, "reserved bits"
        assert second & 0x80 == 0, "a server does not mask"
        n = second & 0x7f
        if n == 126:
            n = struct.unpack(">H", self.take(2))[0]
            assert n > 125
        elif n == 127:
            n = struct.unpack(">Q", self.take(8))[0]
            assert n > 65535
        payload, opcode = self.take(n), first & 0xf
        if opcode in (0, 1, 2):
            self.kind = opcode
            self.output += payload
            return True
        self.output += b"<%d " % opcode + (b"%d" % struct.unpack(">H", payload[:2]) if opcode == 8 and n else payload) + b">"
        return opcode != 8

    def flood(self, mib):
        block = b"\x89\xfd\0\0\0\0" + bytes(125)
        taken = 0
        self.s.settimeout(2)
        try:
            while taken < mib << 20:
                taken += self.s.send(block * 400)
        except TimeoutError:
            pass
        self.output += b"%d MiB" % (taken >> 20)

    def run(self, word):
        verb, _, text = word.partition(":")
        payload = text.encode().decode("unicode_escape").encode("latin-1")
        if verb == "send":
            self.frame(1, payload)
        elif verb == "binary":
            self.frame(2, payload)
        elif verb == "split":
            self.frame(2, payload[:1], fin=False)
            self.frame(9, b"between")
            self.frame(0, payload[1:])
        elif verb == "ping":
            self.frame(9, payload)
        elif verb == "close":
            self.frame(8, struct.pack(">H", int(text)) if text else b"")
        elif verb == "flood":
            self.flood(int(text))
        elif verb == "raw":
            self.s.sendall(bytes.fromhex(text))
        elif verb == "big":
            self.frame(2, b"x" * int(text) + b"\n")
        elif verb == "until":
            while payload not in self.output:
                if not self.read():
                    sys.exit("closed before %r: %r" % (text, self.output))
        elif verb == "end":
            try:
                while self.read():
                    pass
                # After a close frame the peer ends the connection.
                self.s.recv(1)
            except EOFError:
                self.output += b"<eof>"
        else:
            sys.exit("unknown word " + word)


def main():
    peer = Peer(sys.argv[1], sys.argv[2])
    try:
        for word in sys.argv[3:]:
            peer.run(word)
    finally:
        sys.stdout.buffer.write(peer.output)
        sys.stdout.flush()


main()
