#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Lists and their filters, top, stats, wait, stop, kill, pause, rename, prune.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() { containers_gone; }

api() { curl -sS --unix-socket "$CRL/s" "$@"; }
# said METHOD PATH STATUS TEXT [BODY]
said() {
	run api -w '\n%{http_code}' -X "$1" ${5:+-H 'Content-Type: application/json' -d "$5"} "http://d$2"
	echo "$output"
	[ "${lines[-1]}" = "$3" ] && [[ "$output" == *"$4"* ]]
}
# listed "FILTERS" NAMES...: what ps -a shows with them, sorted
listed() {
	local args=() f
	for f in $1; do args+=(--filter "$f"); done
	shift
	[ "$(docker ps -a "${args[@]}" --format '{{.Names}}' | sort | xargs)" = "$(printf '%s\n' "$@" | sort | xargs)" ]
}

@test "filters of the list" {
	printf 'FROM busybox\nRUN touch /derived\n' | DOCKER_BUILDKIT=0 docker build -q -t derived - >/dev/null
	docker run -d --name one --label a=1 --label b busybox sleep 1000 >/dev/null
	docker run -d --name two --label a=2 --expose 9000-9005/udp derived sleep 1000 >/dev/null
	docker run --name three --label b -p 127.0.0.1:0:8080 -v vol3:/data busybox sh -c 'exit 4' || true
	docker create --name four --network none busybox true >/dev/null
	listed "label=a" one two
	listed "label=a=1" one
	listed "label=a label=b" one
	listed "label!=b" two four
	listed "exited=4" three
	listed "status=created" four
	listed "status=running status=exited" one two three
	listed "name=^t" two three
	listed "id=$(docker inspect -f '{{.Id}}' one)" one
	listed "before=three" one two
	listed "since=two" three four
	listed "ancestor=busybox" one two three four
	listed "ancestor=derived" two
	listed "ancestor=nope"
	listed "expose=9003/udp" two
	listed "expose=9001-9002/udp" two
	listed "expose=9001"
	listed "expose=8080" three
	docker run -d --name five -p 127.0.0.1:38181:80 busybox sleep 1000 >/dev/null
	listed "publish=38181" five
	listed "publish=38000-38200/tcp" five
	listed "publish=80"
	listed "publish=38181/udp"
	docker rm -f five >/dev/null
	listed "volume=vol3" three
	listed "volume=/data" three
	listed "network=none" four
	listed "is-task=false" one two three four
	listed "is-task=true"
	listed "health=none" one two three four
	said GET '/containers/json?filters=%7B%22nope%22:%5B%22x%22%5D%7D' 400 "nvalid filter 'nope'"
	said GET '/containers/json?filters=%7B%22publish%22:%5B%22x%22%5D%7D' 400 "nvalid filter 'publish=x'"
	said GET '/containers/json?filters=%7B%22before%22:%5B%22x%22%5D%7D' 404 "No such container: x"
	[ "$(docker ps -q --last 2 | wc -l)" = 2 ]
	[ "$(docker ps -q | wc -l)" = 2 ]
	docker rm -f three >/dev/null
	docker volume rm vol3 >/dev/null
}

@test "one that waits for its restart is listed among those that run" {
	docker run -d --name again --restart always busybox false >/dev/null
	wait_until 10 sh -c '[ $(docker inspect -f "{{.RestartCount}}" again) -ge 4 ]'
	wait_until 5 sh -c 'docker ps --format "{{.Status}}" | grep -q "^Restarting (1) "'
	said GET /containers/again/top 409 'is restarting, wait until the container is running'
}

