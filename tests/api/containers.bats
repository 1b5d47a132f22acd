#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers as the docker command line and curl see them: life, streams,
# exec, waiting, restart policies, and what survives a kill -9.

bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() {
	command -v docker >/dev/null || skip "no docker command line"
	daemon_setup
}
teardown_file() { daemon_teardown; }

api() { # METHOD PATH [BODY]: status and body
	curl -s -m 10 -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' --unix-socket "$CRL/s" -X "$1" \
		${3:+-H 'Content-Type: application/json' -d "$3"} "http://d$2"
	echo " $(cat "$BATS_TEST_TMPDIR/body")"
}
d() { timeout 20 docker "$@"; }
state() { d inspect "$1" --format '{{.State.Status}} {{.State.ExitCode}}'; }
eventually() { # COMMAND...: within 3 s
	for _ in $(seq 60); do "$@" >/dev/null 2>&1 && return 0; sleep 0.05; done
	return 1
}
is() { [ "$(state "$1")" = "$2" ]; }

@test "run: output, exit codes, input" {
	run d run --rm busybox sh -c 'echo out; exit 7'
	[ "$status" = 7 ] && [ "$output" = out ]
	[ "$(echo text | d run --rm -i busybox cat)" = text ]
	run -127 d run --rm busybox nope
	[[ $output == *'executable file not found in $PATH'* ]]
	run d run --rm busybox /etc/passwd
	[ "$status" = 126 ]
	run d run --rm busybox sh -c 'sh -c "kill -9 \$\$"; exit $?'
	[ "$status" = 137 ]
}

@test "run -it: a terminal of the client's size" {
	run script -qec "stty rows 33 cols 77; timeout --foreground -k 5 20 docker run -it --rm busybox stty size" /dev/null
	[[ $output == *"33 77"* ]]
}

@test "names: conflict, rename, free again after rm" {
	d create --name one busybox true
	run d create --name one busybox true
	[ "$status" = 1 ] && [[ $output == *'Conflict. The container name "/one" is already in use by container'* ]]
	d rename one two
	d create --name one busybox true
	d rm one two
	run api POST '/containers/create?name=a/b' '{"Image":"busybox"}'
	[[ $output == 400*'Invalid container name (a/b)'* ]]
}

@test "bad bodies are the client's fault" {
	run api POST /containers/create
	[[ $output == 400*'Config cannot be empty in order to create a container'* ]]
	run api POST /containers/create '{"Image":'
	[[ $output == 400*'invalid JSON'* ]]
	run api POST /containers/create '{"Image":7}'
	[[ $output == 400* ]]
	run api POST /containers/create '{"Image":"nope"}'
	[[ $output == 404*'No such image: nope:latest'* ]]
	run api GET '/containers/json?filters=%7B%22nope%22%3A%5B%22x%22%5D%7D'
	[[ $output == 400*"Invalid filter 'nope'"* ]]
	run api GET /containers/nope/json
	[[ $output == 404*'No such container: nope'* ]]
	run api POST '/containers/create' '{"Image":"busybox","HostConfig":{"Memory":1}}'
	[[ $output == 400*'Minimum memory limit allowed is 6MB'* ]]
}

@test "stop, start, restart, kill: states, codes, 304" {
	d run -d --name ss busybox sh -c 'trap "exit 5" TERM; while :; do sleep 0.05; done'
	run api POST /containers/ss/start
	[[ $output == 304* ]]
	d stop -t 5 ss
	is ss 'exited 5'
	run api POST /containers/ss/stop
	[[ $output == 304* ]]
	d start ss
	d restart -t 0 ss
	is ss 'running 0'
	run api POST '/containers/ss/kill?signal=NOPE'
	[[ $output == 400*'Invalid signal: NOPE'* ]]
	d kill ss
	is ss 'exited 137'
	run api POST /containers/ss/kill
	[[ $output == 409*'is not running'* ]]
	d rm ss
}

@test "pause: frozen, exec refused, stop still ends" {
	d run -d --name pp busybox sleep 100
	d pause pp
	[[ $(d ps --filter name=pp --format '{{.Status}}') == *'(Paused)' ]]
	run api POST /containers/pp/exec '{"Cmd":["true"]}'
	[[ $output == 409*'is paused, unpause the container before exec'* ]]
	run api POST /containers/pp/pause
	[[ $output == 409*'already paused'* ]]
	d stop -t 1 pp
	is pp 'exited 137'
	run api POST /containers/pp/unpause
	[[ $output == 409*'is not paused'* ]]
	d rm pp
}

