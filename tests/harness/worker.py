#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays the daemon's side of a worker's control socket (src/daemon/jobs.h).

  worker.py WORKER ROOT load ARCHIVE          loads images, remembers their names
  worker.py WORKER ROOT build CONTEXT [JSON]  builds a folder; JSON: further arguments
                                              (a "TAG" is remembered like a loaded name)

Shows what a client would see, then "RESULT {...}" or "ERROR {...}"; exits 0 or 1.
"""
import array, io, json, os, signal, socket, subprocess, sys, tarfile

LIMIT = 65536


def names_path(root):
    return os.path.join(root, "names.json")


def names_read(root):
    try:
        with open(names_path(root)) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def names_write(root, names):
    # Several builds at once read it while one writes.
    new = "%s.%d" % (names_path(root), os.getpid())
    with open(new, "w") as f:
        json.dump(names, f)
    os.rename(new, names_path(root))


def familiar(name):
    for prefix in ("docker.io/library/", "docker.io/"):
        if name.startswith(prefix):
            return name[len(prefix):]
    return name


def context_tar(folder):
    def clean(info):
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        return info

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in sorted(os.listdir(folder)):
            tar.add(os.path.join(folder, name), arcname=name, filter=clean)
    out.seek(0)
    spool = os.memfd_create("context")
    with os.fdopen(os.dup(spool), "wb") as f:
        f.write(out.getvalue())
    os.lseek(spool, 0, os.SEEK_SET)
    return spool


class Job:
    def __init__(self, worker, root, verb, args, stdin):
        self.names = names_read(root)
        self.netns = []
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # A parent of its own, so that two suites can tell their cgroups apart.
        args.setdefault("cgroup_parent", "/" + os.path.basename(os.path.dirname(os.path.abspath(root))))
        spool = os.memfd_create("args")
        os.write(spool, json.dumps(dict(args, root=root, log="debug")).encode())
        null = os.open("/dev/null", os.O_RDWR)
        moves = [(stdin, 0), (null, 1), (theirs.fileno(), 3), (spool, 4)]

        def place():
            high = [(os.dup2(fd, 100 + to), to) for fd, to in moves]
            for fd, to in high:
                os.dup2(fd, to, True)

        self.child = subprocess.Popen([worker, verb], preexec_fn=place, close_fds=False,
                                      env={"PATH": os.environ["PATH"]}, start_new_session=True)
        theirs.close()
        self.sock = ours

    def answer(self, message):
        reply = {"seq": message.get("seq")}
        fds = []
        if message["call"] == "image":
            name = message["name"]
            key = name if ":" in name else name + ":latest"
            found = self.names.get(key) or next(
                (v for v in self.names.values() if name and v["id"].startswith("sha256:" + name)), None)
            if found:
                reply.update(found)
            else:
                reply["error"] = "No such image: " + key
        elif message["call"] == "netns":
            holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 1000"],
                                      stdout=subprocess.PIPE)
            holder.stdout.readline()
            self.netns.append(holder)
            fds.append(os.open("/proc/%d/ns/net" % holder.pid, os.O_RDONLY))
            reply["id"] = "n1"
        else:
            return
        data = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([json.dumps(reply).encode()], data)

    def show(self, message):
        if "stream" in message:
            sys.stdout.write(message["stream"])
        elif "aux" in message or "errorDetail" in message:
            print(json.dumps(message))
        sys.stdout.flush()

    def run(self):
        result = error = None
        # SIGTERM: the client left, so the daemon closes its end; the worker ends by itself.
        signal.signal(signal.SIGTERM, lambda *_: self.sock.shutdown(socket.SHUT_RDWR))
        try:
            while True:
                data = self.sock.recv(LIMIT)
                if not data:
                    break
                message = json.loads(data)
                if "call" in message:
                    self.answer(message)
                elif "result" in message:
                    result = message["result"]
                elif "error" in message and "errorDetail" not in message:
                    error = message["error"]
                else:
                    self.show(message)
        finally:
            self.child.wait()
            for holder in self.netns:
                holder.kill()
                holder.wait()
        return result, error


def main():
    worker, root, verb, what = sys.argv[1:5]
    args = json.loads(sys.argv[5]) if len(sys.argv) > 5 else {}
    tag = args.pop("TAG", None)
    stdin = os.open(what, os.O_RDONLY) if os.path.isfile(what) else context_tar(what)
    result, error = Job(worker, root, verb, args, stdin).run()
    names = names_read(root)
    if result is None:
        print("ERROR " + json.dumps(error))
        return 1
    for image in result.get("images", []):
        for name in image["names"]:
            names[familiar(name)] = {"id": image["id"], "manifest": image["manifest"]}
    if tag:
        names[tag] = {"id": result["id"], "manifest": result["manifest"]}
    names_write(root, names)
    print("RESULT " + json.dumps(result))
    return 0


sys.exit(main())
