# SPDX-License-Identifier: GPL-2.0-or-later
"""What cri-dockerd asks for a kubelet, and what it insists on: sandboxes, containers, exec, logs, stats.

From its sources. Usage: cri_dockerd.py SOCKET
"""
import json
import os
import re
import sys

from wire import Api, frames, is_time, main, member, need, read_all, until

SOCKET = sys.argv[1]
api = Api(SOCKET, "/v1.43")
LABELS = {"io.kubernetes.pod.name": "p", "io.kubernetes.pod.namespace": "default", "io.kubernetes.pod.uid": "u-1"}


def startup(state):
    """startup: at least API 1.42; cgroup driver, root and runtimes from /info"""
    version = Api(SOCKET).get("/version")
    major, minor = version["ApiVersion"].split(".")
    need((int(major), int(minor)) >= (1, 42), version["ApiVersion"])
    need(re.fullmatch(r"\d+\.\d+", version["ApiVersion"]), "one dot: it appends .0 and parses that")
    need(re.match(r"\d+\.\d+\.\d+", version["Version"]), f"an engine version as x.y.z: {version['Version']}")
    info = api.get("/info")
    need(info["CgroupDriver"] in ("cgroupfs", "systemd"), info["CgroupDriver"])
    need(os.path.isdir(info["DockerRootDir"]) and info["LoggingDriver"] == "json-file", "root and log driver")
    need(info["DefaultRuntime"] in info["Runtimes"], "default runtime is listed")
    state["info"] = info


def image(_):
    """images: list, inspect with user, history; remove of what is not there"""
    listed = api.get("/images/json")
    need(all(isinstance(member(i, "RepoTags", (list, type(None))), (list, type(None))) and i["Size"] >= 0 for i in listed), "list")
    seen = api.get("/images/busybox:latest/json")
    member(seen, "Config.User", str)
    member(seen, "RootFS.Layers", list)
    member(seen, "RepoDigests", list)
    need(api.get("/images/busybox:latest/history"), "history")
    answer = api.ask("DELETE", "/images/nosuch:1", want=404)
    need("No such image" in answer.message, answer.message)


SANDBOX = "k8s_POD_p_default_u-1_0"


def sandbox(state):
    """sandbox: a pause container as a kubelet asks for it"""
    body = {
        "Hostname": "p", "Image": "busybox:latest", "Cmd": ["sleep", "1000"],
        "Labels": {**LABELS, "io.kubernetes.docker.type": "podsandbox", "io.kubernetes.container.name": "POD"},
        "HostConfig": {"NetworkMode": "none", "IpcMode": "shareable", "OomScoreAdj": 0, "ShmSize": 0,
                       "SecurityOpt": ["seccomp=unconfined"], "CpuShares": 2, "Privileged": False, "Init": False,
                       "PortBindings": {}, "LogConfig": {}, "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"}},
    }
    made = api.post("/containers/create?name=" + SANDBOX, body, want=201)
    state["sandbox"] = made["Id"]
    state["remove"] = [(api, made["Id"])]
    answer = api.ask("POST", "/containers/create?name=" + SANDBOX, body, want=409)
    found = re.search(r'Conflict\. (?:.)*is already in use by container "?([0-9a-z]+)"?', answer.message)
    need(found and found.group(1) == made["Id"], answer.message)
    api.ask("POST", f"/containers/{made['Id']}/start", want=204)
    seen = api.get(f"/containers/{made['Id']}/json")
    need(seen["HostConfig"]["NetworkMode"] == "none" and seen["State"]["Pid"] > 0, "mode and pid")
    need(os.path.exists(f"/proc/{seen['State']['Pid']}/ns/net"), "its network namespace for CNI")
    is_time(seen["Created"])


def resolv(state):
    """sandbox: resolv.conf is rewritten in place and seen inside"""
    path = api.get(f"/containers/{state['sandbox']}/json")["ResolvConfPath"]
    need(path and os.path.exists(path), f"ResolvConfPath {path!r}")
    with open(path, "w", encoding="utf-8") as f:
        f.write("nameserver 10.96.0.10\n")
    made = api.post(f"/containers/{state['sandbox']}/exec", {"AttachStdout": True, "Cmd": ["cat", "/etc/resolv.conf"]})
    s, rest = api.hijack(f"/exec/{made['Id']}/start", {})
    need(frames(read_all(s, rest))[1] == b"nameserver 10.96.0.10\n", "inside")


