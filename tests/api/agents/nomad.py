# SPDX-License-Identifier: GPL-2.0-or-later
"""What Nomad's docker driver asks, in its order, and what it insists on in the answers.

From the driver's and its client's sources: old drivers use paths without a version, newer ones
negotiate. The driver itself cannot be had from the distribution, so its calls are replayed.
Usage: nomad.py SOCKET
"""
import os
import sys
import time

from wire import Api, frames, is_time, main, member, need, read_all, until

SOCKET = sys.argv[1]
old = Api(SOCKET)
ALLOC = "5c2a1f6e-0b0d-4f0b-9a39-cc7b1f0e4a11"
TASK = f"web-{ALLOC}"


def fingerprint(state):
    """fingerprint: version, bridge address, runtimes, each 30 s"""
    for api in (old, Api(SOCKET, "/v1.44")):
        version = api.get("/version")
        need(version["Version"] and version["ApiVersion"].count(".") == 1, "version")
        networks = [n for n in api.get("/networks") if n["Name"] == "bridge"]
        need(len(networks) == 1, "a network named bridge")
        gateway = member(networks[0], "IPAM.Config.0.Gateway", str)
        need(gateway.count(".") == 3, f"its gateway: {gateway!r}")
        info = api.get("/info")
        need(info["OSType"] == "linux" and member(info, "Runtimes", dict), "OSType and Runtimes")
        need(info["CgroupDriver"] in ("cgroupfs", "systemd") and info["CgroupVersion"] in ("1", "2"), "cgroup driver")
        state["info"] = info


def negotiation(_):
    """negotiation: HEAD /_ping carries the version, also without a body"""
    answer = old.ask("HEAD", "/_ping", want=200)
    need(answer.headers["api-version"] and not answer.body, "Api-Version in the head")
    need(float(answer.headers["api-version"].split(".")[1]) >= 40, "at least 1.40 for the client of 2.x")


def image(_):
    """image: inspect by name; 404 with a text for one that is not there"""
    need(old.get("/images/busybox:latest/json")["Id"].startswith("sha256:"), "Id")
    answer = old.ask("GET", "/images/nosuch:1/json", want=404)
    need("No such image" in answer.message, answer.message)


CONFIG = {
    "Image": "busybox:latest", "Cmd": ["sh", "-c", "echo started; echo oops >&2; trap 'exit 9' TERM; while :; do sleep 0.1; done"],
    "Env": ["NOMAD_ALLOC_ID=" + ALLOC], "Labels": {"com.hashicorp.nomad.alloc_id": ALLOC},
    "HostConfig": {"NetworkMode": "default", "LogConfig": {"Type": "json-file", "Config": {"max-file": "2", "max-size": "2m"}},
                   "CpuShares": 100, "Memory": 0, "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "0"}]},
                   "RestartPolicy": {"Name": "no"}, "Binds": [], "StorageOpt": {}, "CapDrop": ["NET_RAW"]},
    "ExposedPorts": {"80/tcp": {}},
}


def create(state):
    """create: 201 with an id; a missing image is 404, which the driver retries"""
    made = old.post("/containers/create?name=" + TASK, CONFIG, want=201)
    state["id"] = made["Id"]
    need(isinstance(made["Warnings"], list), "Warnings is a list")
    state["remove"] = [(old, made["Id"])]
    old.ask("POST", "/containers/create?name=other", {"Image": "nosuch:1"}, want=404)


def conflict(state):
    """create again: 409; the driver finds the holder by its name among all containers"""
    answer = old.ask("POST", "/containers/create?name=" + TASK, CONFIG, want=409)
    need("is already in use by container" in answer.message, answer.message)
    holders = [c for c in old.get("/containers/json?all=1") if "/" + TASK in c["Names"]]
    need([c["Id"] for c in holders] == [state["id"]], "Names has /name")


def start(state):
    """start: 204, then its address is in inspect; a second start counts as success"""
    old.ask("POST", f"/containers/{state['id']}/start", want=204)
    seen = old.get(f"/containers/{state['id']}/json")
    need(seen["State"]["Running"] and seen["State"]["Pid"] > 0, "running")
    address = member(seen, "NetworkSettings.Networks.bridge.IPAddress", str)
    need(address.count(".") == 3, f"an address: {address!r}")
    need(member(seen, "NetworkSettings.Ports.80/tcp.0.HostPort", str).isdigit(), "the published port")
    is_time(seen["State"]["StartedAt"])
    is_time(seen["State"]["FinishedAt"], unset=True)
    old.ask("POST", f"/containers/{state['id']}/start", want=(204, 304, 409))


