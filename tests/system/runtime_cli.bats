#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# crun-lite-runtime as callers of runc use it: verbs, flags, texts, exit codes.

load helpers

setup() { make_bundle; }
teardown() { remove_all; }

@test "run: the payload's exit code, and 128+n for a signal" {
	in_container 'exit 7'
	[ "$status" -eq 7 ]
	configure '.process.args=["sh","-c","sh -c \"kill -9 \\$\\$\"; exit $?"]'
	run rt run -b "$BUNDLE" "$ID"
	[ "$status" -eq 137 ]
}

@test "run: what cannot be executed answers 127 or 126 with Docker's texts" {
	container_exec nope
	[ "$status" -eq 127 ]
	[ "$output" = 'crun-lite-runtime: exec: "nope": executable file not found in $PATH' ]
	container_exec /nope
	[ "$status" -eq 127 ]
	[[ "$output" == *'exec: "/nope": stat /nope: no such file or directory' ]]
	container_exec /etc/passwd
	[ "$status" -eq 126 ]
	[[ "$output" == *'exec: "/etc/passwd": permission denied' ]]
	container_exec /etc
	[ "$status" -eq 126 ]
	chmod +x "$ROOTFS/etc/passwd"
	container_exec /etc/passwd
	[ "$status" -eq 126 ]
	[[ "$output" == *"exec format error"* ]]
}

@test "run leaves nothing: state, cgroup, mounts" {
	in_container true
	[ "$status" -eq 0 ]
	[ ! -e "$ROOT/$ID" ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -name "$ID" 2>/dev/null)" ]
	refute grep -q "$WORK" /proc/self/mountinfo
}

@test "run: a failed start leaves nothing" {
	container_exec nope
	[ ! -e "$ROOT/$ID" ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -name "$ID" 2>/dev/null)" ]
}

@test "create, state, start, kill, delete: the states callers wait for" {
	configure '.process.args=["sleep","100"]'
	rt create -b "$BUNDLE" --pid-file "$WORK/pid" "$ID" </dev/null >/dev/null 2>&1 3>&-
	[ "$(rt state "$ID" | jq -r .status)" = created ]
	[ "$(rt state "$ID" | jq -r .pid)" = "$(cat "$WORK/pid")" ]
	[ "$(rt state "$ID" | jq -r .bundle)" = "$(realpath "$BUNDLE")" ]
	rt start "$ID"
	[ "$(rt state "$ID" | jq -r .status)" = running ]
	run rt start "$ID"
	[ "$status" -ne 0 ]
	run rt delete "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"not stopped: running"* ]]
	rt kill "$ID" KILL
	local i
	for i in $(seq 50); do [ "$(rt state "$ID" | jq -r .status)" = stopped ] && break; sleep 0.1; done
	[ "$(rt state "$ID" | jq -r .status)" = stopped ]
	run rt kill "$ID" 9
	[ "$status" -ne 0 ]
	[[ "$output" == *"container not running"* ]]
	rt delete "$ID"
	run rt state "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"does not exist"* ]]
}

@test "create reports a missing program before start" {
	configure '.process.args=["nope"]'
	run rt create -b "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"executable file not found"* ]]
	[ ! -e "$ROOT/$ID" ]
}

@test "the same id twice is refused" {
	start_background
	run rt run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"exists"* ]]
	[ "$(rt state "$ID" | jq -r .status)" = running ]
}

@test "list: table, json, quiet" {
	start_background
	[ "$(rt list -q)" = "$ID" ]
	[ "$(rt list -f json | jq -r '.[0].id + " " + .[0].status')" = "$ID running" ]
	rt list | grep -q "$ID"
}

@test "delete --force: of a running one, and of none" {
	start_background
	rt delete --force "$ID"
	run rt state "$ID"
	[ "$status" -ne 0 ]
	rt delete --force "$ID"
}

@test "kill --all and by number; an unknown signal is refused" {
	start_background
	run rt kill "$ID" NOPE
	[ "$status" -ne 0 ]
	rt kill --all "$ID" 9
	local i
	for i in $(seq 50); do [ "$(rt state "$ID" | jq -r .status)" = stopped ] && break; sleep 0.1; done
	[ "$(rt state "$ID" | jq -r .status)" = stopped ]
}

@test "pause, resume; exec into a paused one is refused and does not hang" {
	start_background
	rt pause "$ID"
	[ "$(rt state "$ID" | jq -r .status)" = paused ]
	run timeout 5 "$RUNTIME" --root "$ROOT" exec "$ID" true
	[ "$status" -ne 0 ]
	[ "$status" -ne 124 ]
	rt resume "$ID"
	[ "$(rt state "$ID" | jq -r .status)" = running ]
	rt exec "$ID" true
}

