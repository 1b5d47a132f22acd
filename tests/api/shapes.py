# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the shape of our answers: members that clients decode into fixed types.

A row is a path and what may stand there: s string, i integer, b boolean, o object, l list, t time in
RFC 3339, 0 null as well. "x[]" means each element of a list (which must not be empty), "x{}" each
value of an object. Usage: shapes.py SOCKET CONTAINER IMAGE NETWORK VOLUME
"""
import datetime
import http.client
import json
import re
import socket
import sys

KINDS = {
    "s": lambda v: isinstance(v, str),
    "i": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "b": lambda v: isinstance(v, bool),
    "o": lambda v: isinstance(v, dict),
    "l": lambda v: isinstance(v, list),
    "t": lambda v: isinstance(v, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", v),
    "0": lambda v: v is None,
}

ENDPOINT = """IPAMConfig o0; Links l0; Aliases l0; MacAddress s; DriverOpts o0; NetworkID s; EndpointID s;
 Gateway s; IPAddress s; IPPrefixLen i; IPv6Gateway s; GlobalIPv6Address s; GlobalIPv6PrefixLen i; DNSNames l0"""
MOUNT = "Type s; Name s; Source s; Destination s; Driver s; Mode s; RW b; Propagation s"
NETWORK = """Name s; Id s; Created t; Scope s; Driver s; EnableIPv4 b; EnableIPv6 b; IPAM o; IPAM.Driver s;
 IPAM.Options o0; IPAM.Config l0; Internal b; Attachable b; Ingress b; ConfigFrom o; ConfigFrom.Network s;
 ConfigOnly b; Containers o0; Options o0; Labels o0"""
VOLUME = "Name s; Driver s; Mountpoint s; CreatedAt t; Labels o0; Scope s; Options o0"


def below(prefix, rows):
    return ";".join(prefix + r.strip() for r in rows.split(";"))


def shapes(container, image, network, volume):
    return {
        "/version": """Version s; ApiVersion s; MinAPIVersion s; GitCommit s; GoVersion s; Os s; Arch s;
            KernelVersion s; BuildTime s; Platform.Name s; Components[].Name s; Components[].Version s;
            Components[].Details{} s""",
        "/info": """ID s; Name s; Containers i; ContainersRunning i; ContainersPaused i; ContainersStopped i;
            Images i; Driver s; DriverStatus[][] s; DockerRootDir s; Plugins.Volume[] s; Plugins.Network[] s;
            Plugins.Log[] s; Plugins.Authorization l0; MemoryLimit b; SwapLimit b; CpuCfsPeriod b;
            CpuCfsQuota b; CPUShares b; CPUSet b; PidsLimit b; OomKillDisable b; IPv4Forwarding b; Debug b;
            SystemTime t; LoggingDriver s; CgroupDriver s; CgroupVersion s;
            KernelVersion s; OperatingSystem s; OSVersion s; OSType s; Architecture s;
            NCPU i; MemTotal i; IndexServerAddress s; RegistryConfig o; HttpProxy s; HttpsProxy s; NoProxy s;
            Labels l; ExperimentalBuild b; ServerVersion s; Runtimes{}.path s; DefaultRuntime s;
            Swarm.LocalNodeState s; Swarm.NodeID s; LiveRestoreEnabled b; Isolation s; InitBinary s;
            ContainerdCommit.ID s; RuncCommit.ID s; InitCommit.ID s; SecurityOptions[] s; Warnings l0""",
        "/containers/json?size=1": """[].Id s; [].Names[] s; [].Image s; [].ImageID s; [].Command s;
            [].Created i; [].Ports[].PrivatePort i; [].Ports[].PublicPort i; [].Ports[].Type s; [].Ports[].IP s;
            [].SizeRw i; [].SizeRootFs i; [].Labels o; [].State s; [].Status s; [].HostConfig.NetworkMode s;
            [].Mounts l; """ + below("[].Mounts[].", MOUNT) + ";"
            + below("[].NetworkSettings.Networks{}.", ENDPOINT),
        f"/containers/{container}/json?size=1": """Id s; Created t; Path s; Args[] s; State.Status s;
            State.Running b; State.Paused b; State.Restarting b; State.OOMKilled b; State.Dead b; State.Pid i;
            State.ExitCode i; State.Error s; State.StartedAt t; State.FinishedAt t; Image s; ResolvConfPath s;
            HostnamePath s; HostsPath s; LogPath s; Name s; RestartCount i; Driver s; Platform s; MountLabel s;
            ProcessLabel s; AppArmorProfile s; ExecIDs l0; SizeRw i; SizeRootFs i; GraphDriver.Name s;
            GraphDriver.Data{} s; HostConfig.Binds[] s; HostConfig.NetworkMode s; HostConfig.PortBindings{}[].HostPort s;
            HostConfig.RestartPolicy.Name s; HostConfig.RestartPolicy.MaximumRetryCount i; HostConfig.AutoRemove b;
            HostConfig.LogConfig.Type s; HostConfig.LogConfig.Config o; HostConfig.Privileged b;
            HostConfig.ReadonlyRootfs b; HostConfig.Memory i; HostConfig.NanoCpus i; HostConfig.PidsLimit i0;
            HostConfig.ShmSize i; HostConfig.IpcMode s; HostConfig.CgroupnsMode s; HostConfig.PidMode s;
            HostConfig.CapAdd l0; HostConfig.CapDrop l0; HostConfig.SecurityOpt l0; HostConfig.ExtraHosts l0;
            HostConfig.GroupAdd l0; HostConfig.Dns l0; HostConfig.Devices l0; HostConfig.Ulimits l0;
            HostConfig.OomKillDisable b0; HostConfig.Runtime s; HostConfig.MaskedPaths l0;
            HostConfig.ReadonlyPaths l0; HostConfig.CgroupParent s; HostConfig.VolumesFrom l0;
            HostConfig.ConsoleSize[] i; HostConfig.OomScoreAdj i; HostConfig.PublishAllPorts b;
            Config.Hostname s; Config.Domainname s; Config.User s;
            Config.AttachStdin b; Config.Tty b; Config.OpenStdin b; Config.StdinOnce b; Config.Env l0;
            Config.Cmd l0; Config.Image s; Config.Volumes o0; Config.WorkingDir s; Config.Entrypoint l0;
            Config.Labels o; Config.ExposedPorts{} o; NetworkSettings.SandboxID s; NetworkSettings.SandboxKey s;
            NetworkSettings.Ports{}[].HostIp s; NetworkSettings.Ports{}[].HostPort s; NetworkSettings.IPAddress s;
            NetworkSettings.Gateway s; NetworkSettings.MacAddress s; NetworkSettings.IPPrefixLen i; """
            + below("Mounts[].", MOUNT) + ";" + below("NetworkSettings.Networks{}.", ENDPOINT),
        "/images/json": """[].Id s; [].ParentId s; [].RepoTags[] s; [].RepoDigests l; [].Created i; [].Size i;
            [].SharedSize i; [].Labels o0; [].Containers i""",
        f"/images/{image}/json": """Id s; RepoTags[] s; RepoDigests l; Parent s; Comment s; Created t; Author s;
            Architecture s; Os s; Size i; DockerVersion s; GraphDriver.Name s; RootFS.Type s; RootFS.Layers[] s;
            Metadata.LastTagTime t; Config.Env l0; Config.Cmd l0; ContainerConfig o0""",
        f"/images/{image}/history": "[].Id s; [].Created i; [].CreatedBy s; [].Tags l0; [].Size i; [].Comment s",
        "/networks": below("[].", NETWORK),
        f"/networks/{network}": NETWORK + """; IPAM.Config[].Subnet s; IPAM.Config[].Gateway s;
            Containers{}.Name s; Containers{}.EndpointID s; Containers{}.MacAddress s;
            Containers{}.IPv4Address s; Containers{}.IPv6Address s""",
        "/volumes": "Warnings l0; " + below("Volumes[].", VOLUME),
        f"/volumes/{volume}": VOLUME,
        f"/containers/{container}/top": "Titles[] s; Processes[][] s",
        f"/containers/{container}/stats?stream=0&one-shot=1": """read t; preread t; name s; id s; num_procs i;
            pids_stats o; cpu_stats.cpu_usage.total_usage i; cpu_stats.online_cpus i; precpu_stats o;
            memory_stats o; networks{}.rx_bytes i; networks{}.tx_packets i; blkio_stats o""",
        "/system/df": "LayersSize i; Images[].Id s; Containers[].Id s; Volumes[].UsageData.Size i; BuildCache l0",
    }


def steps(path):
    return re.findall(r"\[\]|\{\}|[^.\[\]{}]+", path)


def check(value, path, kinds, where):
    """Yields a sentence for each thing that is not as it should be."""
    if not path:
        if not any(KINDS[k](value) for k in kinds):
            yield f"{where}: {json.dumps(value)[:60]} is not of {kinds}"
        return
    step, rest = path[0], path[1:]
    if step in ("[]", "{}"):
        want = list if step == "[]" else dict
        if not isinstance(value, want) or (not value and where != ""):
            yield f"{where}: {json.dumps(value)[:60]} has no elements"
            return
        members = enumerate(value) if want is list else value.items()
        found = [list(check(m, rest, kinds, f"{where}[{k}]")) for k, m in members]
        # Members of some elements only (a port's IP): one good element is enough in lists of objects.
        if found and all(found):
            yield found[0][0]
        return
    if not isinstance(value, dict) or step not in value:
        yield f"{where}.{step}: missing"
        return
    yield from check(value[step], rest, kinds, f"{where}.{step}")


def get(sock, path):
    c = http.client.HTTPConnection("d")
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(sock)
    c.request("GET", "/v1.51" + path)
    r = c.getresponse()
    return r.status, json.loads(r.read())


def main():
    bad = rows = 0
    for path, text in shapes(*sys.argv[2:]).items():
        status, answer = get(sys.argv[1], path)
        if status != 200:
            print(f"{path}: status {status}: {answer}")
            bad += 1
            continue
        for row in filter(None, (r.strip() for r in text.split(";"))):
            rows += 1
            name, kinds = row.split()
            for sentence in check(answer, steps(name), kinds, ""):
                print(f"{path}{sentence}")
                bad += 1
    print(f"{rows} rows, {bad} wrong")
    return bad > 0


sys.exit(main())
