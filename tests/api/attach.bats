#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# attach and exec: what is seen of the past and of the present, keys, ends of streams, clients that
# stall or vanish, and codes. attach.py does what no command line can be made to do.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() { containers_gone; }

bare() { python3 "$BATS_TEST_DIRNAME/attach.py" "$CRL/s" "$@"; }
events() { docker events --since 60s --until "$(date +%s.%N)" --filter container="$1" --format '{{.Action}}'; }

@test "the log of a container that ended, and nothing else" {
	docker run --name ended busybox sh -c 'echo out; sleep 0.1; echo err >&2' >/dev/null 2>&1
	[ "$(bare logs_only ended)" = "$(printf 'out\nerr')" ]
}

@test "a long log first, then what comes; a client that does not read it yet delays nobody" {
	docker run -d --name both busybox sh -c 'trap "echo live; exit" USR1; seq 1 60000; while :; do sleep 0.1; done' >/dev/null
	wait_until 10 sh -c 'docker logs --tail 1 both | grep -qx 60000'
	bare logs_and_stream both
}

@test "detach keys of clients that have no terminal of their own" {
	docker run -dit --name keys busybox sh >/dev/null
	bare detach_keys keys ctrl-x,q 1871
	bare detach_keys keys '' 1011
	bare exec_detach_keys keys
	[ "$(docker inspect -f '{{.State.Running}}' keys)" = true ]
	[ "$(events keys | grep -cx detach)" = 2 ]
	[ "$(events keys | grep -cx exec_detach)" = 1 ]
}

@test "half close: stdin ends, output goes on" {
	docker create -i --name half busybox sh -c 'cat; echo end' >/dev/null
	bare half_close half
	[ "$(echo hello | docker run -i --rm busybox cat)" = hello ]
	[ "$(docker run --rm busybox echo no stdin </dev/null)" = "no stdin" ]
	docker run -d --name ex busybox sleep 1000 >/dev/null
	[ "$(printf 'a\nb\n' | docker exec -i ex wc -l)" = 2 ]
}

@test "exec: code before the end of the stream, ids, refusals" {
	docker run -d --name ex busybox sleep 1000 >/dev/null
	bare exec_code_first ex
	bare exec_ids ex
	bare refusals ex
	docker pause ex >/dev/null
	run docker exec ex true
	[ "$status" -ne 0 ]
	[[ "$output" == *"Container ex is paused, unpause the container before exec"* ]]
	docker unpause ex >/dev/null
	docker stop -t 0 ex >/dev/null
	run docker exec ex true
	[[ "$output" == *"is not running"* ]]
}

@test "exec: environment, folder, user, privileges, detached, programs that are not there" {
	docker run -d --name ex -e A=1 -w /tmp busybox sleep 1000 >/dev/null
	[ "$(docker exec -e B=2 -w /etc ex sh -c 'echo $A $B $PWD')" = "1 2 /etc" ]
	[ "$(docker exec ex pwd)" = /tmp ]
	[ "$(docker exec -u 1000:1001 ex id -u)" = 1000 ]
	[ "$(docker exec ex grep CapEff /proc/self/status)" != "$(docker exec --privileged ex grep CapEff /proc/self/status)" ]
	docker exec -d ex sh -c 'sleep 0.2; touch /done'
	wait_until 5 docker exec ex test -e /done
	run -127 docker exec ex /no/such
	run -126 docker exec ex /etc/passwd
	run -126 docker exec -w /no/such ex true
	run -126 docker exec -u nosuch ex true
	[[ $output == *'unable to find user nosuch: no matching entries in passwd file'* ]]
	run -3 docker exec ex sh -c 'exit 3'
}

@test "a client that reads nothing is given up; the container writes on, the log is whole" {
	docker create --name st busybox seq 1 400000 >/dev/null
	bare stalled st
	[ "$(docker logs --tail 1 st)" = 400000 ]
	[ "$(docker logs st | wc -l)" = 400000 ]
}

@test "clients that vanish leave nothing behind" {
	docker run -d --name va busybox sh -c 'while :; do echo x; sleep 0.01; done' >/dev/null
	pid=$(daemon_pid)
	mon=$(docker inspect -f '{{.Id}}' va)
	mon=$(pgrep -f "crun-lite-monitor --id $mon")
	fds=$(($(ls "/proc/$pid/fd" | wc -l) + $(ls "/proc/$mon/fd" | wc -l)))
	for i in $(seq 10); do
		timeout 0.1 curl -sN --unix-socket "$CRL/s" -X POST "http://d/containers/va/attach?stream=1&stdout=1" >/dev/null || true
		timeout 0.1 curl -sN --unix-socket "$CRL/s" "http://d/containers/va/logs?follow=1&stdout=1" >/dev/null || true
	done
	settled() { [ $(($(ls "/proc/$pid/fd" | wc -l) + $(ls "/proc/$mon/fd" | wc -l))) -le $((fds + 1)) ]; }
	wait_until 3 settled
	[ "$(docker inspect -f '{{.State.Running}}' va)" = true ]
}

@test "a thousand execs, and as many that nobody starts: memory and descriptors stay" {
	docker run -d --name many busybox sleep 1000 >/dev/null
	bare many many 300
	pid=$(daemon_pid)
	rss() { awk '/^VmRSS/{print $2}' "/proc/$pid/status"; }
	before=$(rss) fds=$(ls "/proc/$pid/fd" | wc -l)
	bare many many 1000
	[ $(($(rss) - before)) -lt 2500 ]
	[ $(($(ls "/proc/$pid/fd" | wc -l) - fds)) -le 2 ]
}
