# SPDX-License-Identifier: GPL-2.0-or-later
"""What `docker compose` (v2 to v5) asks for `up`, `ps`, `logs`, `exec`, `down`, and insists on.

From its sources: project objects are found by label, networks by name and id, containers are made
with all their networks at once where the API has that (1.44), and start order waits on inspect.
Usage: compose_v2.py SOCKET
"""
import sys
import threading

from wire import Api, frames, is_time, lines, main, member, need, read_all, until

SOCKET = sys.argv[1]
PROJECT = {"com.docker.compose.project": "shop"}
api = Api(SOCKET)


def labels(service, number="1"):
    return {**PROJECT, "com.docker.compose.service": service, "com.docker.compose.container-number": number,
            "com.docker.compose.oneoff": "False", "com.docker.compose.config-hash": "c0ffee" * 10,
            "com.docker.compose.version": "2.40.0", "com.docker.compose.depends_on": ""}


def filters(*more):
    return {"label": {x: True for x in ("com.docker.compose.project=shop",) + more}}


def negotiate(_):
    """negotiation: ping, then the highest version both know"""
    global api
    answer = api.ask("HEAD", "/_ping", want=200)
    highest = answer.headers["api-version"]
    need(answer.headers.get("ostype") == "linux" and highest >= "1.44", highest)
    api = Api(SOCKET, "/v" + highest)
    need(answer.headers.get("builder-version") in ("1", "2"), "Builder-Version")


def nothing_yet(_):
    """what is there: containers, networks and volumes of the project, by label"""
    need(api.get("/containers/json?all=1", filters=filters("com.docker.compose.config-hash")) == [], "no containers")
    need(api.get("/networks", filters=filters()) == [], "no networks")
    need(api.get("/volumes", filters=filters())["Volumes"] in ([], None), "no volumes")
    need(api.get("/images/busybox:latest/json")["Id"], "image by name")


def network(state):
    """networks: looked up by name (404), then created with labels; the same name again is 409"""
    need("not found" in api.ask("GET", "/networks/shop_front", want=404).message, "404")
    need(api.get("/networks", filters={"name": {"shop_front": True}}) == [], "by filter")
    for name in ("front", "back"):
        made = api.post("/networks/create", {"Name": f"shop_{name}", "Driver": "bridge", "IPAM": {}, "Internal": name == "back",
                                             "Attachable": False, "EnableIPv6": False, "Options": None, "CheckDuplicate": True,
                                             "Labels": {**PROJECT, "com.docker.compose.network": name}}, want=201)
        state[name] = made["Id"]
    answer = api.ask("POST", "/networks/create", {"Name": "shop_front", "CheckDuplicate": True}, want=409)
    need("network with name shop_front already exists" in answer.message, answer.message)
    seen = api.get("/networks/shop_back")
    need(seen["Internal"] is True and seen["Labels"]["com.docker.compose.network"] == "back", "echo")
    member(seen, "IPAM.Config.0.Subnet", str)


def volume(_):
    """volumes: 404, then created with labels; inspected for their labels afterwards"""
    need("no such volume" in api.ask("GET", "/volumes/shop_data", want=404).message, "404")
    api.post("/volumes/create", {"Name": "shop_data", "Driver": "local", "Labels": {**PROJECT, "com.docker.compose.volume": "data"}}, want=201)
    need(api.get("/volumes/shop_data")["Labels"]["com.docker.compose.volume"] == "data", "labels")


def create(state, service, body=None, networks=("front",), **host):
    endpoints = {f"shop_{n}": {"Aliases": [f"shop-{service}-1", service], "IPAMConfig": None, "Links": None, "DriverOpts": None,
                               "MacAddress": "", "NetworkID": "", "EndpointID": "", "Gateway": "", "IPAddress": "",
                               "IPPrefixLen": 0, "IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0,
                               "DNSNames": None, "GwPriority": 0} for n in networks}
    made = api.post(f"/containers/create?name=shop-{service}-1", {
        "Image": "busybox:latest", "Labels": labels(service), "AttachStdout": True, "AttachStderr": True, "Hostname": "",
        "Env": ["A=b"], "Cmd": ["sleep", "1000"], **(body or {}),
        "HostConfig": {"NetworkMode": f"shop_{networks[0]}", "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
                       "PortBindings": {}, "Binds": None, "LogConfig": {"Type": "", "Config": None}, "Links": None,
                       "ExtraHosts": ["host.docker.internal:host-gateway"], **host},
        "NetworkingConfig": {"EndpointsConfig": endpoints}}, want=201)
    need(made["Warnings"] is not None, "Warnings is a list")
    state[service] = made["Id"]
    state.setdefault("remove", []).insert(0, (api, made["Id"]))
    return made["Id"]


def database(state):
    """db: on the inner network, with a named volume and a health check; started; waited for"""
    create(state, "db", {"Healthcheck": {"Test": ["CMD-SHELL", "test -e /data/ok || { touch /data/ok; false; }"],
                                         "Interval": 300000000, "Timeout": 1000000000, "Retries": 5}}, ("back",),
           Mounts=[{"Type": "volume", "Source": "shop_data", "Target": "/data", "VolumeOptions": {}}])
    api.ask("POST", f"/containers/{state['db']}/start", want=204)
    first = member(api.get(f"/containers/{state['db']}/json"), "State.Health.Status", str)
    need(first == "starting", first)
    until("healthy", lambda: api.get(f"/containers/{state['db']}/json")["State"]["Health"]["Status"] == "healthy")


