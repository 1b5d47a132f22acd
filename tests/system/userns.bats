#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers with users of their own, by the OCI command line: each step of runtime/outer.c, and
# attacks on what it protects.

load helpers

BASE=1879048192

setup() {
	make_bundle
	chown -R $BASE:$BASE "$ROOTFS"
	configure '.linux.namespaces += [{"type":"user"}]
		| .linux.uidMappings=[{"containerID":0,"hostID":1879048192,"size":65536}]
		| .linux.gidMappings=[{"containerID":0,"hostID":1879048192,"size":65536}]'
}

teardown() { remove_all; }

add_mount() { # DESTINATION SOURCE OPTION...
	configure --arg d "$1" --arg s "$2" '.mounts += [{"destination":$d,"source":$s,"type":"bind","options":$ARGS.positional}]' --args "${@:3}"
}

@test "root inside is nobody outside, with all it needs: map, groups, capabilities, filter, devices" {
	in_container 'id -u; cat /proc/self/uid_map /proc/self/gid_map | tr -s " "; grep -E "CapEff|Seccomp:" /proc/self/status
		stat -c "%u:%g %F" /dev/null /dev/tty; echo x >/dev/null && head -c 3 /dev/zero | wc -c; ls -d /dev/fd /dev/ptmx'
	[ "$status" -eq 0 ]
	[ "$output" = "0
 0 1879048192 65536
 0 1879048192 65536
CapEff:	00000000a80425fb
Seccomp:	2
0:0 character special file
0:0 character special file
3
/dev/fd
/dev/ptmx" ]
	start_background
	[ "$(stat -c %u:%g "/proc/$(rt state "$ID" | jq .pid)")" = $BASE:$BASE ]
}

@test "files of the host's root in a folder that is not mapped cannot be written, even with all capabilities" {
	mkdir "$WORK/share"
	echo secret >"$WORK/share/key"
	chmod 600 "$WORK/share/key"
	chmod 755 "$WORK/share"
	add_mount /share "$WORK/share" rbind
	configure '.process.capabilities |= with_entries(.value = ["CAP_DAC_OVERRIDE","CAP_DAC_READ_SEARCH","CAP_FOWNER","CAP_CHOWN","CAP_SETFCAP","CAP_MKNOD","CAP_SYS_ADMIN"]) | del(.linux.seccomp)'
	in_container 'cat /share/key; echo x >>/share/key; touch /share/new; chmod 666 /share/key; chown 0:0 /share/key; rm -f /share/key; stat -c %u /share/key'
	[[ "$output" == *65534 ]]
	[[ "$output" != *secret* ]]
	[ "$(cat "$WORK/share/key")" = secret ]
	[ "$(stat -c %u:%a "$WORK/share/key")" = 0:600 ]
	[ ! -e "$WORK/share/new" ]
}

@test "idmap: a folder of the host's root belongs to the container's root, and back" {
	mkdir "$WORK/share"
	echo a >"$WORK/share/a"
	chown 1000:5 "$WORK/share/a"
	add_mount /share "$WORK/share" rbind ridmap
	in_container 'stat -c %u:%g /share /share/a; echo b >/share/b; chown 7:8 /share/b; stat -c %u:%g /share/b'
	[ "$output" = "0:0
1000:5
7:8" ]
	[ "$(stat -c %u:%g "$WORK/share/b")" = 7:8 ]
}

@test "a mount with a map of its own needs no user namespace of the container" {
	mkdir "$WORK/share"
	chown -R 0:0 "$ROOTFS"
	touch "$WORK/share/a"
	configure --arg s "$WORK/share" '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)
		| .mounts += [{"destination":"/share","source":$s,"type":"bind","options":["bind"],
			"uidMappings":[{"containerID":0,"hostID":500,"size":10}],"gidMappings":[{"containerID":0,"hostID":600,"size":10}]}]'
	in_container 'stat -c %u:%g /share/a'
	[ "$output" = 500:600 ]
	configure '.mounts[-1] |= (del(.uidMappings, .gidMappings) | .options=["bind","idmap"])'
	in_container true
	[ "$status" -ne 0 ]
	[[ "$output" == *"mount /share: option idmap needs uidMappings"* ]]
}

@test "a file system that cannot be mapped is named" {
	add_mount /p /proc/sys bind idmap
	in_container true
	[ "$status" -ne 0 ]
	[[ "$output" == *"/proc/sys: its file system (proc) cannot show files under mapped user ids"* ]]
}

@test "mknod, foreign mounts, the host's settings: refused with every capability and no filter" {
	configure '.process.capabilities |= with_entries(.value = ["CAP_SYS_ADMIN","CAP_MKNOD","CAP_SYS_RAWIO","CAP_DAC_OVERRIDE","CAP_SYS_PTRACE","CAP_SYS_MODULE","CAP_SYS_RESOURCE","CAP_SYS_TIME"]) | del(.linux.seccomp)
		| .linux.maskedPaths=[] | .linux.readonlyPaths=[] | del(.mounts[] | select(.destination=="/sys/fs/cgroup"))'
	in_container 'for n in "c 1 1" "b 7 0" "c 1 3"; do mknod /tmp/n $n && echo made $n; mknod /dev/n $n && echo made $n; done
		mount -t ext4 /dev/loop0 /tmp && echo mounted; mount -o remount,rw /sys && echo sysrw
		echo x >/proc/sys/kernel/core_pattern && echo core; echo b >/proc/sysrq-trigger && echo sysrq
		echo 1 >/proc/sys/vm/drop_caches && echo vm; date -s 2000-01-01; [ "$(date +%Y)" != 2000 ] || echo time
		echo -1000 >/proc/self/oom_score_adj && echo oom; cat /proc/1/root/bin/busybox >/dev/null && echo own'
	[ "${lines[-1]}" = own ]
	for word in made mounted core sysrq vm time oom; do
		[[ $'\n'"$output"$'\n' != *$'\n'$word* ]] || { echo "$output"; return 1; }
	done
}

@test "a setuid file made inside belongs to the container's root outside" {
	in_container 'cp /bin/busybox /tmp/su; chmod 4755 /tmp/su; stat -c "%u %a" /tmp/su'
	[ "$output" = "0 4755" ]
	[ "$(stat -c %u "$ROOTFS/tmp/su")" = $BASE ]
}

@test "the outside's processes are out of reach: no root, no memory, no signal" {
	sleep 100 &
	local pid=$!
	configure '.linux.namespaces |= map(select(.type != "pid")) | .process.capabilities |= with_entries(.value = ["CAP_SYS_PTRACE","CAP_KILL","CAP_DAC_OVERRIDE","CAP_DAC_READ_SEARCH","CAP_SYS_ADMIN"]) | del(.linux.seccomp)
		| .mounts |= map(if .destination == "/proc" then {"destination":"/proc","type":"bind","source":"/proc","options":["rbind"]} else . end)'
	in_container "ls /proc/$pid/root/ && echo root; cat /proc/$pid/environ && echo env; kill -9 $pid && echo killed; nsenter -t $pid -m true && echo entered; echo end"
	kill $pid
	[ "${lines[-1]}" = end ]
	for word in root env killed entered; do
		[[ $'\n'"$output"$'\n' != *$'\n'$word$'\n'* ]] || { echo "$output"; return 1; }
	done
}

@test "limits that only the host's root may raise are set from outside" {
	configure '.process.rlimits=[{"type":"RLIMIT_NOFILE","soft":200,"hard":300},{"type":"RLIMIT_CORE","soft":0,"hard":0}] | .process.oomScoreAdj=700'
	in_container 'ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj'
	[ "$output" = "200
300
0
700" ]
}

@test "/dev/stdout can be opened again, by root and by a user, in run and in exec" {
	configure '.process.args=["sh","-c","echo one >/dev/stdout"]'
	[ "$(rt run -b "$BUNDLE" "$ID" | cat)" = one ]
	configure '.process.user={"uid":1000,"gid":1000}'
	[ "$(rt run -b "$BUNDLE" "$ID" | cat)" = one ]
	configure '.process.user={"uid":0,"gid":0}'
	start_background
	[ "$(rt exec "$ID" sh -c 'echo two >/dev/stdout' | cat)" = two ]
	[ "$(rt exec -u bob "$ID" sh -c 'id -u >/dev/stdout' | cat)" = 1000 ]
}

@test "exec enters the user namespace, with its limits and capabilities" {
	start_background
	run rt exec "$ID" sh -c '[ "$(readlink /proc/self/ns/user)" = "$(readlink /proc/1/ns/user)" ] && echo 1; grep CapEff /proc/self/status; mknod /tmp/n c 1 3 2>/dev/null || echo refused'
	[ "$output" = "1
CapEff:	00000000a80425fb
refused" ]
}

@test "a user that the map does not have is an error that says so" {
	configure '.process.user={"uid":70000,"gid":0}'
	in_container true
	[ "$status" -ne 0 ]
	[[ "$output" == *"setresuid 70000: the container's user namespace does not have this id"* ]]
}

@test "wrong maps are refused by name, before anything is made" {
	configure '.linux.uidMappings=[{"containerID":1,"hostID":100000,"size":10}]'
	in_container true
	[[ "$output" == *"must map container id 0"* ]]
	configure '.linux.uidMappings=[]'
	in_container true
	[[ "$output" == *"uidMappings: empty"* ]]
	configure '.linux.uidMappings=[{"containerID":0,"hostID":100000,"size":10},{"containerID":5,"hostID":200000,"size":10}]'
	in_container true
	[[ "$output" == *"uidMappings[1] overlaps [0]"* ]]
	configure '.linux.namespaces |= map(select(.type != "user"))'
	in_container true
	[[ "$output" == *"linux.uidMappings: the container has no user namespace"* ]]
	[ ! -e "$ROOT/$ID" ]
}

@test "a user namespace is joined by path, and its network is in one's own hands" {
	start_background
	local pid other
	pid=$(rt state "$ID" | jq .pid)
	other=$ID
	configure --arg p "/proc/$pid/ns" '.linux.namespaces |= map(if .type == "user" or .type == "network" then .path = $p + "/" + ({"user":"user","network":"net"}[.type]) else . end)
		| del(.linux.uidMappings, .linux.gidMappings) | .process.capabilities |= with_entries(.value = ["CAP_NET_ADMIN"])'
	ID=$ID-2
	in_container 'readlink /proc/self/ns/user; ip link set lo mtu 9000 && cat /sys/class/net/lo/mtu'
	[ "$output" = "$(readlink "/proc/$pid/ns/user")
9000" ]
	rt delete --force "$other"
}

@test "with the host's network /sys is the host's, and read-only" {
	configure '.linux.namespaces |= map(select(.type != "network"))'
	in_container 'ls /sys/class/net | grep -x lo; touch /sys/x; awk "\$5 == \"/sys\" {print substr(\$6, 1, 2)}" /proc/self/mountinfo'
	[ "${lines[0]}" = lo ]
	[ "${lines[-1]}" = ro ]
}

@test "the cgroup is the container's to manage where it is mounted writable, and not otherwise" {
	configure '.linux.cgroupsPath="/crl-userns-'"$ID"'/c"'
	in_container 'mkdir /sys/fs/cgroup/sub && echo made; stat -c %u /sys/fs/cgroup/cgroup.procs'
	[[ "$output" != *made* ]]
	configure '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
	in_container 'mkdir /sys/fs/cgroup/sub && echo made; stat -c %u /sys/fs/cgroup/cgroup.procs; rmdir /sys/fs/cgroup/sub; stat -c %u /sys/fs/cgroup/cgroup.freeze 2>/dev/null || echo none'
	[ "${lines[0]}" = made ]
	[ "${lines[1]}" = 0 ]
	[ "${lines[2]}" != 0 ]
}

@test "two containers at once make their own maps; no process, no mount, no descriptor is left" {
	local before
	before=$(wc -l </proc/self/mountinfo)
	in_container true
	[ "$status" -eq 0 ]
	[ "$(wc -l </proc/self/mountinfo)" = "$before" ]
	run pgrep -f "[c]run-lite-runtime.*$ID"
	[ -z "$output" ]
}