def cgroup(state):
    """cgroup: the driver computes /docker/ID below its driver's root and writes there"""
    need(state["info"]["CgroupDriver"] != "cgroupfs" or any(
        os.path.isdir(f"{root}/docker/{state['id']}") for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")),
         "a cgroup docker/ID")


def logs(state):
    """logs: followed from a time on, frames of both streams, ends with the container"""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    state["logs"] = old.open("GET", f"/containers/{state['id']}/logs?follow=1&stdout=1&stderr=1&since={since}")
    need(state["logs"].status == 200, "logs")


def stats(state):
    """stats: two samples in one answer, with what its arithmetic divides by"""
    sample = old.get(f"/containers/{state['id']}/stats?stream=0")
    for path in ("cpu_stats.cpu_usage.total_usage", "cpu_stats.system_cpu_usage", "cpu_stats.online_cpus",
                 "precpu_stats.cpu_usage.total_usage", "precpu_stats.system_cpu_usage"):
        member(sample, path, int)
    need(sample["cpu_stats"]["system_cpu_usage"] > sample["precpu_stats"]["system_cpu_usage"], "two samples")
    is_time(sample["read"])
    member(sample, "memory_stats", dict)


def execute(state):
    """exec: script checks and `alloc exec`: create, start, resize, inspect"""
    made = old.post(f"/containers/{state['id']}/exec",
                    {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Tty": False, "Cmd": ["sh", "-c", "cat; exit 4"]})
    s, rest = old.hijack(f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})
    s.sendall(b"typed")
    s.shutdown(1)
    need(frames(read_all(s, rest))[1] == b"typed", "its output")
    seen = old.get(f"/exec/{made['Id']}/json")
    need(not seen["Running"] and seen["ExitCode"] == 4, "exit code at once after the stream's end")
    tty = old.post(f"/containers/{state['id']}/exec", {"AttachStdout": True, "Tty": True, "Cmd": ["sh", "-c", "sleep 0.3; stty size"]})
    s, rest = old.hijack(f"/exec/{tty['Id']}/start", {"Detach": False, "Tty": True})
    old.ask("POST", f"/exec/{tty['Id']}/resize?h=20&w=90", want=200)
    need(read_all(s, rest) == b"20 90\r\n", "size of the terminal")


def wait_stop(state):
    """wait is open for as long as it takes; stop with a time; the code; logs end"""
    waiting = old.open("POST", f"/containers/{state['id']}/wait", timeout=60)
    need(waiting.status == 200, "headers at once")
    old.ask("POST", f"/containers/{state['id']}/stop?t=5", want=204)
    need(b'"StatusCode":9' in waiting.read(), "exit code 9")
    need(frames(state["logs"].read()) == {1: b"started\n", 2: b"oops\n"}, "whole logs")


def after(state):
    """after its end: inspect says how, stop is 304, kill is 409, remove frees the name"""
    seen = old.get(f"/containers/{state['id']}/json")
    need(seen["State"]["ExitCode"] == 9 and seen["State"]["OOMKilled"] is False, "how it ended")
    is_time(seen["State"]["FinishedAt"])
    old.ask("POST", f"/containers/{state['id']}/stop?t=0", want=304)
    old.ask("POST", f"/containers/{state['id']}/kill?signal=SIGTERM", want=409)
    old.ask("DELETE", f"/containers/{state['id']}?force=1", want=204)
    old.ask("GET", f"/containers/{state['id']}/json", want=404)
    state["remove"] = []


def group_network(state):
    """group network: a pause container without network, whose namespace others join"""
    pause = old.post(f"/containers/create?name=nomad_init_{ALLOC}", {
        "Image": "busybox:latest", "Cmd": ["sleep", "1000"],
        "HostConfig": {"NetworkMode": "none", "RestartPolicy": {"Name": "unless-stopped"}}}, want=201)["Id"]
    state["remove"] = [(old, pause)]
    old.ask("POST", f"/containers/{pause}/start", want=204)
    seen = old.get(f"/containers/{pause}/json")
    key = member(seen, "NetworkSettings.SandboxKey", str)
    need(key and os.path.exists(key), f"SandboxKey is a namespace's path: {key!r}")
    task = old.post("/containers/create", {"Image": "busybox:latest", "Cmd": ["sleep", "1000"],
                                           "HostConfig": {"NetworkMode": "container:" + pause}}, want=201)["Id"]
    state["remove"].insert(0, (old, task))
    old.ask("POST", f"/containers/{task}/start", want=204)
    pid = old.get(f"/containers/{task}/json")["State"]["Pid"]
    need(os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(key).st_ino, "the same namespace")


def collect(_):
    """image collection: delete by id tells what it did"""
    made = until("a commit", lambda: old.ask("POST", "/images/busybox:latest/tag?repo=nomadgc&tag=1", want=201))
    need(made, "tag")
    gone = old.ask("DELETE", "/images/nomadgc:1", want=200).json
    need(any(x.get("Untagged", "").endswith("nomadgc:1") for x in gone), str(gone))


main("nomad", [fingerprint, negotiation, image, create, conflict, start, cgroup, logs, stats, execute, wait_stop, after,
               group_network, collect])