def listing(state):
    """listing: by label, id and status, each second, running or not"""
    for filters in ({"label": {"io.kubernetes.docker.type=podsandbox": True}},
                    {"id": {state["sandbox"]: True}, "label": {"io.kubernetes.docker.type=podsandbox": True}},
                    {"status": {"running": True}, "label": {"io.kubernetes.pod.uid=u-1": True}}):
        found = api.get("/containers/json?all=1", filters=filters)
        need([c["Id"] for c in found] == [state["sandbox"]], str(filters))
        need(found[0]["Status"].startswith("Up") and found[0]["Names"] == ["/" + SANDBOX] and found[0]["Created"] > 0, "fields")


def container(state):
    """container: joins the sandbox's namespaces, mounts, security options, no health check"""
    body = {
        "Image": "busybox:latest", "Cmd": ["sh", "-c", "echo line; echo err >&2; sleep 1000"], "WorkingDir": "/tmp",
        "User": "0", "OpenStdin": False, "Tty": False, "Healthcheck": {"Test": ["NONE"]}, "Env": ["KUBERNETES_PORT=tcp://10.0.0.1:443"],
        "Labels": {**LABELS, "io.kubernetes.docker.type": "container", "io.kubernetes.container.name": "c",
                   "io.kubernetes.sandbox.id": state["sandbox"], "annotation.io.kubernetes.container.restartCount": "0"},
        "HostConfig": {
            "NetworkMode": "container:" + state["sandbox"], "IpcMode": "container:" + state["sandbox"], "UTSMode": "",
            "PidMode": "", "CpuShares": 102, "Memory": 0, "OomScoreAdj": 1000, "CapAdd": [], "CapDrop": ["MKNOD"],
            "ReadonlyPaths": ["/proc/bus", "/proc/sys"], "MaskedPaths": ["/proc/kcore", "/proc/keys"],
            "SecurityOpt": ["seccomp=unconfined", "no-new-privileges"], "Mounts": [
                {"Type": "bind", "Source": "/etc/hostname", "Target": "/etc/termination", "ReadOnly": True,
                 "BindOptions": {"Propagation": "rprivate"}}],
            "LogConfig": {}, "ReadonlyRootfs": False, "Privileged": False}}
    made = api.post("/containers/create?name=k8s_c_p_default_u-1_0", body, want=201)
    state["id"] = made["Id"]
    state["remove"].insert(0, (api, made["Id"]))
    found = api.get("/containers/json?all=1", filters={"id": {made["Id"]: True}})
    need(found[0]["State"] == "created" and found[0]["Status"] == "Created", str(found[0]["Status"]))
    api.ask("POST", f"/containers/{made['Id']}/start", want=204)
    pid = api.get(f"/containers/{made['Id']}/json")["State"]["Pid"]
    other = api.get(f"/containers/{state['sandbox']}/json")["State"]["Pid"]
    for ns in ("net", "ipc"):
        need(os.stat(f"/proc/{pid}/ns/{ns}").st_ino == os.stat(f"/proc/{other}/ns/{ns}").st_ino, f"the sandbox's {ns} namespace")


def inspect(state):
    """inspect: with sizes each minute, which it dereferences unchecked; mounts; times"""
    seen = api.get(f"/containers/{state['id']}/json?size=1")
    member(seen, "SizeRw", int)
    member(seen, "SizeRootFs", int)
    member(seen, "Mounts.0.Propagation", str)
    need(member(seen, "Mounts.0.RW", bool) is False, "read-only")
    need(seen["Image"].startswith("sha256:") and seen["Config"]["Image"] == "busybox:latest", "image")
    need("Health" not in seen["State"] or seen["State"]["Health"] in (None, {}) or seen["State"]["Health"]["Status"] == "none", "no health")
    is_time(seen["State"]["StartedAt"])
    need(seen["RestartCount"] == 0 and seen["HostConfig"]["OomScoreAdj"] == 1000, "echo of its request")