@test "exec: exit codes, user, cwd, env, descriptors, one filter, no inheritable capabilities" {
	start_background
	run rt exec "$ID" sh -c 'exit 9'
	[ "$status" -eq 9 ]
	run rt exec -u bob:wheel --cwd /tmp -e A=b "$ID" sh -c 'id -u; id -g; id -G; pwd; echo $A; echo $HOME'
	[ "$output" = "1000
10
10
/tmp
b
/home/bob" ]
	run rt exec -u 1 "$ID" id -u
	[ "$output" = 1 ]
	run rt exec "$ID" grep -E 'CapInh|CapAmb|CapEff|NoNew|Seccomp_' /proc/self/status
	[ "$output" = "CapInh:	0000000000000000
CapEff:	00000000a80425fb
CapAmb:	0000000000000000
NoNewPrivs:	1
Seccomp_filters:	1" ]
	run bash -c 'for i in {10..40}; do eval "exec $i</"; done; exec "$0" "$@"' \
		"$RUNTIME" --root "$ROOT" exec "$ID" probe count-fds 3>&-
	[ "$output" = 0 ]
	run rt exec "$ID" nope
	[ "$status" -eq 127 ]
	run rt exec -u nobody "$ID" true
	[ "$status" -ne 0 ]
	[[ "$output" == *"unable to find user nobody"* ]]
}

@test "exec: every namespace and the cgroup are the container's" {
	start_background
	local pid n
	pid=$(rt state "$ID" | jq .pid)
	for n in mnt pid net ipc uts cgroup; do
		[ "$(rt exec "$ID" readlink /proc/self/ns/$n)" = "$(readlink "/proc/$pid/ns/$n")" ]
	done
	[ "$(rt exec "$ID" grep ^0:: /proc/self/cgroup)" = "0::/" ]
}

@test "CVE-2024-21626: exec with a working directory under /proc/self/fd is refused" {
	start_background
	local n
	for n in 3 5 7 8 9; do
		run bash -c 'exec 8</ ; exec "$0" "$@"' "$RUNTIME" --root "$ROOT" exec --cwd /proc/self/fd/$n "$ID" true
		[ "$status" -ne 0 ]
	done
}

@test "exec -t: a terminal on the container's own devpts" {
	start_background
	run script -qec "$RUNTIME --root $ROOT exec -t $ID sh -c 'tty; exit 3'" /dev/null
	[ "$status" -eq 3 ]
	[[ "$output" == *"/dev/pts/0"* ]]
}

@test "a terminal goes to --console-socket" {
	configure '.process.terminal=true | .process.args=["sh","-c","echo hello; tty"]'
	python3 - "$WORK/sock" >"$WORK/out" <<-'PY' 3>&- &
		import socket, sys, os
		s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1)
		c, _ = s.accept()
		msg, fds, _, _ = socket.recv_fds(c, 4096, 1)
		out = b""
		try:
		    while True:
		        d = os.read(fds[0], 4096)
		        if not d: break
		        out += d
		except OSError:
		    pass
		print(msg.decode(), out.decode())
	PY
	local i
	for i in $(seq 50); do [ -S "$WORK/sock" ] && break; sleep 0.1; done
	rt create -b "$BUNDLE" --console-socket "$WORK/sock" "$ID" >/dev/null 2>&1 3>&-
	rt start "$ID"
	wait
	grep -q /dev/ptmx "$WORK/out"
	grep -q hello "$WORK/out"
	grep -q /dev/pts/0 "$WORK/out"
}

@test "a terminal without a socket is refused where nobody would hold it" {
	configure '.process.terminal=true'
	run rt create -b "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"console socket"* ]]
}

@test "errors are one JSON line in --log" {
	run rt --log "$WORK/log" --log-format json state nope
	[ "$status" -ne 0 ]
	[ "$(jq -r .level "$WORK/log")" = error ]
	[[ "$(jq -r .msg "$WORK/log")" == *'container "nope" does not exist'* ]]
	jq -e .time "$WORK/log"
}

@test "flags that cannot be honoured are refused by name" {
	run rt --systemd-cgroup state x
	[ "$status" -ne 0 ]
	[[ "$output" == *systemd* ]]
	run rt --rootless=true list
	[ "$status" -ne 0 ]
	run rt run --nope "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"unknown option --nope"* ]]
	run rt nope
	[[ "$output" == *'unknown verb "nope"'* ]]
}

@test "config.json: broken, missing, impossible" {
	echo '{' >"$BUNDLE/config.json"
	run rt run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[[ "$output" == *"invalid JSON"* ]]
	run rt run -b "$WORK/none" "$ID"
	[ "$status" -eq 1 ]
	"$RUNTIME" spec -b "$WORK"
	jq '.ociVersion="2.0.0"' "$WORK/config.json" >"$BUNDLE/config.json"
	run rt run -b "$BUNDLE" "$ID"
	[[ "$output" == *"2.0.0"* ]]
	jq '.process.terminal=false | .linux.namespaces += [{"type":"pid"}]' "$WORK/config.json" >"$BUNDLE/config.json"
	run rt run -b "$BUNDLE" "$ID"
	[[ "$output" == *"given twice"* ]]
	[ ! -e "$ROOT/$ID" ]
}

@test "--preserve-fds passes exactly those on" {
	configure '.process.args=["sh","-c","cat <&3; { cat <&5; } 2>/dev/null; exit 0"]'
	run bash -c 'exec 3<<<three 4<<<four 5<<<five; exec "$0" "$@"' "$RUNTIME" --root "$ROOT" run --preserve-fds 2 -b "$BUNDLE" "$ID"
	[ "$output" = three ]
	run rt run --preserve-fds 500 -b "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"is not open"* ]]
}

@test "--explain tells every step with its manual page" {
	configure '.process.args=["true"]'
	run rt run --explain -b "$BUNDLE" "$ID"
	local s
	for s in rt.cgroup rt.clone rt.mount_root rt.pivot_root rt.mask_paths rt.drop_caps; do
		[[ "$output" == *"$s"* ]]
	done
	[[ "$output" == *"pivot_root(2)"* ]]
}

@test "mounts: options, a file on a missing file, copy-up, nested destinations" {
	echo data >"$WORK/file"
	mkdir -p "$WORK/dir" "$ROOTFS/seed"
	echo seed >"$ROOTFS/seed/f"
	chown 1000:1000 "$ROOTFS/seed/f"
	configure --arg w "$WORK" '.mounts += [
		{"destination":"/a/b/file","type":"bind","source":($w+"/file"),"options":["bind","ro"]},
		{"destination":"/dir","type":"bind","source":($w+"/dir"),"options":["rbind","rw","noexec"]},
		{"destination":"/seed","type":"tmpfs","source":"tmpfs","options":["tmpcopyup","size=1m"]},
		{"destination":"/dir/sub","type":"tmpfs","source":"tmpfs","options":["size=64k"]}]'
	in_container 'cat /a/b/file; echo x 2>/dev/null >/a/b/file || echo ro; stat -c %u /seed/f; echo y >/seed/f; grep -c noexec.*/dir /proc/mounts; grep " /dir " /proc/mounts | grep -c noexec; touch /dir/sub/x && echo sub'
	[ "$output" = "data
ro
1000
0
1
sub" ]
	[ "$(cat "$ROOTFS/seed/f")" = seed ]
}

@test "user, groups, HOME, cwd that does not exist, hostname, rlimits, umask" {
	configure '.process.user={"uid":1000,"gid":1000,"additionalGids":[10,29],"umask":63} | .process.cwd="/new/dir"
		| .hostname="named" | .process.rlimits=[{"type":"RLIMIT_NOFILE","soft":100,"hard":200}]'
	in_container 'id -u; id -G; echo $HOME; pwd; hostname; ulimit -n; ulimit -Hn; umask'
	[ "$output" = "1000
1000 10 29
/home/bob
/new/dir
named
100
200
0077" ]
}

@test "namespaces are joined by path" {
	start_background
	local pid first=$ID
	pid=$(rt state "$ID" | jq .pid)
	ID="$ID-2"
	configure --arg p "/proc/$pid/ns" '.linux.namespaces |= map(if .type=="network" then .path=$p+"/net" elif .type=="pid" then .path=$p+"/pid" elif .type=="ipc" then .path=$p+"/ipc" elif .type=="uts" then .path=$p+"/uts" else . end) | del(.hostname)'
	in_container 'for n in net pid ipc uts mnt; do readlink /proc/self/ns/$n; done; ps | grep -c "sleep 100"'
	[ "${lines[0]}" = "$(readlink "/proc/$pid/ns/net")" ]
	[ "${lines[1]}" = "$(readlink "/proc/$pid/ns/pid")" ]
	[ "${lines[2]}" = "$(readlink "/proc/$pid/ns/ipc")" ]
	[ "${lines[3]}" = "$(readlink "/proc/$pid/ns/uts")" ]
	[ "${lines[4]}" != "$(readlink "/proc/$pid/ns/mnt")" ]
	rt delete --force "$first"
}

@test "the host's network, and a time namespace with an offset" {
	configure '.linux.namespaces |= map(select(.type!="network")) + [{"type":"time"}] | .linux.timeOffsets={"boottime":{"secs":1000000}}'
	in_container 'readlink /proc/self/ns/net; cut -d. -f1 /proc/uptime'
	[ "${lines[0]}" = "$(readlink /proc/self/ns/net)" ]
	[ "${lines[1]}" -gt 1000000 ]
}

@test "features is JSON with what callers read" {
	"$RUNTIME" features | jq -e '.ociVersionMax and (.linux.namespaces|index("pid")) and (.mountOptions|index("rro")) and .linux.seccomp.enabled'
}

@test "a limit that this host cannot set is a warning that names the controller" {
	[ ! -e /sys/fs/cgroup/cgroup.controllers ] || skip "this host has all controllers in cgroup2: covered by tests/vm"
	configure '.linux.resources={"memory":{"limit":67108864}}'
	in_container true
	[ "$status" -eq 0 ]
	[[ "$output" == *'memory limit is not applied: controller "memory"'* ]]
}

@test "a field that is not applied is a warning that names it" {
	[ -d /sys/fs/cgroup/unified ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "no cgroup2 hierarchy"
	configure '.linux.resources={"memory":{"kernel":1048576,"kernelTCP":1,"swappiness":0,"disableOOMKiller":true,"useHierarchy":false,"checkBeforeUpdate":true},
		"cpu":{"realtimeRuntime":1,"realtimePeriod":2},
		"blockIO":{"leafWeight":10,"weightDevice":[{"major":8,"minor":0,"weight":10}]},
		"network":{"classID":1},"rdma":{"mlx5_0":{"hcaHandles":1}}}
		| .mounts += [{"destination":"/again","type":"bind","source":"/tmp","options":["bind","remount","ro"]}]'
	in_container true
	[ "$status" -eq 0 ]
	local field
	for field in memory.kernel memory.kernelTCP memory.swappiness memory.disableOOMKiller \
		memory.useHierarchy=false memory.checkBeforeUpdate cpu.realtimeRuntime cpu.realtimePeriod \
		blockIO.leafWeight blockIO.weightDevice network rdma; do
		[[ "$output" == *"linux.resources.$field is not offered"* ]]
	done
	[[ "$output" == *'mount /again: option "remount" is not applied'* ]]
}

@test "process fields that are not offered are refused by name, in run and in exec" {
	local field
	for field in '"scheduler":{"policy":"SCHED_OTHER"}' '"ioPriority":{"class":"IOPRIO_CLASS_IDLE","priority":1}' \
		'"execCPUAffinity":{"initial":"0"}'; do
		configure "del(.process.scheduler,.process.ioPriority,.process.execCPUAffinity) | .process += {$field}"
		in_container true
		[ "$status" -ne 0 ]
		[[ "$output" == *"process.$(cut -d'"' -f2 <<<"$field") is not offered"* ]]
	done
	configure 'del(.process.scheduler,.process.ioPriority,.process.execCPUAffinity)'
	start_background
	echo '{"cwd":"/","args":["true"],"user":{"uid":0,"gid":0},"scheduler":{"policy":"SCHED_OTHER"}}' >"$WORK/process.json"
	run rt exec --process "$WORK/process.json" "$ID"
	[ "$status" -ne 0 ]
	[[ "$output" == *"process.scheduler is not offered"* ]]
}

@test "hooks: each at its time, with the state on stdin; their order" {
	cat >"$WORK/hook" <<-'SH'
		#!/bin/sh
		echo "$1 $(jq -r '.id + " " + .status')" >>"$2"
	SH
	chmod +x "$WORK/hook"
	local jq='[{"path":$h,"args":["hook",$n,$l],"env":["PATH=/usr/bin:/bin"]}]' n
	for n in prestart createRuntime createContainer poststart poststop; do
		configure --arg h "$WORK/hook" --arg n "$n" --arg l "$WORK/log" ".hooks[\$n]=$jq"
	done
	configure '.hooks.startContainer=[{"path":"/bin/touch","args":["touch","/started"]}] | .process.args=["ls","/started"]'
	run rt run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = /started ]
	[ "$(cat "$WORK/log")" = "prestart $ID creating
createRuntime $ID creating
createContainer $ID creating
poststart $ID running
poststop $ID stopped" ]
}

@test "hooks: one that fails or hangs ends the start, and nothing is left" {
	local n
	for n in prestart createRuntime createContainer startContainer poststart; do
		configure --arg n "$n" 'del(.hooks) | .hooks[$n]=[{"path":"/bin/false"}]'
		run rt run -b "$BUNDLE" "$ID"
		[ "$status" -ne 0 ]
		[[ "$output" == *"$n: hook /bin/false"* ]]
		[ ! -e "$ROOT/$ID" ]
	done
	configure 'del(.hooks) | .hooks.createRuntime=[{"path":"/bin/sleep","args":["sleep","60"],"timeout":1}]'
	run timeout 10 "$RUNTIME" --root "$ROOT" run -b "$BUNDLE" "$ID"
	[ "$status" -ne 124 ]
	[[ "$output" == *"did not end within 1 s"* ]]
}
