# SPDX-License-Identifier: GPL-2.0-or-later
"""What the Amazon ECS agent (and ecs-init, which starts it) asks, and what it insists on.

From the sources of agent and ecs-init. Usage: ecs_agent.py SOCKET
"""
import io
import json
import os
import sys
import tarfile

from wire import Api, frames, is_time, lines, main, member, need, until

SOCKET = sys.argv[1]
plain = Api(SOCKET)
api = plain  # set by probe()


def probe(state):
    """version probe: each of 1.17 to 1.44 is asked; the lowest that answers is used for all"""
    global api
    answering = []
    for n in range(17, 45):
        answer = plain.ask("GET", f"/v1.{n}/version")
        if answer.status == 200:
            highest = answer.json["ApiVersion"]
            need(int(highest.split(".")[1]) >= n, f"ApiVersion {highest} answers a request of 1.{n}")
            answering.append(n)
        else:
            need(answer.status == 400 and "is too old" in answer.body.decode(), f"1.{n}: {answer.status} {answer.body!r}")
    need(answering and answering[0] <= 25 and answering[-1] == 44, f"versions that answer: {answering}")
    need(answering == list(range(answering[0], 45)), "no holes")
    api = Api(SOCKET, f"/v1.{answering[0]}")
    state["events"] = None


def health(_):
    """its health check: /_ping and /info with what it puts into attributes"""
    need(api.ask("GET", "/_ping", want=200).body == b"OK", "ping")
    info = api.get("/info")
    need(isinstance(info["SecurityOptions"], list), "SecurityOptions")
    need(info["CgroupVersion"] in ("1", "2") and info["DockerRootDir"], "cgroup version, root")
    filters = json.dumps({"enabled": {"true": True}, "capability": {"volumedriver": True}})
    need(api.ask("GET", "/plugins", want=200, filters=json.loads(filters)).json in ([], None), "no plugins")


def ecs_init(_):
    """ecs-init: images are listed, an agent's tarball is loaded, containers found by name"""
    need(any("busybox:latest" in (i["RepoTags"] or []) for i in api.get("/images/json?all=0")), "RepoTags")
    saved = api.ask("GET", "/images/busybox:latest/get", want=200).body
    with tarfile.open(fileobj=io.BytesIO(saved)) as tar:
        need("manifest.json" in tar.getnames(), "a docker archive")
    said = api.ask("POST", "/images/load?quiet=1", saved, want=200, headers={"Content-Type": "application/x-tar"}).body
    need(b"Loaded image" in said, repr(said))


def events(state):
    """events: one stream without filter; headers come before the first event"""
    state["events"] = lines(plain_stream(state))


def plain_stream(state):
    stream = api.open("GET", "/events", timeout=60)
    need(stream.status == 200, "events")
    state["stream"] = stream
    return stream


def next_event(state, status, id_):
    for event in state["events"]:
        if event.get("status") == status and event.get("id") == id_:
            return event
    need(False, f"no event {status}")


def create(state):
    """create with what a task definition turns into, and the version-1 fields"""
    body = {
        "Image": "busybox:latest", "Cmd": ["sh", "-c", "echo up; while :; do sleep 0.2; done"],
        "Labels": {"com.amazonaws.ecs.task-arn": "arn:aws:ecs:x:1:task/a", "com.amazonaws.ecs.container-name": "web",
                   "com.amazonaws.ecs.cluster": "default", "com.amazonaws.ecs.task-definition-family": "f"},
        "Env": ["AWS_EXECUTION_ENV=AWS_ECS_EC2"], "ExposedPorts": {"80/tcp": {}},
        "Healthcheck": {"Test": ["CMD-SHELL", "test ! -e /sick"], "Interval": 1000000000, "Timeout": 1000000000, "Retries": 1},
        "HostConfig": {"Memory": 0, "MemoryReservation": 0, "CpuShares": 128, "NetworkMode": "bridge",
                       "PortBindings": {"80/tcp": [{"HostPort": "0"}]}, "LogConfig": {"Type": "json-file", "Config": {}},
                       "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 4096}], "Init": True, "VolumesFrom": [],
                       "Binds": [], "CapAdd": ["SYS_PTRACE"], "RestartPolicy": {}},
    }
    state["id"] = api.post("/containers/create?name=ecs-f-1-web-aa", body, want=201)["Id"]
    state["remove"] = [(api, state["id"])]
    need(next_event(state, "create", state["id"])["from"] == "busybox:latest", "from")
    seen = api.get(f"/containers/{state['id']}/json")
    is_time(seen["State"]["StartedAt"], unset=True)
    need(seen["State"]["Error"] == "" and not seen["State"]["Running"], "state Created as the agent derives it")
    refused = api.ask("POST", "/containers/create?name=ecs-x", {**body, "HostConfig": {"LogConfig": {"Type": "nosuchdriver"}}})
    need(refused.status in (400, 500) and "nosuchdriver" in refused.message, refused.message)