@test "inspect: no limit of processes is null; the merged tree can be looked into" {
	d run -d --name ii busybox sh -c 'echo inside >/seen; sleep 100'
	[ "$(d inspect ii --format '{{json .HostConfig.PidsLimit}}')" = null ]
	eventually grep -qx inside "$(d inspect ii --format '{{.GraphDriver.Data.MergedDir}}')/seen"
	d stop -t 0 ii
	[ "$(d inspect ii --format '{{.GraphDriver.Data.MergedDir}}')" = "" ]
	d rm ii
	api POST '/containers/create?name=ij' '{"Image":"busybox","HostConfig":{"PidsLimit":-1}}'
	[ "$(d inspect ij --format '{{json .HostConfig.PidsLimit}}')" = null ]
	d rm ij
}

@test "rm: refused while running, forced, volumes" {
	d run -d --name rr -v /anon busybox sleep 100
	run d rm rr
	[ "$status" = 1 ] && [[ $output == *'You cannot remove a running container'* ]]
	volume=$(d inspect rr --format '{{(index .Mounts 0).Name}}')
	[ -d "$DATA_ROOT/volumes/$volume" ]
	d rm -f -v rr
	[ ! -d "$DATA_ROOT/volumes/$volume" ]
}

@test "wait: headers at once; removed carries the code; late waiters get it, too" {
	id=$(d create --rm busybox sh -c 'exit 9')
	curl -sN -m 10 --unix-socket "$CRL/s" -D "$BATS_TEST_TMPDIR/h" -X POST \
		"http://d/containers/$id/wait?condition=removed" >"$BATS_TEST_TMPDIR/w" &
	eventually grep -q '200 OK' "$BATS_TEST_TMPDIR/h"
	[ ! -s "$BATS_TEST_TMPDIR/w" ]
	d start "$id"
	wait $!
	grep -q '"StatusCode":9' "$BATS_TEST_TMPDIR/w"
	run api GET "/containers/$id/json"
	[[ $output == 404* ]]
	run api POST "/containers/$id/wait"
	[[ $output == 200*'"StatusCode":9'* ]]
	run api POST '/containers/x/wait?condition=nope'
	[[ $output == 400* ]]
}

@test "attach before start: no byte is lost, input is kept" {
	d create -i --name aa busybox sh -c 'cat; echo end'
	[ "$(echo early | d start -ai aa | tr '\n' ' ')" = 'early end ' ]
	[ "$(d logs aa | tr '\n' ' ')" = 'early end ' ]
	d rm aa
}

@test "logs: both streams, tail, since, timestamps, follow ends with the container" {
	d run --name ll busybox sh -c 'for i in 1 2 3; do echo out$i; echo err$i >&2; done' >/dev/null 2>&1
	[ "$(d logs ll 2>/dev/null | tr '\n' ' ')" = 'out1 out2 out3 ' ]
	[ "$(d logs ll 2>&1 >/dev/null | tr '\n' ' ')" = 'err1 err2 err3 ' ]
	[ "$(d logs --tail 1 ll 2>&1 | wc -l)" = 1 ]
	[[ $(d logs -t ll 2>/dev/null | head -1) =~ ^[0-9-]+T[0-9:]+\.[0-9]{9}Z\ out1$ ]]
	[ -z "$(d logs --since 2100-01-01T00:00:00Z ll 2>&1)" ]
	run api GET /containers/ll/logs
	[[ $output == 400*'you must choose at least one stream'* ]]
	d rm ll
	d run -d --name ll busybox sh -c 'for i in 1 2 3 4; do echo $i; sleep 0.1; done'
	[ "$(d logs -f ll | tr '\n' ' ')" = '1 2 3 4 ' ]
	d rm ll
}

