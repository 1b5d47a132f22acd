#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A person at a terminal. usage: terminal.py ROWS COLUMNS SCRIPT -- COMMAND...
SCRIPT: steps divided by '|': "wait TEXT" (until it was shown), "type TEXT"
(C escapes), "size ROWS COLUMNS", "signal NUMBER", "sleep SECONDS".
Prints what the terminal showed; exits as the command did.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

TIMEOUT = 20


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def pump(fd, shown, until, end):
    """Reads until the text `until` was shown (None: until the end). False = end of file."""
    start = len(shown[0])
    while until is None or until not in shown[0][shown[1]:]:
        if time.monotonic() > end:
            sys.stderr.write("timed out waiting for %r; shown: %r\n" % (until, shown[0][start:]))
            sys.exit(98)
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:
            data = b""
        if not data:
            return False
        shown[0] += data
    shown[1] = shown[0].index(until, shown[1]) + len(until)
    return True


def main():
    rows, columns, script = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    command = sys.argv[sys.argv.index("--") + 1:]
    pid, fd = pty.fork()
    if pid == 0:
        time.sleep(0.1)  # until the size is set
        os.execvp(command[0], command)
    set_size(fd, rows, columns)
    shown = [b"", 0]
    end = time.monotonic() + TIMEOUT
    for step in filter(None, script.split("|")):
        word, _, rest = step.partition(" ")
        text = rest.encode().decode("unicode_escape").encode("latin-1")
        if word == "wait":
            if not pump(fd, shown, text, end):
                sys.stderr.write("ended before %r; shown: %r\n" % (text, shown[0]))
                sys.exit(97)
        elif word == "type":
            os.write(fd, text)
        elif word == "size":
            set_size(fd, *map(int, rest.split()))
        elif word == "signal":
            os.kill(pid, int(rest))
        elif word == "sleep":
            time.sleep(float(rest))
    pump(fd, shown, None, end)
    os.write(1, shown[0])
    status = os.waitpid(pid, 0)[1]
    sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