def start(state):
    """start: event and inspect agree; ports, mounts, health are there"""
    api.ask("POST", f"/containers/{state['id']}/start", want=204)
    event = next_event(state, "start", state["id"])
    need(member(event, "Actor.Attributes", dict)["name"] == "ecs-f-1-web-aa" and event["Type"] == "container", str(event))
    seen = api.get(f"/containers/{state['id']}/json")
    is_time(seen["State"]["StartedAt"])
    need(int(member(seen, "NetworkSettings.Ports.80/tcp.0.HostPort", str)) > 0, "port")
    member(seen, "Mounts", list)
    need(member(seen, "HostConfig.NetworkMode", str) == "bridge", "network mode")
    member(seen, "State.Health.Status", str)


def healthy(state):
    """health: the state turns and the event's status says `health_status: healthy`"""
    next_event(state, "health_status: healthy", state["id"])
    seen = api.get(f"/containers/{state['id']}/json")["State"]["Health"]
    need(seen["Status"] == "healthy" and seen["FailingStreak"] == 0, str(seen))
    member(seen, "Log.0.ExitCode", int)
    made = api.post(f"/containers/{state['id']}/exec", {"Cmd": ["touch", "/sick"]})
    api.ask("POST", f"/exec/{made['Id']}/start", {"Detach": True}, want=200)
    until("exec ended", lambda: not api.get(f"/exec/{made['Id']}/json")["Running"])
    next_event(state, "health_status: unhealthy", state["id"])


def stats(state):
    """stats: a stream, a sample a second; a time, and memory as usage less inactive_file"""
    stream = lines(api.open("GET", f"/containers/{state['id']}/stats?stream=1", timeout=18))
    next(stream)
    sample = next(stream)
    is_time(sample["read"])
    for path in ("cpu_stats.cpu_usage.total_usage", "precpu_stats.cpu_usage.total_usage", "cpu_stats.system_cpu_usage"):
        member(sample, path, int)
    member(sample, "networks.eth0.rx_bytes", int)
    # A host with both hierarchies reports 1, but its processes are counted in the one without percpu.
    if api.get("/info")["CgroupVersion"] == "1" and not os.path.isdir("/sys/fs/cgroup/unified"):
        member(sample, "cpu_stats.cpu_usage.percpu_usage.0", int)


def execute(state):
    """exec for the session manager: started detached, inspected for its pid"""
    made = api.post(f"/containers/{state['id']}/exec", {"Detach": True, "Cmd": ["sleep", "5"], "User": "0"})
    api.ask("POST", f"/exec/{made['Id']}/start", {"Detach": True}, want=200)
    seen = api.get(f"/exec/{made['Id']}/json")
    need(seen["Running"] and member(seen, "Pid", int) > 0 and seen["ContainerID"] == state["id"], str(seen))
    top = api.get(f"/containers/{state['id']}/top")
    need(top["Titles"] and len(top["Processes"]) >= 2, "top")


def stop(state):
    """stop: kill, die with exitCode, stop; the text of what is gone is matched"""
    api.ask("POST", f"/containers/{state['id']}/stop?t=1", want=204)
    event = next_event(state, "die", state["id"])
    need(member(event, "Actor.Attributes.exitCode", str) in ("137", "143"), str(event))
    seen = api.get(f"/containers/{state['id']}/json")["State"]
    need(seen["ExitCode"] == int(event["Actor"]["Attributes"]["exitCode"]) and not seen["Running"], str(seen))
    is_time(seen["FinishedAt"])
    logs = api.open("GET", f"/containers/{state['id']}/logs?stdout=1&stderr=1&tail=all").read()
    need(frames(logs)[1] == b"up\n", repr(logs))
    api.ask("DELETE", f"/containers/{state['id']}?v=1", want=204)
    state["remove"] = []
    answer = api.ask("GET", f"/containers/{state['id']}/json", want=404)
    need("No such container" in answer.message, answer.message)
    state["stream"].keep.close()


def slice_parent(_):
    """a task's cgroup: a parent that is named like a slice is taken or refused by name"""
    made = api.ask("POST", "/containers/create", {"Image": "busybox:latest", "Cmd": ["true"],
                                                  "HostConfig": {"CgroupParent": "/ecs/0123"}}, want=201).json["Id"]
    api.ask("POST", f"/containers/{made}/start", want=204)
    need(json.loads(api.open("POST", f"/containers/{made}/wait").read())["StatusCode"] == 0, "ran")
    api.ask("DELETE", f"/containers/{made}", want=204)


def volumes(_):
    """volumes of a task: create, inspect, remove; the text of one that is gone"""
    made = api.post("/volumes/create", {"Name": "ecs-task-vol", "Driver": "local", "DriverOpts": {}, "Labels": {"a": "b"}}, want=201)
    need(member(made, "Mountpoint", str), "Mountpoint")
    need(api.get("/volumes/ecs-task-vol")["Driver"] == "local", "inspect")
    api.ask("DELETE", "/volumes/ecs-task-vol", want=204)
    answer = api.ask("GET", "/volumes/ecs-task-vol", want=404)
    need("no such volume" in answer.message, answer.message)


def pull(_):
    """pull: what cannot be had is an error it can read, not a hang"""
    answer = api.ask("POST", "/images/create?fromImage=127.0.0.1%3A1%2Fnosuch&tag=1", timeout=60)
    text = answer.body.decode()
    need(answer.status >= 400 or '"error"' in text, f"{answer.status} {text}")


main("ecs-agent", [probe, health, ecs_init, events, create, start, healthy, stats, execute, stop, slice_parent, volumes, pull])
