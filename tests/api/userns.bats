#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers with users of their own: --userns=auto, userns-remap, and all that has to do with
# whose files are whose. Attacks on the runtime's part are in tests/system/userns.bats.
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

# The container's first host id.
base_of() { curl -fsS --unix-socket "$CRL/s" "http://d/containers/$1/json" | jq .State.Pid | xargs -I{} awk '{print $2}' /proc/{}/uid_map; }
auto() { crun-lite run --rm --userns=auto "$@"; }

@test "root inside is a high id outside, with a network and settings of its own" {
	run auto --cap-add NET_ADMIN busybox sh -c 'id -u; tr -s " " </proc/self/uid_map; stat -c %u:%g / /bin /etc/hosts /etc/resolv.conf /dev/shm /dev/null; ip link set lo mtu 9000 && echo net; ls /sys/class/net'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 0 ]
	[[ "${lines[1]}" =~ ^\ 0\ ([0-9]+)\ 65536$ ]]
	[ "${BASH_REMATCH[1]}" -ge 1879048192 ]
	for i in 2 3 4 5 6 7; do [ "${lines[$i]}" = 0:0 ]; done
	[ "${lines[8]}" = net ]
	[ "${lines[9]}" = eth0 ]
	[ "${lines[10]}" = lo ]
}

@test "two containers have ranges that do not meet; restart, stop and the daemon's death change nothing" {
	a=$(crun-lite run -d --userns=auto busybox sleep 1000)
	b=$(crun-lite run -d --userns=auto busybox sleep 1000)
	base_a=$(base_of "$a") base_b=$(base_of "$b")
	[ $((base_a > base_b ? base_a - base_b : base_b - base_a)) -ge 65536 ]
	crun-lite exec "$a" sh -c 'echo x >/file; chown 5:6 /file'
	daemon_stop KILL
	daemon_start
	c=$(crun-lite run -d --userns=auto busybox sleep 1000)
	base_c=$(base_of "$c")
	[ "$base_c" != "$base_a" ] && [ "$base_c" != "$base_b" ]
	crun-lite restart -t 0 "$a"
	[ "$(base_of "$a")" = "$base_a" ]
	[ "$(crun-lite exec "$a" stat -c %u:%g /file)" = 5:6 ]
	[ "$(stat -c %u "$DATA_ROOT/containers/$a/upper/file")" = $((base_a + 5)) ]
	crun-lite rm -f "$a" "$b" "$c"
}

@test "layers are neither copied nor chowned" {
	id=$(crun-lite create --userns=auto busybox true)
	crun-lite start -a "$id"
	[ -z "$(find "$DATA_ROOT/layers" -mindepth 1 ! -user 0 | head -1)" ]
	[ -z "$(find "$DATA_ROOT/containers/$id/upper" -type f | head -1)" ]
	crun-lite rm "$id"
}

@test "size=N; what other engines know beside it is refused by name" {
	run crun-lite run --rm --userns=auto:size=200000 busybox awk '{print $3}' /proc/self/uid_map
	[ "$output" = 200000 ]
	for mode in auto:uidmapping=0:1:2 auto:gidmapping=0:1:2 auto:size=0 auto:size=x auto:nope=1 keep-id private; do
		run crun-lite run --rm --userns="$mode" busybox true
		[ "$status" -eq 125 ]
		[[ "$output" == *"user namespace mode"* ]] || { echo "$mode: $output"; return 1; }
	done
}

@test "what excludes users of one's own is refused in docker's words" {
	run crun-lite run --rm --userns=auto --privileged busybox true
	[[ "$output" == *"privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode"* ]]
	run crun-lite run --rm --userns=auto --network host busybox true
	[[ "$output" == *"cannot share the host's network namespace when user namespaces are enabled"* ]]
	run crun-lite run --rm --userns=auto --pid host busybox true
	[[ "$output" == *"cannot share the host PID namespace when user namespaces are enabled"* ]]
	[ -z "$(crun-lite ps -aq)" ]
	run crun-lite run --rm --userns=host --privileged busybox awk '{print $2}' /proc/self/uid_map
	[ "$output" = 0 ]
}