@test "top: any columns, only this container's, a number that cannot be forged" {
	docker run -d --name tp busybox sh -c 'sleep 998 & sleep 997' >/dev/null
	[ "$(docker top tp | grep -c 'sleep 99[78]$')" = 2 ]
	docker top tp | head -1 | grep -q '^UID *PID *PPID'
	docker top tp -eo pid,args | grep -q 'sleep 998$'
	[ "$(docker top tp aux | tail -n +2 | grep -vc 'sleep 99[78]\|sh -c')" = 0 ]
	said GET '/containers/tp/top?ps_args=-eo%20args' 500 "Couldn't find PID field in ps output"
	said GET '/containers/tp/top?ps_args=-eo%20user%3DPID' 500 'specifying \"user=PID\" is not allowed'
	said GET '/containers/tp/top?ps_args=--nope' 500 'ps'
	docker stop -t 0 tp >/dev/null
	said GET /containers/tp/top 409 'is not running'
}

@test "stats: one sample, two, zeros of what is stopped, and the end with the container" {
	docker run -d --name su busybox sleep 1000 >/dev/null
	api 'http://d/containers/su/stats?stream=0&one-shot=1' | python3 -c '
import json, sys
s = json.load(sys.stdin)
assert s["name"] == "/su" and s["preread"] == "0001-01-01T00:00:00Z", s
assert s["precpu_stats"]["cpu_usage"]["total_usage"] == 0 and "system_cpu_usage" not in s["precpu_stats"], s
assert s["cpu_stats"]["online_cpus"] >= 1 and s["cpu_stats"]["system_cpu_usage"] > 0, s'
	api 'http://d/containers/su/stats?stream=0' | python3 -c '
import json, sys
s = json.load(sys.stdin)
assert s["preread"] != "0001-01-01T00:00:00Z"
assert s["cpu_stats"]["system_cpu_usage"] > s["precpu_stats"]["system_cpu_usage"], s'
	said GET '/containers/su/stats?stream=1&one-shot=1' 400 'cannot have stream=true and one-shot=true'
	api 'http://d/containers/su/stats' >"$BATS_TEST_TMPDIR/stream" 3>&- &
	reader=$!
	sleep 1.3
	docker rm -f su >/dev/null
	wait $reader
	[ "$(wc -l <"$BATS_TEST_TMPDIR/stream")" -ge 2 ]
	docker create --name st busybox true >/dev/null
	api 'http://d/containers/st/stats?stream=0' | python3 -c '
import json, sys
s = json.load(sys.stdin)
assert s["read"] == "0001-01-01T00:00:00Z" and s["memory_stats"] == {} and s["cpu_stats"]["cpu_usage"]["total_usage"] == 0, s'
}

@test "stop: signal, no time limit, no time at all; kill and its edges" {
	docker run -d --name sg busybox sh -c 'trap "exit 5" USR1; trap "" TERM; while :; do sleep 0.05; done' >/dev/null
	sleep 0.3
	said POST '/containers/sg/stop?signal=USR1&t=-1' 204 ''
	[ "$(docker inspect -f '{{.State.ExitCode}}' sg)" = 5 ]
	said POST /containers/sg/stop 304 ''
	docker start sg >/dev/null
	said POST '/containers/sg/stop?t=0' 204 ''
	[ "$(docker inspect -f '{{.State.ExitCode}}' sg)" = 137 ]
	said POST '/containers/sg/kill' 409 "Cannot kill container: sg: Container $(docker inspect -f '{{.Id}}' sg) is not running"
	docker start sg >/dev/null
	for bad in 0 NOPE -1 65 9999; do
		said POST "/containers/sg/kill?signal=$bad" 400 "nvalid signal: $bad"
	done
	said POST '/containers/sg/stop?signal=NOPE' 400 'nvalid signal: NOPE'
	said POST '/containers/sg/stop?t=x' 400 ''
	for good in SIGWINCH winch 28; do
		said POST "/containers/sg/kill?signal=$good" 204 ''
	done
	docker events --since 60s --until "$(date +%s.%N)" --filter container=sg --format '{{.Action}} {{.Actor.Attributes.signal}}' | grep -qx 'kill 28'
	docker kill sg >/dev/null
}