@test "exec: streams, code, input, missing program, inspect" {
	d run -d --name ee busybox sleep 100
	run d exec ee sh -c 'echo hi; exit 3'
	[ "$status" = 3 ] && [ "$output" = hi ]
	[ "$(echo in | d exec -i ee cat)" = in ]
	[ "$(d exec -e A=b -w /tmp ee sh -c 'echo $A $PWD')" = 'b /tmp' ]
	run -127 d exec ee nope
	run api POST /containers/ee/exec '{}'
	[[ $output == 400*'No exec command specified'* ]]
	run api POST /containers/ee/exec '{"Cmd":["false"]}'
	id=$(sed 's/.*"Id":"\([0-9a-f]*\)".*/\1/' <<<"$output")
	run api POST "/exec/$id/start" '{"Detach":true}'
	[[ $output == 200* ]]
	code() { [ "$(curl -s --unix-socket "$CRL/s" "http://d/exec/$id/json" | jq .ExitCode)" = 1 ]; }
	eventually code
	run api POST "/exec/$id/start" '{"Detach":true}'
	[[ $output == 409* ]]
	d rm -f ee
}

@test "events come in Docker's order" {
	since=$(date +%s.%N)
	d run --rm --name ev busybox true
	[ "$(d events --since "$since" --until "$(date +%s.%N)" --format '{{.Type}}:{{.Action}}' | tr '\n' ' ')" = \
		'container:create container:attach network:connect container:start container:die network:disconnect container:destroy ' ]
}

@test "restart policies: on-failure counts, stop wins over always" {
	d run -d --name ff --restart on-failure:2 busybox false
	eventually is ff 'exited 1'
	gave_up() { [ "$(d inspect ff --format '{{.RestartCount}} {{.State.Status}}')" = '2 exited' ]; }
	eventually gave_up
	d run -d --name al --restart always busybox sleep 100
	pid=$(d inspect al --format '{{.State.Pid}}')
	kill -9 "$pid"
	again() { [ "$(d inspect al --format '{{.RestartCount}} {{.State.Status}}')" = '1 running' ]; }
	eventually again
	d stop -t 0 al
	sleep 0.3
	is al 'exited 137'
	d rm ff al
}

@test "mounts, read-only root, tmpfs, user, hostname, init" {
	mkdir -p "$CRL/bind"
	run d run --rm -v vol:/data -v "$CRL/bind:/b:ro" --tmpfs /t:size=1m --read-only busybox \
		sh -c 'touch /data/x && touch /t/x && ! touch /b/x && ! touch /x'
	[ "$status" = 0 ]
	[ -e "$DATA_ROOT/volumes/vol/_data/x" ]
	[ "$(d run --rm -u 7:8 -h box busybox sh -c 'echo $(id -u) $(id -g) $(hostname)')" = '7 8 box' ]
	[[ $(d run --rm --init busybox ps) == *docker-init* ]]
	api DELETE /volumes/vol
}

@test "stats and top of a running container" {
	d run -d --name st busybox sleep 100
	[[ $(d stats --no-stream --format '{{.Name}} {{.PIDs}}' st) == 'st 1' ]]
	[[ $(d top st) == *'sleep 100'* ]]
	d rm -f st
	run api GET /containers/st/stats
	[[ $output == 404* ]]
}

@test "list: filters and limits" {
	d create --name f1 --label a=1 busybox true
	d run --name f2 --label a=2 busybox sh -c 'exit 4' || true
	[ "$(d ps -aq --filter label=a | wc -l)" = 2 ]
	[ "$(d ps -a --filter label=a=1 --format '{{.Names}}')" = f1 ]
	[ "$(d ps -a --filter status=exited --filter name=f --format '{{.Names}}')" = f2 ]
	[ "$(d ps -a --filter exited=4 --format '{{.Names}}')" = f2 ]
	[ "$(d ps -n 1 --format '{{.Names}}')" = f2 ]
	[ -z "$(d ps -q --filter name=f1)" ]
	d container prune -f --filter label=a
	[ -z "$(d ps -aq --filter label=a)" ]
}

@test "kill -9 of the daemon: containers go on, codes and logs are whole" {
	d run -d --name k1 busybox sh -c 'for i in $(seq 30); do echo $i; sleep 0.05; done; exit 42'
	d run -d --name k2 busybox sleep 100
	d run -d --rm --name k3 busybox sleep 0.2
	daemon_stop KILL
	sleep 0.5
	daemon_start
	[ "$(d wait k1)" = 42 ]
	[ "$(d logs k1 | tr '\n' ' ')" = "$(seq 30 | tr '\n' ' ')" ]
	[ "$(d exec k2 echo alive)" = alive ]
	run api GET /containers/k3/json
	[[ $output == 404* ]]
	d stop -t 0 k2
	is k2 'exited 137'
	d rm k1 k2
}

@test "kill -9 of the daemon and end of the container meanwhile: the monitor's record counts" {
	d run -d --name mm busybox sh -c 'sleep 0.3; exit 23'
	daemon_stop KILL
	sleep 0.8
	daemon_start
	eventually is mm 'exited 23'
	d rm mm
}

@test "kill -9 of the monitor: dead within a second, and it says why" {
	d run -d --name mk busybox sleep 100
	id=$(d inspect mk --format '{{.Id}}')
	pid=$(d inspect mk --format '{{.State.Pid}}')
	kill -9 "$(pgrep -f "crun-lite-monitor --id $id")"
	sleep 0.9
	is mk 'exited 137'
	[[ $(d inspect mk --format '{{.State.Error}}') == *'monitor died'* ]]
	# A zombie until the host's init reaps it.
	[ ! -e "/proc/$pid/exe" ] || [ -z "$(readlink "/proc/$pid/exe")" ]
	d rm mk
}

@test "many at once: all succeed, nothing is left" {
	for _ in $(seq 20); do d run --rm busybox true & done
	for job in $(jobs -p); do wait "$job"; done
	[ -z "$(d ps -aq)" ]
	empty() { [ -z "$(ls "$DATA_ROOT/tmp" "$DATA_ROOT/containers" | grep -v :)" ]; }
	eventually empty
}
