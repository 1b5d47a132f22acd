# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands between clients and the daemon and checks every answer against the API's types.

    schema_proxy.py LISTEN DAEMON REPORT

LISTEN and DAEMON are paths of unix sockets. Bytes are passed on as they come, in both directions,
half-closes included; what becomes JSON is kept aside and checked once it is complete. REPORT gets a
line per complaint ("! route: complaint") and a line per route and status seen ("route status").
"""
import asyncio
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_schema import Schema  # noqa: E402

KEEP_MAX = 4 << 20
schema = Schema()
seen = set()


def report(line):
    if line not in seen:
        seen.add(line)
        with open(sys.argv[3], "a", encoding="utf-8") as f:
            f.write(line + "\n")


class Message:
    """Head of a request or answer, and how its body ends."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.start = lines[0].split(" ", 2)
        self.headers = {}
        for line in lines[1:]:
            key, _, value = line.partition(":")
            self.headers[key.strip().lower()] = value.strip()
        self.chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        try:
            self.length = int(self.headers.get("content-length", ""))
        except ValueError:
            self.length = None


class Pipe:
    """Reads one side, passes everything on at once, and lets the caller look at it."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.buffer = b""

    async def more(self):
        data = await self.reader.read(65536)
        if not data:
            return False
        self.buffer += data
        self.writer.write(data)
        await self.writer.drain()
        return True

    async def until(self, mark):
        """Takes up to and with `mark`; None at the end."""
        while mark not in self.buffer:
            if not await self.more():
                return None
        at = self.buffer.index(mark) + len(mark)
        head, self.buffer = self.buffer[:at], self.buffer[at:]
        return head

    async def exactly(self, n, keep):
        while n:
            if not self.buffer and not await self.more():
                return False
            part, self.buffer = self.buffer[:n], self.buffer[n:]
            n -= len(part)
            if keep is not None and len(keep) < KEEP_MAX:
                keep += part
        return True

    async def body(self, message, keep, to_end):
        """Whether the body came whole."""
        if message.chunked:
            while True:
                line = await self.until(b"\r\n")
                if line is None:
                    return False
                try:
                    size = int(line.split(b";")[0], 16)
                except ValueError:
                    return False
                if not size:
                    return await self.until(b"\r\n") is not None
                if not await self.exactly(size, keep) or not await self.exactly(2, None):
                    return False
        if message.length is not None:
            return await self.exactly(message.length, keep)
        if to_end:
            while True:
                if keep is not None and len(keep) < KEEP_MAX:
                    keep += self.buffer
                self.buffer = b""
                if not await self.more():
                    return True
        return True

    async def raw(self):
        self.buffer = b""
        while await self.more():
            self.buffer = b""


class Session:
    def __init__(self, client, daemon):
        self.up = Pipe(client[0], daemon[1])
        self.down = Pipe(daemon[0], client[1])
        self.requests = asyncio.Queue()
        self.hijacked = None
        self.left = False  # the client ended where a request could begin, not a hijacked stream's half

    async def requests_loop(self):
        while True:
            head = await self.up.until(b"\r\n\r\n")
            if head is None:
                self.left = True
                return
            message = Message(head[:-4])
            # The next bytes are a request only if this one is not answered by an upgrade.
            maybe = "upgrade" in message.headers or message.start[1].split("?")[0].endswith(("/attach", "/start"))
            self.hijacked = asyncio.get_running_loop().create_future() if maybe else None
            waiting = self.hijacked
            await self.requests.put((message, waiting))
            if not await self.up.body(message, None, False):
                return
            if waiting is not None and not self.up.buffer:
                # Stdin may be closed before the answer: keep passing on meanwhile.
                reading = asyncio.ensure_future(self.up.more())
                await asyncio.wait({reading, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if not await reading:
                    return
            if waiting is not None and await waiting:
                await self.up.raw()
                return

    async def answers_loop(self):
        while True:
            head = await self.down.until(b"\r\n\r\n")
            if head is None:
                return
            answer = Message(head[:-4])
            status = int(answer.start[1])
            if status == 100:
                continue
            request, waiting = await self.requests.get()
            method, target = request.start[0], request.start[1]
            kind = answer.headers.get("content-type", "")
            raw = status == 101 or (status == 200 and waiting is not None and answer.length is None
                                    and not answer.chunked)
            if waiting is not None and not waiting.done():
                waiting.set_result(raw)
            if raw:
                self.note(method, target, status, kind, None)
                await self.down.raw()
                return
            keep = bytearray() if "json" in kind else None
            whole = True
            if method != "HEAD" and status not in (204, 304):
                whole = await self.down.body(answer, keep, True)
            if keep is not None and not whole:
                # The client left a stream: what is complete of it counts.
                keep = keep[:keep.rfind(b"\n") + 1]
            self.note(method, target, status, kind, keep)
            if not whole:
                return

    @staticmethod
    def note(method, target, status, kind, body):
        route, complaints = schema.check(method, target, status, kind, bytes(body) if body is not None else None)
        if route:
            report(f"{route} {status}")
            for complaint in complaints:
                report(f"! {route} {status}: {complaint}")

    async def half(self, loop, writer):
        try:
            await loop
        except (ConnectionError, OSError):
            pass
        try:
            writer.write_eof()
        except (OSError, RuntimeError):
            pass


# asyncio refers to its tasks weakly: one that only its own streams refer to is collected in mid-stream.
sessions = set()


async def serve(reader, writer):
    me = asyncio.current_task()
    sessions.add(me)
    me.add_done_callback(sessions.discard)
    try:
        daemon = await asyncio.open_unix_connection(sys.argv[2])
    except OSError:
        writer.close()
        return
    session = Session((reader, writer), daemon)
    up = asyncio.ensure_future(session.half(session.requests_loop(), daemon[1]))
    down = asyncio.ensure_future(session.half(session.answers_loop(), writer))
    # The daemon's end of stream ends it; the client's is passed on and the answer still awaited. One who
    # left a stream is gone as a whole, though only half of that can be seen from here.
    await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({down}, timeout=1 if session.left else None)
    up.cancel()
    down.cancel()
    for w in (writer, daemon[1]):
        w.close()


async def main():
    loop = asyncio.get_running_loop()
    end = loop.create_future()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, lambda: end.done() or end.set_result(None))
    server = await asyncio.start_unix_server(serve, sys.argv[1])
    async with server:
        await end


asyncio.run(main())
