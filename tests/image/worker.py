# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts crun-lite-worker as the daemon does: descriptors 0 to 4, one JSON object per message."""
import json
import os
import socket
import subprocess
import tempfile

WORKER = os.path.abspath(os.environ.get("CRUN_LITE_WORKER", "build/src/worker/crun-lite-worker"))


class Failed(Exception):
    """The worker's {"error":...}; code and message as it sent them."""

    def __init__(self, error, messages):
        super().__init__(error["message"])
        self.code = error["code"]
        self.messages = messages


def run(verb, root, stdin=None, stdout=None, timeout=120, **args):
    """Result object and the list of shown messages. stdin: path, bytes or None; stdout: path or None."""
    args["root"] = root
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with tempfile.TemporaryFile() as argfile, tempfile.TemporaryFile() as infile:
        argfile.write(json.dumps(args).encode())
        argfile.flush()
        if isinstance(stdin, bytes):
            infile.write(stdin)
            infile.seek(0)
            source = infile.fileno()
        else:
            source = os.open(stdin or "/dev/null", os.O_RDONLY)
        target = os.open(stdout or "/dev/null", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        want = {0: source, 1: target, 3: theirs.fileno(), 4: argfile.fileno()}

        def wire():
            high = {fd: os.dup2(old, 100 + fd) for fd, old in want.items()}
            for fd, old in high.items():
                os.dup2(old, fd)
                os.close(old)

        child = subprocess.Popen([WORKER, verb], preexec_fn=wire, close_fds=False,
                                 env={"PATH": os.environ["PATH"],
                                      "CRUN_LITE_FAIL": os.environ.get("CRUN_LITE_FAIL", "")})
        theirs.close()
        os.close(target)
        if not isinstance(stdin, bytes):
            os.close(source)
        shown, result, error = [], None, None
        ours.settimeout(timeout)
        while True:
            data = ours.recv(70000)
            if not data:
                break
            message = json.loads(data)
            if "result" in message:
                result = message["result"]
            elif "error" in message and isinstance(message["error"], dict):
                error = message["error"]
            else:
                shown.append(message)
        status = child.wait(timeout)
        ours.close()
    if error:
        raise Failed(error, shown)
    if result is None:
        raise Failed({"code": 0, "message": f"worker ended with status {status}"}, shown)
    return result, shown
