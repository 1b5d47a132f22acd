#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# --runtime: other OCI runtimes behind the same engine.
load ../harness/daemon

bats_require_minimum_version 1.5.0

# Runtimes that insist on pure cgroup v2 get its layout, in a mount namespace of
# their own; without CAP_SYS_RESOURCE they cannot have device rules.
v2_wrapper() {
	local can=1
	(($(awk '/^CapEff/ {print "0x" $2}' /proc/self/status) >> 24 & 1)) || can=0
	cat >"$2" <<-SH
		#!/bin/sh
		want=
		for a in "\$@"; do
			[ "\$want" ] && [ $can = 0 ] && {
				jq -c 'del(.linux.resources, .process.rlimits)' "\$a/config.json" >"\$a/c" && mv "\$a/c" "\$a/config.json"
			}
			want=
			[ "\$a" = --bundle ] && want=1
		done
		[ -e /sys/fs/cgroup/cgroup.controllers ] && exec $1 "\$@"
		exec unshare -m sh -c 'mount -t cgroup2 none /sys/fs/cgroup; exec $1 "\$@"' sh "\$@"
	SH
	chmod +x "$2"
}

setup_file() {
	local json="$BATS_FILE_TMPDIR/daemon.json" names=own
	v2_wrapper "$(command -v crun || echo /none)" "$BATS_FILE_TMPDIR/crun-v2"
	v2_wrapper "$(command -v runc || echo /none)" "$BATS_FILE_TMPDIR/runc-v2"
	command -v crun jq >/dev/null && names="$names crun"
	command -v runc jq >/dev/null && names="$names realrunc"
	export RUNTIMES=$names
	cat >"$json" <<-JSON
		{"runtimes": {
			"own": {"path": "crun-lite-runtime"},
			"crun": {"path": "$BATS_FILE_TMPDIR/crun-v2"},
			"realrunc": {"path": "$BATS_FILE_TMPDIR/runc-v2", "runtimeArgs": ["--debug"]},
			"missing": {"path": "/no/such/runtime"},
			"broken": {"path": "/bin/false"}
		}}
	JSON
	daemon_setup --config-file "$json"
}
teardown_file() { daemon_teardown; }
setup() { command -v docker >/dev/null || skip "no docker client"; }

# attempt COMMAND...: like run, for commands that fail with 126 or 127 of their own.
attempt() { run bash -c '"$@" 2>&1 || exit 1' _ "$@"; }

