# SPDX-License-Identifier: GPL-2.0-or-later
"""The Engine API as Python programs use it: python3-docker of the distribution, unchanged. Prints TAP.

Usage: DOCKER_HOST=unix:///… python3 sdk.py   (image busybox is there)
"""
import io
import os
import sys
import tarfile
import threading
import time
import traceback

import docker

client = docker.from_env(timeout=30)
TESTS = []


def test(name):
    return lambda body: TESTS.append((name, body)) or body


def sleeper(**options):
    return client.containers.run("busybox", ["sleep", "1000"], detach=True, **options)


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@test("ping, version, info, df")
def _():
    assert client.ping()
    assert client.version()["Os"] == "linux"
    assert client.info()["Driver"] == "overlay2"
    assert "Volumes" in client.df()


@test("run: output, both streams, exit code, removal")
def _():
    assert client.containers.run("busybox", "echo hello", remove=True) == b"hello\n"
    assert client.containers.run("busybox", ["sh", "-c", "echo a; echo b >&2"], stderr=True, remove=True) == b"a\nb\n"
    try:
        client.containers.run("busybox", ["sh", "-c", "echo why >&2; exit 9"], remove=True)
        assert False, "no error"
    except docker.errors.ContainerError as e:
        assert e.exit_status == 9 and b"why" in e.stderr, e


@test("run with every kind of option")
def _():
    c = sleeper(name="pyopt", environment={"A": "b c"}, labels={"l": "1"}, hostname="hosty", user="1000:1000",
                working_dir="/tmp", cap_drop=["NET_RAW"], cap_add=["SYS_PTRACE"], dns=["127.0.0.9"],
                extra_hosts={"other": "10.1.2.3"}, init=True, read_only=True, tmpfs={"/t": "size=1m"},
                ulimits=[docker.types.Ulimit(name="nofile", soft=512, hard=512)], shm_size="8m",
                sysctls={"net.ipv4.ip_unprivileged_port_start": "0"}, security_opt=["no-new-privileges"],
                group_add=["77"], stop_signal="SIGINT", log_config=docker.types.LogConfig(
                    type="json-file", config={"max-size": "1m", "max-file": "2"}),
                restart_policy={"Name": "on-failure", "MaximumRetryCount": 1}, oom_score_adj=100)
    code, out = c.exec_run(["sh", "-c", "id -u; id -g; hostname; pwd; echo $A; ulimit -n; cat /etc/hosts; "
                            "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; grep NoNewPrivs /proc/self/status; "
                            "touch /x 2>&1; touch /t/x && df -m /dev/shm | tail -1; id -G"])
    text = out.decode()
    assert code == 0, text
    for piece in ("1000\n1000\nhosty\n/tmp\nb c\n512\n", "10.1.2.3\tother", "NoNewPrivs:\t1", "Read-only", " 8 ", "77"):
        assert piece in text, (piece, text)
    c.remove(force=True)


@test("exec: streams apart, environment, user, socket with input, exit code")
def _():
    c = sleeper()
    assert c.exec_run(["sh", "-c", "echo o; echo e >&2; exit 3"], demux=True) == (3, (b"o\n", b"e\n"))
    assert c.exec_run(["sh", "-c", "echo $X; id -un"], environment={"X": "y"}, user="nobody").output == b"y\nnobody\n"
    pieces = list(c.exec_run(["sh", "-c", "echo 1; sleep 0.2; echo 2"], stream=True).output)
    assert b"".join(pieces) == b"1\n2\n"
    _, sock = c.exec_run(["cat"], socket=True, stdin=True, tty=True)
    sock._sock.sendall(b"typed\n")
    assert sock.read(7).startswith(b"typed")
    sock.close()
    c.remove(force=True)


