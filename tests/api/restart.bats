#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Restart policies and their back-off, and what update changes of a container that runs.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() { containers_gone; }

state() { docker inspect -f '{{.State.Status}}' "$1"; }
is_state() { [ "$(state "$1")" = "$2" ]; }
count() { docker inspect -f '{{.RestartCount}}' "$1"; }
counted() { [ "$(count "$1")" -ge "$2" ]; }
api() { curl -sS --unix-socket "$CRL/s" "$@"; }

@test "the back-off doubles" {
	since=$(date +%s.%N)
	docker run -d --name bo --restart always busybox false >/dev/null
	wait_until 10 counted bo 5 # it counts before the pause, so the fourth start is over
	docker events --since "$since" --until "$(date +%s.%N)" --filter container=bo --format '{{.Action}} {{.TimeNano}}' >"$BATS_TEST_TMPDIR/e"
	python3 - "$BATS_TEST_TMPDIR/e" <<-'P'
		import sys
		events = [l.split() for l in open(sys.argv[1])]
		died, gaps = None, []
		for action, at in events:
		    if action == 'die': died = int(at)
		    elif action == 'start' and died: gaps.append((int(at) - died) / 1e9)
		print(gaps)
		for gap, want in zip(gaps, (0.1, 0.2, 0.4, 0.8)):
		    assert want <= gap < want + 0.4, gaps
		assert len(gaps) >= 4
	P
	docker ps -a --format '{{.Status}}' | grep -Eq '^Restarting \(1\) .* ago$'
	is_state bo restarting
	[ "$(docker inspect -f '{{.State.Running}} {{.State.Restarting}} {{.State.ExitCode}}' bo)" = "true true 1" ]
}

@test "a stop during the back-off ends it, and whoever waits hears of it" {
	docker run -d --name st --restart always busybox sh -c 'exit 3' >/dev/null
	wait_until 10 counted st 3
	wait_until 10 is_state st restarting
	docker wait st >"$BATS_TEST_TMPDIR/code" 3>&- &
	waiter=$!
	sleep 0.2
	docker stop st >/dev/null
	is_state st exited
	wait $waiter
	[ "$(cat "$BATS_TEST_TMPDIR/code")" = 3 ]
	n=$(count st)
	sleep 2
	[ "$(count st)" = "$n" ]
	is_state st exited
	# Somebody starts it: the count begins anew, and so does the back-off.
	docker start st >/dev/null
	[ "$(count st)" -le 1 ]
	wait_until 10 counted st 3
	wait_until 10 is_state st restarting
	docker kill st >/dev/null
	is_state st exited
	docker start st >/dev/null
	wait_until 10 is_state st restarting
	run docker rm st
	[[ "$output" == *"You cannot remove a restarting container"* ]]
	docker rm -f st >/dev/null
}

@test "on-failure: so many times, not after success, not after a stop" {
	docker run -d --name of --restart on-failure:2 busybox sh -c 'exit 9' >/dev/null
	wait_until 10 counted of 2
	wait_until 10 is_state of exited
	[ "$(docker inspect -f '{{.State.ExitCode}} {{.RestartCount}}' of)" = "9 2" ]
	docker run -d --name ok --restart on-failure busybox true >/dev/null
	wait_until 10 is_state ok exited
	[ "$(count ok)" = 0 ]
	docker run -d --name sp --restart on-failure busybox sleep 100 >/dev/null
	docker stop -t 0 sp >/dev/null
	sleep 0.5
	is_state sp exited
}

@test "what cannot be is said in docker's words" {
	run docker create --rm --restart always busybox true
	[[ "$output" == *"onflicting options: cannot specify both --restart and --rm"* ]]
	check() {
		run api -H 'Content-Type: application/json' "http://d/containers/$1" -d "$2"
		echo "$output"
		[[ "$output" == *"$3"* ]]
	}
	check create '{"Image":"busybox","Cmd":["true"],"HostConfig":{"AutoRemove":true,"RestartPolicy":{"Name":"always"}}}' \
		"can't create 'AutoRemove' container with restart policy"
	check create '{"Image":"busybox","Cmd":["true"],"HostConfig":{"RestartPolicy":{"Name":"sometimes"}}}' \
		"invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
	check create '{"Image":"busybox","Cmd":["true"],"HostConfig":{"RestartPolicy":{"Name":"always","MaximumRetryCount":2}}}' \
		"invalid restart policy: maximum retry count can only be used with 'on-failure'"
	docker run -d --name ar --rm busybox sleep 100 >/dev/null
	check ar/update '{"RestartPolicy":{"Name":"always"}}' \
		'Restart policy cannot be updated because AutoRemove is enabled for the container'
	check ar/update '{"Memory":100}' 'Minimum memory limit allowed is 6MB'
	check ar/update '{"NanoCpus":500000000,"CpuQuota":5000}' 'Nano CPUs and CPU Quota cannot both be set'
	docker update --cpus 1 ar >/dev/null
	check ar/update '{"CpuPeriod":50000}' 'CPU Period cannot be updated as NanoCPUs has already been set'
	docker update --memory 64m --memory-swap 100m ar >/dev/null
	check ar/update '{"Memory":209715200}' \
		'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time'
	[ "$(docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}}' ar)" = "67108864 104857600 1000000000" ]
}

@test "update: the policy of a container that runs, without a word about its limits" {
	docker run -d --name up --memory 64m busybox sh -c 'sleep 1; exit 1' >/dev/null 2>&1
	[ "$(api -H 'Content-Type: application/json' http://d/containers/up/update -d '{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":1}}')" = '{"Warnings":null}' ]
	wait_until 10 counted up 1
	docker update --restart no up >/dev/null
	wait_until 10 is_state up exited
	[ "$(docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' up)" = no ]
	docker events --since 60s --until "$(date +%s.%N)" --filter container=up --format '{{.Action}}' | grep -qx update
}

@test "start of the daemon: always, unless-stopped, and a back-off that was under way" {
	docker run -d --name al --restart always busybox sleep 1000 >/dev/null
	docker run -d --name us --restart unless-stopped busybox sleep 1000 >/dev/null
	docker run -d --name us2 --restart unless-stopped busybox sleep 1000 >/dev/null
	docker run -d --name no busybox sleep 1000 >/dev/null
	docker run -d --name bk --restart always busybox false >/dev/null
	docker stop -t 0 al us no >/dev/null
	wait_until 10 counted bk 3
	wait_until 10 is_state bk restarting
	daemon_stop KILL
	daemon_start
	wait_until 5 is_state al running
	is_state us exited
	is_state us2 running
	is_state no exited
	n=$(count bk)
	[ "$n" -ge 3 ]
	wait_until 10 counted bk $((n + 1))
}