@test "a volume: both see root's files, the disk has root's, copy-up writes the image's owners" {
	auto -v uv:/v busybox sh -c 'echo one >/v/a; chown 1000:1000 /v/a; stat -c %u /v'
	run auto -v uv:/v busybox stat -c %u:%g /v /v/a
	[ "$output" = "0:0
1000:1000" ]
	run crun-lite run --rm -v uv:/v busybox stat -c %u:%g /v/a
	[ "$output" = 1000:1000 ]
	[ "$(stat -c %u "$DATA_ROOT/volumes/uv/_data/a")" = 1000 ]
	printf 'FROM busybox\nRUN mkdir /data && echo x >/data/f && chown 33:44 /data /data/f\n' | crun-lite build -q -t owned - >/dev/null
	run auto -v uv2:/data owned stat -c %u:%g /data /data/f
	[ "$output" = "33:44
33:44" ]
	[ "$(stat -c %u:%g "$DATA_ROOT/volumes/uv2/_data" "$DATA_ROOT/volumes/uv2/_data/f" | uniq)" = 33:44 ]
	crun-lite volume rm uv uv2
	crun-lite rmi owned
}

@test "--volumes-from shows the same owners" {
	a=$(crun-lite create --userns=auto -v /anon busybox sh -c 'echo x >/anon/f; chown 9:9 /anon/f')
	crun-lite start -a "$a"
	run auto --volumes-from "$a" busybox stat -c %u:%g /anon/f
	[ "$output" = 9:9 ]
	crun-lite rm -v "$a"
}

@test "a folder of the host is the container's root's; with noidmap it is nobody's, and closed" {
	mkdir "$CRL/share"
	echo k >"$CRL/share/key"
	chmod 600 "$CRL/share/key"
	run auto -v "$CRL/share:/s" busybox sh -c 'cat /s/key; stat -c %u /s; echo n >/s/new'
	[ "$output" = "k
0" ]
	[ "$(stat -c %u "$CRL/share/new")" = 0 ]
	run auto -v "$CRL/share:/s:noidmap" busybox sh -c 'cat /s/key; echo x >>/s/key; echo y >/s/other; rm -f /s/key; stat -c %u /s'
	[ "${lines[-1]}" = 65534 ]
	[ "$(cat "$CRL/share/key")" = k ]
	[ ! -e "$CRL/share/other" ]
	run auto --mount type=bind,src="$CRL/share",dst=/s busybox stat -c %u /s/key
	[ "$output" = 0 ]
}

@test "a folder on a file system that cannot do it is refused, and the text says so" {
	run auto -v /proc/sys:/s busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"/proc/sys: its file system (proc)"*"cannot show files under mapped user ids"* ]]
	[ -z "$(crun-lite ps -aq)" ]
}

@test "tmpfs, shm, mqueue, --user, --group-add, terminal, init, read-only root" {
	run auto --tmpfs /t:uid=7,gid=8,mode=750 busybox stat -c %u:%g:%a /t
	[ "$output" = 7:8:750 ]
	run auto --user 1000:50 --group-add 60 busybox sh -c 'id -u; id -g; id -G; echo x >/dev/stdout; touch /dev/shm/x /tmp/x && stat -c %u /tmp/x'
	[ "$output" = "1000
50
50 60
x
1000" ]
	run auto --init --read-only busybox sh -c 'touch /x; cat /proc/1/comm'
	[ "${lines[-1]}" = docker-init ] || [ "${lines[-1]}" = crun-lite-init ]
	run script -qec 'crun-lite run --rm -t --userns=auto --user 33 busybox sh -c "tty; stat -c %u /dev/pts/0"' /dev/null
	[[ "$output" == */dev/pts/0*33* ]]
}

@test "exec: by user, privileged capabilities stay inside; health checks run" {
	id=$(crun-lite run -d --userns=auto --health-cmd 'test $(id -u) = 0' --health-interval 1s busybox sleep 1000)
	run crun-lite exec -u 7 "$id" id -u
	[ "$output" = 7 ]
	run crun-lite exec "$id" sh -c 'mknod /tmp/x b 8 0; cat /proc/sys/kernel/hostname >/dev/null; echo 1 >/proc/sys/kernel/panic'
	[ "$status" -ne 0 ]
	health() { [ "$(crun-lite inspect -f '{{.State.Health.Status}}' "$id")" = healthy ]; }
	wait_until 10 health
	crun-lite rm -f "$id"
}

@test "sysctls of the network, ports below 1024" {
	run auto --sysctl net.ipv4.ip_unprivileged_port_start=0 --user 1000 busybox sh -c 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; timeout 1 nc -l -p 80; [ $? -eq 143 ] || [ $? -eq 124 ] && echo listened'
	[ "${lines[0]}" = 0 ]
	run auto busybox sh -c 'timeout 1 nc -l -p 80 && echo no; ping -c1 -W1 127.0.0.1 >/dev/null && echo ping'
	[ "${lines[-1]}" = ping ]
}

@test "commit, export, diff and cp know the ids that the container meant" {
	command -v docker >/dev/null || skip "no docker client"
	id=$(crun-lite create --userns=auto busybox sh -c 'echo x >/f; chown 12:13 /f; chmod 4755 /f; mkdir /d; touch /bin/new; sleep 1000')
	crun-lite start "$id"
	wait_until 5 crun-lite exec "$id" test -e /bin/new
	run bash -c 'curl -fsS --unix-socket "$CRL/s" "http://d/containers/$0/changes" | jq -r ".[] | \"\(.Kind) \(.Path)\"" | sort' "$id"
	[ "$output" = "0 /bin
1 /bin/new
1 /d
1 /f" ]
	owner() { tar -tvf - --numeric-owner | awk '$6 == "f" || $6 == "./f" {print $2}'; }
	[ "$(curl -fsS --unix-socket "$CRL/s" "http://d/containers/$id/export" | owner)" = 12/13 ]
	[ "$(docker cp "$id:/f" - | owner)" = 12/13 ]
	echo in >"$CRL/in"
	docker cp "$CRL/in" "$id:/d/in"
	[ "$(crun-lite exec "$id" stat -c %u /d/in)" = 0 ]
	crun-lite kill "$id"
	crun-lite wait "$id"
	[ "$(curl -fsS --unix-socket "$CRL/s" "http://d/containers/$id/export" | owner)" = 12/13 ]
	[ "$(docker cp "$id:/f" - | owner)" = 12/13 ]
	docker cp "$CRL/in" "$id:/d/in2"
	docker cp "$CRL/in" "$id:/bin/in3"
	docker commit "$id" usercommit >/dev/null
	run crun-lite run --rm usercommit stat -c %u:%g:%a /f /d/in /d/in2 /bin/in3 /
	[ "$output" = "12:13:4755
0:0:644
0:0:644
0:0:644
0:0:755" ]
	run auto usercommit stat -c %u:%g /f /d/in2
	[ "$output" = "12:13
0:0" ]
	crun-lite rm "$id"
	crun-lite rmi usercommit
}

@test "a network, ipc and pid peer has the same users; another's is refused" {
	a=$(crun-lite run -d --userns=auto --ipc shareable busybox sh -c 'echo shared >/dev/shm/x; sleep 1000')
	base=$(base_of "$a")
	run crun-lite run --rm --network container:"$a" --ipc container:"$a" --pid container:"$a" busybox sh -c 'awk "{print \$2}" /proc/self/uid_map; cat /dev/shm/x; ls /sys/class/net; ps | grep -c "sleep 100[0]"; stat -c %u /dev/shm/x'
	[ "$output" = "$base
shared
eth0
lo
1
0" ]
	b=$(crun-lite run -d busybox sleep 1000)
	run crun-lite run --rm --userns=auto --network container:"$b" busybox true
	[ "$status" -eq 125 ]
	[[ "$output" == *"it runs with the host's"* ]]
	run crun-lite run --rm --userns=host --network container:"$a" busybox true
	[[ "$output" == *"it has other users"* ]]
	# What excludes users of one's own excludes those of a peer: privileged would own the host's devices.
	run crun-lite run --rm --privileged --network container:"$a" busybox true
	[[ "$output" == *"privileged mode is incompatible with user namespaces"* ]]
	run crun-lite run --rm --pid host --network container:"$a" busybox true
	[[ "$output" == *"cannot share the host PID namespace when user namespaces are enabled"* ]]
	crun-lite rm -f "$a" "$b"
}

@test "inspect says auto; info names user namespaces only with remap" {
	id=$(crun-lite create --userns=auto busybox true)
	[ "$(crun-lite inspect -f '{{.HostConfig.UsernsMode}}' "$id")" = auto ]
	crun-lite rm "$id"
	run bash -c 'curl -fsS --unix-socket "$CRL/s" http://d/info | jq ".SecurityOptions | index(\"name=userns\")"'
	[ "$output" = null ]
}

@test "many at once" {
	local pids=() i
	for i in 1 2 3 4 5 6 7 8; do crun-lite run --rm --userns=auto busybox awk '{print $2}' /proc/self/uid_map >"$CRL/many.$i" & pids+=($!); done
	for i in "${pids[@]}"; do wait "$i"; done
	[ "$(cat "$CRL"/many.* | sort -u | wc -l)" = 8 ]
}

@test "a daemon whose default is auto: docker's own client gets users of their own; --userns=host opts out" {
	command -v docker >/dev/null || skip "no docker client"
	daemon_stop
	daemon_start --userns auto
	run docker run --rm busybox awk '{print ($2 > 1000000), $3}' /proc/self/uid_map
	[ "$output" = "1 65536" ]
	run docker run --rm --userns=host busybox awk '{print $2}' /proc/self/uid_map
	[ "$output" = 0 ]
	run docker run --rm --privileged busybox true
	[[ "$output" == *"privileged mode is incompatible with user namespaces"* ]]
	id=$(docker create busybox true)
	[ "$(docker inspect -f '{{.HostConfig.UsernsMode}}' "$id")" = auto ]
	docker rm "$id"
	daemon_stop
	daemon_start
}

@test "userns-remap: one range for all, folders of the host as they are, docker info" {
	command -v docker >/dev/null || skip "no docker client"
	daemon_stop
	run daemon_start --userns-remap nosuchuser
	[ "$status" -ne 0 ]
	tail -n 3 "$CRL/daemon.log" | grep -F 'nosuchuser'
	local name=crlremap$$
	echo "$name:300000:65536" >>/etc/subuid
	echo "$name:400000:65536" >>/etc/subgid
	useradd -M -s /bin/false "$name" 2>/dev/null || true
	sed -i "/^$name:[^3]/d" /etc/subuid
	sed -i "/^$name:[^4]/d" /etc/subgid
	daemon_start --userns-remap "$name"
	mkdir -p "$CRL/plain"
	run docker run --rm -v "$CRL/plain:/s" busybox sh -c 'awk "{print \$2}" /proc/self/uid_map /proc/self/gid_map; stat -c %u /s; touch /s/x'
	local first="$output"
	run docker info -f '{{.SecurityOptions}}'
	local info="$output"
	run docker run --rm --userns=host busybox awk '{print $2}' /proc/self/uid_map
	local host="$output"
	userdel "$name"
	sed -i "/^$name:/d" /etc/subuid /etc/subgid
	daemon_stop
	daemon_start
	[[ "$first" == "300000
400000
65534"* ]]
	[ ! -e "$CRL/plain/x" ]
	[[ "$info" == *name=userns* ]]
	[ "$host" = 0 ]
}