@test("attach and logs: whole, streamed, since, tail, timestamps")
def _():
    c = client.containers.run("busybox", ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done"], detach=True)
    assert b"".join(c.logs(stream=True, follow=True)) == b"1\n2\n3\n"
    assert c.logs(tail=1) == b"3\n"
    assert c.logs(tail=1, timestamps=True)[4:5] == b"-"
    assert c.logs(since=int(time.time()) + 100) == b""
    assert c.attach(logs=True, stream=False) == b"1\n2\n3\n"
    c.remove()


@test("stats: streamed and decoded, and one sample")
def _():
    c = sleeper()
    stream = c.stats(decode=True)
    first, second = next(stream), next(stream)
    assert second["precpu_stats"]["cpu_usage"]["total_usage"] == first["cpu_stats"]["cpu_usage"]["total_usage"]
    assert "eth0" in c.stats(stream=False)["networks"]
    c.remove(force=True)


@test("archives in and out, diff, export, commit")
def _():
    c = client.containers.create("busybox", ["cat", "/tmp/f"])
    assert c.put_archive("/tmp", archive({"f": b"put\n"}))
    c.start()
    assert c.wait()["StatusCode"] == 0
    assert c.logs() == b"put\n"
    bits, stat = c.get_archive("/tmp/f")
    assert stat["size"] == 4 and stat["name"] == "f", stat
    with tarfile.open(fileobj=io.BytesIO(b"".join(bits))) as tar:
        assert tar.extractfile("f").read() == b"put\n"
    assert {"Path": "/tmp/f", "Kind": 1} in c.diff()
    with tarfile.open(fileobj=io.BytesIO(b"".join(c.export()))) as tar:
        assert "bin/busybox" in tar.getnames() or "bin/sh" in tar.getnames()
    image = c.commit("pycommit", tag="1", message="m", changes="ENV K=v")
    assert "K=v" in image.attrs["Config"]["Env"]
    assert client.containers.run("pycommit:1", ["cat", "/tmp/f"], remove=True) == b"put\n"
    client.images.remove("pycommit:1")
    c.remove()


@test("life: pause, rename, update, restart, stop, kill, wait, top")
def _():
    c = sleeper(name="pylife")
    c.pause()
    c.reload()
    assert c.status == "paused"
    c.unpause()
    c.rename("pylife2")
    c.update(restart_policy={"Name": "unless-stopped"})
    c.restart(timeout=0)
    assert c.top()["Processes"]
    c.stop(timeout=0)
    assert c.wait()["StatusCode"] == 137
    c.start()
    c.kill("SIGKILL")
    c.wait(condition="not-running")
    c.remove()
    assert not client.containers.list(all=True, filters={"name": "pylife2"})


@test("wait for an exit code from another thread, next-exit and removed")
def _():
    c = client.containers.create("busybox", ["sh", "-c", "exit 5"])
    got = []
    waiter = threading.Thread(target=lambda: got.append(client.api.wait(c.id, condition="next-exit")["StatusCode"]))
    waiter.start()
    time.sleep(0.2)
    c.start()
    waiter.join(10)
    assert got == [5], got
    gone = threading.Thread(target=lambda: got.append(client.api.wait(c.id, condition="removed")["StatusCode"]))
    gone.start()
    time.sleep(0.2)
    c.remove()
    gone.join(10)
    assert got == [5, 5], got


@test("events while a container runs")
def _():
    events = client.events(decode=True, filters={"label": "py=1"})
    c = client.containers.run("busybox", ["sh", "-c", "exit 3"], labels={"py": "1"}, detach=True)
    c.wait()
    seen = []
    for event in events:
        seen.append(event["Action"])
        if event["Action"] == "die":
            assert event["Actor"]["Attributes"]["exitCode"] == "3"
            break
    events.close()
    assert seen == ["create", "start", "die"], seen
    c.remove()


@test("networks: own subnet, address, alias, connect and disconnect, prune")
def _():
    pool = docker.types.IPAMPool(subnet="10.214.9.0/24", gateway="10.214.9.1")
    net = client.networks.create("pynet", driver="bridge", ipam=docker.types.IPAMConfig(pool_configs=[pool]),
                                 labels={"n": "1"}, internal=False)
    c = sleeper(network="pynet", name="pya")
    other = sleeper(name="pyb")
    net.connect(other, aliases=["backend"], ipv4_address="10.214.9.77")
    other.reload()
    assert other.attrs["NetworkSettings"]["Networks"]["pynet"]["IPAddress"] == "10.214.9.77"
    code, out = c.exec_run(["ping", "-c1", "-W2", "backend"])
    assert code == 0, out
    net.reload()
    assert sorted(x.name for x in net.containers) == ["pya", "pyb"]
    net.disconnect(other)
    for x in (c, other):
        x.remove(force=True)
    net.remove()
    assert client.networks.prune() is not None


@test("ports: published, chosen by the engine, ranges, udp")
def _():
    c = sleeper(ports={"80/tcp": ("127.0.0.1", None), "81/udp": 0, "82/tcp": None})
    c.reload()
    assert int(c.ports["80/tcp"][0]["HostPort"]) > 0 and c.ports["80/tcp"][0]["HostIp"] == "127.0.0.1"
    assert int(c.ports["81/udp"][0]["HostPort"]) > 0
    assert int(c.ports["82/tcp"][0]["HostPort"]) > 0
    c.remove(force=True)


@test("volumes: named, anonymous, in use, filters, prune")
def _():
    v = client.volumes.create("pyvol", labels={"v": "1"})
    client.containers.run("busybox", "touch /v/f", volumes={"pyvol": {"bind": "/v", "mode": "rw"}}, remove=True)
    assert os.path.exists(os.path.join(v.attrs["Mountpoint"], "f"))
    c = sleeper(mounts=[docker.types.Mount("/v", "pyvol", read_only=True), docker.types.Mount("/t", None, type="tmpfs")])
    assert c.exec_run("touch /v/g").exit_code != 0
    try:
        v.remove()
        assert False, "removed while in use"
    except docker.errors.APIError as e:
        assert e.status_code == 409
    c.remove(force=True)
    assert [x.name for x in client.volumes.list(filters={"label": "v=1"})] == ["pyvol"]
    v.remove()


@test("images: build, tag, list, history, save, load, remove, prune")
def _():
    image, log = client.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN echo hi >/hi\nLABEL by=py\n"), tag="pybuilt:1")
    assert any("Successfully" in line.get("stream", "") for line in log)
    assert image.tag("pybuilt", "2")
    assert image.history()
    data = b"".join(image.save(named=True))
    client.images.remove("pybuilt:1")
    client.images.remove("pybuilt:2", force=True)
    assert client.images.load(data)
    assert client.images.list(filters={"label": "by=py"})
    client.images.remove("pybuilt:1", force=True)
    client.images.prune()


@test("health: a check turns healthy and then unhealthy")
def _():
    c = sleeper(healthcheck={"test": ["CMD-SHELL", "test ! -e /bad"], "interval": 200_000_000, "retries": 2,
                             "timeout": 2_000_000_000})

    def becomes(state):
        for _ in range(100):
            c.reload()
            if c.attrs["State"]["Health"]["Status"] == state:
                return True
            time.sleep(0.1)
        return False
    assert becomes("healthy")
    c.exec_run("touch /bad")
    assert becomes("unhealthy")
    assert c.attrs["State"]["Health"]["Log"][-1]["ExitCode"] == 1
    c.remove(force=True)


@test("errors have their classes")
def _():
    for error, call in ((docker.errors.NotFound, lambda: client.containers.get("nosuch")),
                        (docker.errors.ImageNotFound, lambda: client.images.get("nosuch")),
                        (docker.errors.NotFound, lambda: client.networks.get("nosuch")),
                        (docker.errors.NotFound, lambda: client.volumes.get("nosuch"))):
        try:
            call()
            assert False, error
        except error:
            pass


def main():
    print(f"1..{len(TESTS)}")
    bad = 0
    for n, (name, body) in enumerate(TESTS, 1):
        try:
            body()
            print(f"ok {n} python3-docker: {name}", flush=True)
        except Exception:  # each kind is a failure of the test, and shown
            bad += 1
            why = traceback.format_exc().strip().replace("\n", "\n# ")
            print(f"not ok {n} python3-docker: {name}\n# {why}", flush=True)
    return 1 if bad else 0


sys.exit(main())
