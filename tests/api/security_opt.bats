#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# --security-opt word by word, namespaces of running peers, tmpfs options, cgroup parent:
# what they do, or how they are refused.
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

api() { curl -sS --unix-socket "$CRL/s" -H 'Content-Type: application/json' -w ' %{http_code}' "${@:2}" "http://d$1"; }
create() { api /containers/create -d "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":$1}"; }
opt() { crl_opts=(); for o in "$@"; do crl_opts+=(--security-opt "$o"); done; }
run_with() { opt "${@:1:$#-1}"; run crun-lite run --rm "${crl_opts[@]}" busybox sh -c "${!#}"; }

@test "mask hides, unmask and systempaths show; inspect has the lists in effect" {
	run_with mask=/etc/hostname:/home 'stat -c %t:%T /etc/hostname; touch /home/x 2>/dev/null || grep -c " /home tmpfs ro" /proc/mounts'
	[ "$output" = "1:3
1" ]
	local probe='stat -c %F /proc/keys; touch /proc/sys/kernel/hostname 2>/dev/null && echo rw || echo ro'
	run_with "$probe"
	[ "$output" = "character special file
ro" ]
	run_with unmask=ALL "$probe"
	[ "$output" = "regular empty file
rw" ]
	run_with unmask=/proc/k*:/proc/sys "$probe"
	[ "$output" = "regular empty file
rw" ]
	run_with systempaths=unconfined "$probe"
	[ "$output" = "regular empty file
rw" ]
	id=$(crun-lite create --security-opt unmask=/proc/keys --security-opt mask=/etc/motd busybox true)
	run bash -c 'curl -fsS --unix-socket "$CRL/s" "http://d/containers/$0/json" | jq -c "[.HostConfig.MaskedPaths | index(\"/proc/keys\", \"/etc/motd\") != null]"' "$id"
	[ "$output" = "[false,true]" ]
	crun-lite rm "$id"
	run create '{"SecurityOpt":["systempaths=unconfined"]}'
	id=$(jq -r .Id <<<"${output% *}")
	run bash -c 'curl -fsS --unix-socket "$CRL/s" "http://d/containers/$0/json" | jq -c .HostConfig.MaskedPaths,.HostConfig.ReadonlyPaths' "$id"
	[ "$output" = "[]
[]" ]
	crun-lite rm "$id"
}

@test "mask and unmask want absolute paths; other words are refused by name" {
	for o in mask=etc unmask=proc nope=1 nope systempaths=x no-new-privileges=maybe apparmor=docker-default label=type:x; do
		run create "{\"SecurityOpt\":[\"$o\"]}"
		[[ $output == *" 400" ]] || { echo "$o: $output"; return 1; }
		[[ $output == *"${o#*=}"* || $output == *"$o"* ]]
	done
	run create '{"Privileged":true,"SecurityOpt":["mask=/etc"]}'
	[[ $output == *"conflicting options: mask= and privileged mode"*" 400" ]]
}

@test "no-new-privileges with every truth value; seccomp unconfined, builtin, from a file" {
	local probe='grep -E "NoNewPrivs|Seccomp:" /proc/self/status | tr -d "\n\t"'
	for v in no-new-privileges no-new-privileges=true no-new-privileges:true no-new-privileges=1 no-new-privileges=T; do
		run_with "$v" "$probe"
		[ "$output" = "NoNewPrivs:1Seccomp:2" ] || { echo "$v: $output"; return 1; }
	done
	run_with no-new-privileges=0 seccomp=unconfined "$probe"
	[ "$output" = "NoNewPrivs:0Seccomp:0" ]
	run_with seccomp=builtin "$probe"
	[ "$output" = "NoNewPrivs:0Seccomp:2" ]
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >"$CRL/profile.json"
	run_with "seccomp=$CRL/profile.json" 'mkdir /x'
	[[ $output == *"No space left on device"* ]]
}

@test "writable-cgroups: the container's own group, and nothing above" {
	run_with 'mkdir /sys/fs/cgroup/x 2>/dev/null && echo made || echo refused'
	[ "$output" = refused ]
	run_with writable-cgroups=true 'mkdir /sys/fs/cgroup/x && rmdir /sys/fs/cgroup/x && echo made; ls /sys/fs/cgroup/..  | grep -c docker'
	[ "${lines[0]}" = made ]
	run_with writable-cgroups=false 'mkdir /sys/fs/cgroup/x 2>/dev/null && echo made || echo refused'
	[ "$output" = refused ]
	run crun-lite run --rm --userns=auto --security-opt writable-cgroups busybox sh -c 'mkdir /sys/fs/cgroup/x && rmdir /sys/fs/cgroup/x && echo made'
	[ "$output" = made ]
}

@test "tmpfs: options take effect, what tmpfs does not have is 400 at create" {
	run crun-lite run --rm --tmpfs /t:size=1m,mode=710,uid=5,gid=6,exec busybox sh -c 'stat -c "%a %u %g" /t; cp /bin/busybox /t/ && /t/busybox echo ran; df -k /t | tail -1 | awk "{print \$2}"; grep " /t " /proc/mounts | grep -c nosuid'
	[ "${lines[0]}" = "710 5 6" ]
	[ "${lines[-1]}" = 1 ]
	[ "${lines[-2]}" = 1024 ]
	run crun-lite run --rm --tmpfs /t:size=4m,exec busybox sh -c 'cp /bin/busybox /t/ && /t/busybox echo ran'
	[ "$output" = ran ]
	run crun-lite run --rm --tmpfs /t busybox sh -c 'cp /bin/busybox /t/ && /t/busybox echo ran'
	[ "$status" -ne 0 ]
	for o in bind rbind shared size=x mode=9 uid=a uid=4294967295 lowerdir=/ noexec=1 size remount; do
		run create "{\"Tmpfs\":{\"/x\":\"$o\"}}"
		[[ $output == *"invalid tmpfs option"*"$o"*" 400" ]] || { echo "$o: $output"; return 1; }
	done
}

@test "cgroup parent: a newline, dots and long names are 400 at create" {
	for p in '/a\nb' '/a/../b' "/$(printf 'a%.0s' $(seq 300))"; do
		run create "{\"CgroupParent\":\"$p\"}"
		[[ $output == *"invalid cgroup parent"*" 400" ]] || { echo "$p: $output"; return 1; }
	done
	id=$(crun-lite run -d --cgroup-parent /crl-parent-test busybox sleep 100)
	pid=$(curl -fsS --unix-socket "$CRL/s" "http://d/containers/$id/json" | jq .State.Pid)
	grep -q "0::/crl-parent-test/$id" "/proc/$pid/cgroup"
	crun-lite rm -f "$id"
	[ ! -d "/sys/fs/cgroup/unified/crl-parent-test/$id" ]
	rmdir /sys/fs/cgroup/unified/crl-parent-test 2>/dev/null || true
}

@test "oom score, annotations, device rules; oom-kill-disable is a warning that names it" {
	[ "$(crun-lite run --rm --oom-score-adj 321 busybox cat /proc/self/oom_score_adj)" = 321 ]
	run create '{"OomKillDisable":true}'
	[[ $output == *"OOM killer"*" 201" ]]
	crun-lite rm "$(jq -r .Id <<<"${output% *}")"
	run create '{"DeviceCgroupRules":["c 1:3 q"]}'
	[[ $output == *"invalid device cgroup rule format: 'c 1:3 q'"*" 400" ]]
	run crun-lite run --rm busybox sh -c 'mknod /tmp/f c 10 229 && exec 3<>/tmp/f && echo open'
	[[ $output != *open* ]]
	run crun-lite run --rm --device-cgroup-rule 'c 10:229 rwm' busybox sh -c 'mknod /tmp/f c 10 229 && exec 3<>/tmp/f && echo open'
	[ "$output" = open ]
}

# --- peers ---

@test "--ipc container: shares memory with a shareable peer, and says why not with others" {
	a=$(crun-lite run -d --ipc shareable busybox sh -c 'echo shared >/dev/shm/x; sleep 1000')
	p=$(crun-lite run -d busybox sleep 1000)
	run crun-lite run --rm --ipc container:"$a" busybox sh -c 'cat /dev/shm/x; echo back >/dev/shm/y'
	[ "$output" = shared ]
	[ "$(crun-lite exec "$a" cat /dev/shm/y)" = back ]
	# a joiner's peers join the same memory
	b=$(crun-lite run -d --ipc container:"$a" busybox sleep 1000)
	[ "$(crun-lite run --rm --ipc container:"$b" busybox cat /dev/shm/y)" = back ]
	run crun-lite run --rm --ipc container:"$p" busybox true
	[[ $output == *"failed to join IPC namespace: container $p: non-shareable IPC (hint: use IpcMode:shareable for the donor container)"* ]]
	# what the image or a mount has in the memory's place is not followed elsewhere
	run crun-lite run --rm --ipc container:"$a" -v "$CRL:/dev/shm/sub:ro" busybox ls /dev/shm
	[ "$status" -eq 0 ]
	crun-lite rm -f "$a" "$p" "$b"
}

@test "--ipc host is the host's, none has no memory folder, private is nobody else's" {
	touch "/dev/shm/crl-$$"
	run crun-lite run --rm --ipc host busybox ls /dev/shm
	rm "/dev/shm/crl-$$"
	[[ $output == *"crl-$$"* ]]
	run crun-lite run --rm --ipc none busybox ls -d /dev/shm
	[ "$status" -ne 0 ]
	[ "$(crun-lite run --rm --ipc private busybox readlink /proc/self/ns/ipc)" != "$(readlink /proc/self/ns/ipc)" ]
}

@test "--pid container: sees its processes, ends with it, and cannot start without it" {
	a=$(crun-lite run -d busybox sleep 1000)
	b=$(crun-lite run -d --pid container:"$a" busybox sleep 2000)
	run crun-lite exec "$b" ps
	[[ $output == *"sleep 1000"* ]]
	crun-lite kill "$a"
	ended() { [ "$(crun-lite inspect -f '{{.State.Status}}' "$b")" = exited ]; }
	wait_until 5 ended
	[ "$(crun-lite inspect -f '{{.State.ExitCode}}' "$b")" = 137 ]
	run api "/containers/$b/start" -X POST
	[[ $output == *"failed to join PID namespace: container $a is not running"*" 409" ]]
	crun-lite start "$a"
	crun-lite start "$b"
	# the peer's restart takes this one along; it can be started again
	crun-lite restart -t 0 "$a"
	wait_until 5 ended
	crun-lite start "$b"
	crun-lite rm -f "$a" "$b"
	run crun-lite run --rm --pid container:nosuch busybox true
	[[ $output == *"No such container: nosuch"* ]]
}

@test "--uts and --cgroupns: host and private" {
	[ "$(crun-lite run --rm --uts host busybox hostname)" = "$(hostname)" ]
	run crun-lite run --rm --uts container:x busybox true
	[[ $output == *"UTS mode"* ]]
	run crun-lite run --rm --cgroupns private busybox sh -c 'tail -n 1 /proc/self/cgroup'
	[ "$output" = "0::/" ]
	run crun-lite run --rm --cgroupns host busybox sh -c 'tail -n 1 /proc/self/cgroup'
	[[ $output == "0::/docker/"* ]]
}

@test "exec joins the time namespace with the others" {
	id=$(crun-lite run -d busybox sleep 1000)
	run crun-lite exec "$id" sh -c 'for n in time user mnt ipc uts net cgroup pid; do [ "$(readlink /proc/self/ns/$n)" = "$(readlink /proc/1/ns/$n)" ] || echo $n; done'
	[ -z "$output" ]
	crun-lite rm -f "$id"
}

@test "any user may listen on port 80 and ping, as with docker; --sysctl wins" {
	for net in bridge none; do
		run crun-lite run --rm --network $net --user 1000 --cap-drop ALL busybox sh -c 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; tr "\t" " " </proc/sys/net/ipv4/ping_group_range; timeout 1 nc -l -p 80; [ $? -eq 143 ] && echo listened'
		[ "${lines[0]}" = 0 ]
		[ "${lines[1]}" = "0 2147483647" ]
		[ "${lines[-1]}" = listened ]
		run crun-lite run --rm --network $net --sysctl net.ipv4.ip_unprivileged_port_start=99 busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start
		[ "$output" = 99 ]
	done
}