def application(state):
    """app: on two networks at once, which reach db and web by their names"""
    create(state, "app", {"Cmd": ["sh", "-c", "while :; do echo tick; sleep 0.2; done"]}, ("back", "front"))
    seen = api.get(f"/containers/{state['app']}/json")
    need(set(seen["NetworkSettings"]["Networks"]) == {"shop_back", "shop_front"}, "both before the start")
    api.ask("POST", f"/containers/{state['app']}/start", want=204)
    seen = api.get(f"/containers/{state['app']}/json")
    for name in ("shop_back", "shop_front"):
        need(member(seen, f"NetworkSettings.Networks.{name}.IPAddress", str), name)
        names = member(seen, f"NetworkSettings.Networks.{name}.DNSNames", list)
        need("app" in names and "shop-app-1" in names and seen["Id"][:12] in names, str(names))
        need("app" in member(seen, f"NetworkSettings.Networks.{name}.Aliases", list), "aliases")


def web(state):
    """web: a published port; names of its network resolve, those of the other do not"""
    create(state, "web", {"ExposedPorts": {"80/tcp": {}}}, ("front",),
           PortBindings={"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]})
    api.ask("POST", f"/containers/{state['web']}/start", want=204)
    need(execute(state, "web", ["nslookup", "app"])[0] == 0, "app resolves")
    need(execute(state, "web", ["nslookup", "db"])[0] != 0, "db does not")
    need(execute(state, "app", ["nslookup", "db"])[0] == 0, "db resolves for app")
    need(execute(state, "app", ["cat", "/etc/hosts"])[1].count(b"host.docker.internal") == 1, "host-gateway")


def execute(state, service, command):
    made = api.post(f"/containers/{state[service]}/exec", {"AttachStdout": True, "AttachStderr": True, "Cmd": command, "Env": None})
    s, rest = api.hijack(f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False})
    out = frames(read_all(s, rest))
    return api.get(f"/exec/{made['Id']}/json")["ExitCode"], out[1] + out[2]


def ps(state):
    """ps: by project and service; state, ports, labels, and the networks with their addresses"""
    found = api.get("/containers/json?all=1", filters=filters("com.docker.compose.oneoff=False"))
    need({c["Labels"]["com.docker.compose.service"] for c in found} == {"db", "app", "web"}, "all three")
    one = [c for c in found if c["Id"] == state["web"]][0]
    need(one["State"] == "running" and member(one, "Ports.0.PublicPort", int) > 0 and one["Ports"][0]["PrivatePort"] == 80, str(one["Ports"]))
    need(member(one, "NetworkSettings.Networks.shop_front.IPAddress", str), "address in the list")
    need("(healthy)" in [c for c in found if c["Id"] == state["db"]][0]["Status"], "health in Status")


def logs(state):
    """logs: followed while events tell of containers that come and go"""
    stream = api.open("GET", f"/containers/{state['app']}/logs?follow=1&stdout=1&stderr=1&tail=2&timestamps=0")
    need(stream.status == 200 and b"tick" in stream.read(13), "a line")
    stream.keep.close()


def events(state):
    """events: by label, while the service is restarted; order kill, die, stop, start, restart"""
    seen = []
    stream = api.open("GET", "/events", filters={"type": {"container": True}, "label": {"com.docker.compose.project=shop": True}})

    def collect():
        try:
            for e in lines(stream):
                if e["Actor"]["ID"] == state["app"] and e["Action"] in ("kill", "die", "stop", "start", "restart"):
                    seen.append(e["Action"])
                    if e["Action"] == "restart":
                        return
        except (OSError, ValueError):
            pass
    reader = threading.Thread(target=collect)
    reader.start()
    api.ask("POST", f"/containers/{state['app']}/restart?t=0", want=204)
    reader.join(10)
    stream.keep.close()
    need([a for a in seen if a != "kill"] == ["die", "stop", "start", "restart"] and seen[0] == "kill", str(seen))


def recreate(state):
    """a changed service: a new container under another name, the old one stopped and removed, then renamed"""
    made = api.post(f"/containers/create?name={state['web'][:12]}_shop-web-1", {
        "Image": "busybox:latest", "Cmd": ["sleep", "1001"], "Labels": {**labels("web"), "com.docker.compose.replace": state["web"]},
        "HostConfig": {"NetworkMode": "shop_front"}, "NetworkingConfig": {"EndpointsConfig": {"shop_front": {"Aliases": ["web"]}}}}, want=201)
    api.ask("POST", f"/containers/{state['web']}/stop?t=0", want=204)
    api.ask("DELETE", f"/containers/{state['web']}", want=204)
    api.ask("POST", f"/containers/{made['Id']}/rename?name=shop-web-1", want=204)
    api.ask("POST", f"/containers/{made['Id']}/start", want=204)
    state["remove"].insert(0, (api, made["Id"]))
    state["web"] = made["Id"]
    need(execute(state, "app", ["nslookup", "shop-web-1"])[0] == 0, "its new name resolves")


def down(state):
    """down: stop, remove, networks (in use until then: 403), volumes"""
    answer = api.ask("DELETE", "/networks/shop_front", want=403)
    need("has active endpoints" in answer.message, answer.message)
    for service in ("web", "app", "db"):
        api.ask("POST", f"/containers/{state[service]}/stop?t=1", want=204)
        seen = api.get(f"/containers/{state[service]}/json")
        need(seen["State"]["Status"] == "exited", "unless-stopped stays stopped")
        is_time(seen["State"]["FinishedAt"])
        api.ask("DELETE", f"/containers/{state[service]}?v=1", want=204)
    state["remove"] = []
    for name in ("front", "back"):
        api.ask("DELETE", f"/networks/{state[name]}", want=204)
    api.ask("DELETE", "/volumes/shop_data", want=204)
    need(api.get("/containers/json?all=1", filters=filters()) == [], "none left")


main("compose-v2", [negotiate, nothing_yet, network, volume, database, application, web, ps, logs, events, recreate, down])