@test "pause, rename: conflicts and events" {
	docker run -d --name pa busybox sleep 1000 >/dev/null
	id=$(docker inspect -f '{{.Id}}' pa)
	said POST /containers/pa/unpause 409 "Container $id is not paused"
	docker pause pa >/dev/null
	docker ps --format '{{.Status}}' | grep -Eq '^Up .* \(Paused\)$'
	said POST /containers/pa/pause 409 "Container $id is already paused"
	said POST /containers/pa/start 409 'cannot start a paused container, try unpause instead'
	said POST '/containers/pa/attach?stream=1' 409 'is paused, unpause the container before attach'
	docker stop -t 1 pa >/dev/null
	said POST /containers/pa/pause 409 'is not running'
	docker create --name other busybox true >/dev/null
	said POST '/containers/pa/rename?name=other' 409 'is already in use by container'
	said POST '/containers/pa/rename?name=pa' 400 'Renaming a container with the same name as its current name'
	said POST '/containers/pa/rename?name=' 400 'Neither old nor new names may be empty'
	said POST '/containers/pa/rename?name=a/b' 400 'nvalid container name (a/b)'
	docker rename pa pb
	docker events --since 60s --until "$(date +%s.%N)" --filter event=rename --format '{{.Actor.Attributes.oldName}} {{.Actor.Attributes.name}}' | grep -qx '/pa pb'
	said GET /containers/pa/json 404 'No such container: pa'
}

@test "wait: each condition, and words that are none" {
	docker create --name wa busybox sh -c 'exit 6' >/dev/null
	[ "$(docker wait wa)" = 0 ]
	for condition in next-exit removed; do
		api -X POST "http://d/containers/wa/wait?condition=$condition" >"$BATS_TEST_TMPDIR/$condition" 3>&- &
	done
	sleep 0.3
	[ ! -s "$BATS_TEST_TMPDIR/next-exit" ]
	docker start wa >/dev/null
	wait_until 5 grep -q '"StatusCode":6' "$BATS_TEST_TMPDIR/next-exit"
	[ ! -s "$BATS_TEST_TMPDIR/removed" ]
	docker rm wa >/dev/null
	wait_until 5 grep -q '"StatusCode":6' "$BATS_TEST_TMPDIR/removed"
	said POST '/containers/nope/wait' 404 'No such container: nope'
	docker create --name wb busybox true >/dev/null
	said POST '/containers/wb/wait?condition=soon' 400 'invalid condition: \"soon\"'
}

@test "prune: until, label, label!" {
	docker create --name p1 --label keep busybox true >/dev/null
	docker create --name p2 --label go=1 busybox true >/dev/null
	docker create --name p3 busybox true >/dev/null
	docker run -d --name p4 busybox sleep 1000 >/dev/null
	docker container prune -f --filter until=1h >/dev/null
	[ "$(docker ps -aq | wc -l)" = 4 ]
	docker container prune -f --filter label=go=1 >/dev/null
	listed "" p1 p3 p4
	docker container prune -f --filter label!=keep >/dev/null
	listed "" p1 p4
	docker container prune -f >/dev/null
	listed "" p4
	said POST '/containers/prune?filters=%7B%22nope%22:%5B%22x%22%5D%7D' 400 "nvalid filter 'nope'"
	docker events --since 60s --until "$(date +%s.%N)" --filter event=prune --filter type=container --format '{{.Action}}' | grep -q prune
}

@test "top: arguments without end do not hold the daemon up" {
	id=$(docker run -d busybox sh -c 'b=$(head -c 100000 /dev/zero | tr "\0" x)
		for i in $(seq 60); do sh -c "sleep 1000; :" $b $b & done; echo there; sleep 1000')
	wait_until 10 sh -c "docker logs $id | grep -q there"
	sleep 0.5
	run timeout 10 docker top "$id"
	[ "$status" -eq 1 ]
	[[ $output == *"ps: more than"* ]]
	run timeout 10 docker top "$id" -o pid,comm
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -gt 100 ]
	docker rm -f "$id"
}