def logs(state):
    """logs: the file behind LogPath is linked into /var/log/pods and read as lines of JSON"""
    path = api.get(f"/containers/{state['id']}/json")["LogPath"]
    rows = until("two lines", lambda: len(open(path, encoding="utf-8").readlines()) == 2 and
                 [json.loads(x) for x in open(path, encoding="utf-8")])
    need({(r["stream"], r["log"]) for r in rows} == {("stdout", "line\n"), ("stderr", "err\n")}, str(rows))
    for r in rows:
        need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", r["time"]), r["time"])


def stats(state):
    """stats: one shot each time, without a second of waiting"""
    sample = api.get(f"/containers/{state['id']}/stats?stream=0&one-shot=1", timeout=2)
    member(sample, "cpu_stats.cpu_usage.total_usage", int)
    member(sample, "memory_stats", dict)
    is_time(sample["read"])
    for c in api.get("/containers/json?all=1"):
        api.get(f"/containers/{c['Id']}/stats?stream=0&one-shot=1", timeout=2)


def execute(state):
    """exec: with a resize at once after its start; exec probes; a missing program"""
    made = api.post(f"/containers/{state['id']}/exec",
                    {"AttachStdin": True, "AttachStdout": True, "AttachStderr": False, "Tty": True, "Cmd": ["sh", "-c", "sleep 0.3; stty size; cat"]})
    s, rest = api.hijack(f"/exec/{made['Id']}/start", {"Tty": True})
    api.ask("POST", f"/exec/{made['Id']}/resize?h=30&w=100", want=200)
    s.sendall(b"x\n\x04")
    out = read_all(s, rest)
    need(out.startswith(b"30 100\r\n") or b"30 100" in out, repr(out))
    seen = until("exit code", lambda: not (x := api.get(f"/exec/{made['Id']}/json"))["Running"] and x)
    need(seen["ExitCode"] == 0, str(seen))
    for command, code in ((["sh", "-c", "exit 5"], 5), (["nosuchprogram"], 127), (["/etc/passwd"], 126)):
        made = api.post(f"/containers/{state['id']}/exec", {"AttachStdout": True, "AttachStderr": True, "Cmd": command})
        s, rest = api.hijack(f"/exec/{made['Id']}/start", {})
        read_all(s, rest)
        need(api.get(f"/exec/{made['Id']}/json")["ExitCode"] == code, f"{command}: {code}")


def attach(state):
    """attach: streams of a running container, closed by the client only"""
    s, rest = api.hijack(f"/containers/{state['id']}/attach?stream=1&stdout=1&stderr=1&stdin=0")
    s.close()
    need(api.get(f"/containers/{state['id']}/json")["State"]["Running"], "unharmed")
    need(rest == b"" or rest, "")


def update(state):
    """update: limits of a running pod; what this host lacks is a warning, not an error"""
    answer = api.post(f"/containers/{state['id']}/update", {"CpuShares": 204, "Memory": 0})
    need("Warnings" in answer, str(answer))
    need(api.get(f"/containers/{state['id']}/json")["HostConfig"]["CpuShares"] == 204, "kept")


def stop(state):
    """stop: with the grace period; its end, reason and code; removal twice"""
    api.ask("POST", f"/containers/{state['id']}/stop?t=1", want=204)
    seen = api.get(f"/containers/{state['id']}/json")["State"]
    need(seen["Status"] == "exited" and seen["ExitCode"] == 137 and not seen["OOMKilled"], str(seen))
    found = api.get("/containers/json?all=1", filters={"id": {state["id"]: True}})
    need(found[0]["Status"].startswith("Exited (137)"), found[0]["Status"])
    api.ask("DELETE", f"/containers/{state['id']}?v=1", want=204)
    answer = api.ask("DELETE", f"/containers/{state['id']}?v=1", want=404)
    need(f"No such container: {state['id']}" in answer.message, answer.message)


def sandbox_end(state):
    """sandbox: stopped and removed; a start of what is gone is named"""
    api.ask("POST", f"/containers/{state['sandbox']}/stop?t=0", want=204)
    api.ask("DELETE", f"/containers/{state['sandbox']}?v=1&force=1", want=204)
    answer = api.ask("POST", f"/containers/{state['sandbox']}/start", want=404)
    need("No such container" in answer.message, answer.message)
    state["remove"] = []


main("cri-dockerd", [startup, image, sandbox, resolv, listing, container, inspect, logs, stats, execute, attach, update, stop,
                     sandbox_end])