@test "output, exit code, arguments, environment, user, limits of files" {
	local r
	for r in $RUNTIMES; do
		run docker run --rm --runtime "$r" -e A=b -u 7:8 -w /tmp -h host busybox \
			sh -c 'echo "$A $(id -u):$(id -g) $(pwd) $(hostname)"; echo err >&2; exit 5'
		echo "$r: $output"
		[ "$status" = 5 ]
		[ "$output" = "b 7:8 /tmp host
err" ]
	done
}

@test "stdin, detached, logs, exec, exec's exit code and user" {
	local r
	for r in $RUNTIMES; do
		[ "$(echo hello | docker run --rm -i --runtime "$r" busybox cat)" = hello ]
		docker run -d --name "c-$r" --runtime "$r" busybox sh -c 'echo started; sleep 100'
		wait_until 5 sh -c "docker logs c-$r | grep -q started"
		[ "$(docker exec -e X=y -u 3 "c-$r" sh -c 'echo "$X $(id -u)"')" = "y 3" ]
		run docker exec "c-$r" sh -c 'exit 9'
		[ "$status" = 9 ]
		[ "$(echo piped | docker exec -i "c-$r" cat)" = piped ]
		attempt docker exec "c-$r" /no/such
		[[ $output == *"/no/such"* ]]
		[ "$(docker inspect -f '{{.HostConfig.Runtime}} {{.State.Running}}' "c-$r")" = "$r true" ]
		docker stop -t 1 "c-$r"
		[ "$(docker inspect -f '{{.State.ExitCode}}' "c-$r")" = 137 ]
		docker start "c-$r"
		docker rm -f "c-$r"
	done
}

@test "a terminal, in run and in exec" {
	local r
	for r in $RUNTIMES; do
		run script -qec "docker run --rm -t --runtime $r busybox tty" /dev/null </dev/null
		echo "$r: $status: $output"
		[[ $output == *"/dev/"* ]]
		docker run -d -t --name "t-$r" --runtime "$r" busybox sleep 100
		run script -qec "docker exec -t t-$r tty" /dev/null </dev/null
		[[ $output == *"/dev/pts"* ]]
		docker rm -f "t-$r"
	done
}

@test "volumes, copy-up, folders in volumes, images, --rm, network" {
	local r
	for r in $RUNTIMES; do
		docker run --rm --runtime "$r" -v "v-$r:/v" -v "$CRL:/host:ro" busybox sh -c 'echo x >/v/f; mkdir /v/d; echo in >/v/d/f; ! touch /host/x 2>/dev/null'
		docker run --rm --runtime "$r" -v "up-$r:/bin" busybox true
		[ -e "$DATA_ROOT/volumes/up-$r/_data/busybox" ]
		[ "$(docker run --rm --runtime "$r" --mount "type=volume,src=v-$r,dst=/m,volume-subpath=d" --mount type=image,src=busybox,dst=/i busybox sh -c 'cat /m/f; ls -d /i/bin')" = "in
/i/bin" ]
		run docker run --rm --runtime "$r" busybox ip -4 addr show eth0
		[[ $output == *"inet 172."* || $output == *"inet 192."* || $output == *"inet 10."* ]]
		docker volume rm "v-$r" "up-$r"
	done
	# Nothing of it is to be seen on the host.
	run grep -c "$EXEC_ROOT.*bundle" /proc/mounts
	[ "$output" = 0 ]
}

@test "init, privileged, the host's namespaces, a shared network, top and stats" {
	local r
	for r in $RUNTIMES; do
		[ "$(docker run --rm --runtime "$r" --init busybox cat /proc/1/comm)" = docker-init ]
		docker run --rm --runtime "$r" --privileged busybox true
		docker run --rm --runtime "$r" --network host --pid host --ipc host --uts host busybox true
		docker run -d --name "n-$r" --runtime "$r" busybox sleep 100
		docker run --rm --runtime "$r" --network "container:n-$r" busybox ip addr show eth0
		docker run --rm --runtime "$r" --pid "container:n-$r" busybox sh -c 'ps | grep -q "sleep 100"'
		[[ $(docker top "n-$r") == *"sleep 100"* ]]
		docker stats --no-stream "n-$r"
		docker exec --privileged "n-$r" true
		docker rm -f "n-$r"
	done
}

@test "pause, and the daemon killed meanwhile; the container goes on" {
	local r
	for r in $RUNTIMES; do
		docker run -d --name "p-$r" --runtime "$r" busybox sh -c 'while :; do echo tick; sleep 0.2; done'
		docker pause "p-$r"
		[ "$(docker inspect -f '{{.State.Status}}' "p-$r")" = paused ]
		docker unpause "p-$r"
	done
	daemon_stop KILL
	daemon_start --config-file "$BATS_FILE_TMPDIR/daemon.json"
	for r in $RUNTIMES; do
		wait_until 5 sh -c "docker exec p-$r true"
		docker kill "p-$r"
		wait_until 5 sh -c "docker inspect -f '{{.State.ExitCode}}' p-$r | grep -q 137"
		docker rm "p-$r"
	done
}

@test "a killed monitor takes the container along, the runtime's state goes, too" {
	local r id pid
	for r in $RUNTIMES; do
		id=$(docker run -d --name "k-$r" --runtime "$r" busybox sleep 100)
		pid=$(docker inspect -f '{{.State.Pid}}' "$id")
		pkill -KILL -f "crun-lite-monitor --id $id"
		wait_until 5 sh -c "docker inspect -f '{{.State.Running}}' $id | grep -q false"
		run process_lives "$pid"
		[ "$status" -ne 0 ]
		docker start "k-$r"
		docker rm -f "k-$r"
	done
}

@test "what fails says why, with the exit codes of docker" {
	local r
	for r in $RUNTIMES; do
		run -127 docker run --rm --runtime "$r" busybox /no/such/program
		[[ $output == *"OCI runtime create failed"*"/no/such/program"* || $output == *"OCI runtime"*"no such file"* ]]
		run -126 docker run --rm --runtime "$r" busybox /proc/version
	done
	run docker run --rm --runtime nobody busybox true
	[ "$status" = 125 ]
	[[ $output == *"unknown or invalid runtime name: nobody"* ]]
	attempt docker run --rm --runtime missing busybox true
	[[ $output == *'error while looking up the specified runtime path: exec: "/no/such/runtime": executable file not found in $PATH'* ]]
	run docker run --rm --runtime broken busybox true
	[ "$status" = 125 ]
	[[ $output == *"OCI runtime create failed: /bin/false ended with status 1"* ]]
}

@test "runc and io.containerd.runc.v2 are ours by name; info tells all with their features" {
	docker run --rm --runtime runc busybox true
	docker run --rm --runtime io.containerd.runc.v2 busybox true
	wait_until 5 sh -c "docker info --format '{{json .Runtimes.own}}' | grep -q ociVersionMax"
	run docker info --format '{{.DefaultRuntime}} {{range $k, $v := .Runtimes}}{{$k}} {{end}}'
	[ "$output" = "crun-lite broken crun crun-lite io.containerd.runc.v2 missing own realrunc runc " ]
	run docker info --format '{{json .Runtimes.realrunc}}'
	[[ $output == *'"runtimeArgs":["--debug"]'* ]]
}

@test "configuration: default runtime, flags, mistakes" {
	run crun-lited --validate --default-runtime nope --config-file /dev/null
	[[ $output == *"specified default runtime 'nope' does not exist"* ]]
	echo '{"runtimes":{"x":{}}}' >"$CRL/bad.json"
	run crun-lited --validate --config-file "$CRL/bad.json"
	[[ $output == *"runtime x: either a runtimeType or a path must be configured"* ]]
	daemon_stop
	daemon_start --add-runtime other=crun-lite-runtime --default-runtime other
	docker run -d --name d1 busybox sleep 100
	[ "$(docker inspect -f '{{.HostConfig.Runtime}}' d1)" = other ]
	docker rm -f d1
}
