#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# /events: every kind of event with docker's attributes, history, filters, readers that do not read.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
setup() { OUT=$BATS_TEST_TMPDIR/events; }
teardown() { [ -z "${LISTENER:-}" ] || kill "$LISTENER" 2>/dev/null || true; }

api() { curl -sS --unix-socket "$CRL/s" "$@"; }
encode() { jq -rn --arg f "$1" '$f|@uri'; }
listen() { # [QUERY]
	curl -sSN --unix-socket "$CRL/s" "http://d/events${1:+?$1}" >"$OUT" &
	LISTENER=$!
	sleep 0.3
}
heard() { jq -r '[.Type, .Action] | join(" ")' "$OUT"; }
hears() { wait_until 5 bash -c "jq -r '[.Type, .Action] | join(\" \")' '$OUT' | grep -qx -- '$1'"; }
attributes() { jq -r --arg t "$1" --arg a "$2" 'select(.Type == $t and .Action == $a) | .Actor.Attributes | keys | join(",")' "$OUT" | head -n 1; }

@test "the life of a container, in docker's order" {
	listen
	crun-lite run --rm --name evlife -v evvol:/v busybox true
	hears 'container destroy'
	run heard
	[ "$output" = "volume create
container create
container attach
network connect
volume mount
container start
container die
network disconnect
volume unmount
container destroy" ] || { diff <(echo "$output") - <<<"(as above)"; false; }
	[ "$(attributes container die)" = execDuration,exitCode,image,name ]
	[ "$(attributes volume mount)" = container,destination,driver,propagation,read/write ]
	[ "$(attributes network connect)" = container,name,type ]
	# What agents of clusters read: the fields of before 1.52.
	run jq -c 'select(.Action == "die") | [.status, .from, .scope, (.id == .Actor.ID), (.time == (.timeNano / 1000000000 | floor))]' "$OUT"
	[ "$output" = '["die","busybox","local",true,true]' ]
	crun-lite volume rm evvol
}

@test "what is done to a running container" {
	crun-lite run -d --name evrun --label some=label busybox sleep 300 >/dev/null
	listen
	crun-lite exec evrun true
	crun-lite pause evrun
	crun-lite unpause evrun
	crun-lite rename evrun evrun2
	crun-lite update --restart no evrun2
	crun-lite top evrun2
	crun-lite kill -s HUP evrun2
	api -X POST "http://d/containers/evrun2/resize?h=30&w=100"
	crun-lite stop -t 0 evrun2
	crun-lite start evrun2
	crun-lite restart -t 0 evrun2
	crun-lite rm -f evrun2
	hears 'container destroy'
	for action in 'exec_create: true' 'exec_start: true' exec_die pause unpause rename update top kill resize stop start restart die destroy; do
		heard | grep -qx "container $action" || { echo "no event: $action"; heard; false; }
	done
	[ "$(attributes container exec_die)" = execID,exitCode,image,name,some ]
	[ "$(attributes container rename)" = image,name,oldName,some ]
	[ "$(attributes container resize)" = height,image,name,some,width ]
	[ "$(attributes container kill)" = image,name,signal,some ]
}

@test "images, networks, volumes, and every prune with what it gave back" {
	listen
	crun-lite tag busybox evimage:1
	crun-lite save -o "$CRL/evsave.tar" evimage:1
	crun-lite rmi evimage:1
	crun-lite load -q -i "$CRL/evsave.tar"
	crun-lite network create evnet
	crun-lite network rm evnet
	crun-lite volume create evvolume
	crun-lite volume rm evvolume
	mkdir -p "$CRL/evctx"
	printf 'FROM busybox\nRUN echo layer >/l\n' >"$CRL/evctx/Dockerfile"
	crun-lite build -q -t evbuilt "$CRL/evctx"
	crun-lite rmi evbuilt
	crun-lite rmi evimage:1
	for kind in containers networks volumes images build; do api -X POST "http://d/$kind/prune" >/dev/null; done
	hears 'builder prune'
	for event in 'image tag' 'image save' 'image untag' 'image load' 'image create' 'image delete' \
		'network create' 'network destroy' 'volume create' 'volume destroy' \
		'container prune' 'network prune' 'volume prune' 'image prune' 'builder prune'; do
		heard | grep -qx "$event" || { echo "no event: $event"; heard; false; }
	done
	for type in container network volume image builder; do [ "$(attributes $type prune)" = reclaimed ]; done
}

@test "history: since with fractions and durations, until in the past ends at once" {
	crun-lite run --rm --name evold busybox true
	local t0 t1
	t0=$(date +%s.%N)
	crun-lite run --rm --name evnew busybox true
	t1=$(date +%s.%N)
	run api -m 5 "http://d/events?since=$t0&until=$t1"
	[ "$status" -eq 0 ]
	[[ $output == *evnew* && $output != *evold* ]]
	run api -m 5 "http://d/events?since=10m&until=$(date -u -d '1 second ago' +%Y-%m-%dT%H:%M:%SZ)"
	[ "$status" -eq 0 ]
	run api -m 5 'http://d/events?until=1'
	[ "$status" -eq 0 ] && [ -z "$output" ]
	run api -m 5 "http://d/events?since=$t1&until=$t0"
	[[ $output == *"cannot be after"* ]]
	# Until a moment that comes: the stream ends by itself then.
	local begin
	begin=$(date +%s)
	run api -m 10 "http://d/events?until=$(($(date +%s) + 2))"
	[ "$status" -eq 0 ] && [ $(($(date +%s) - begin)) -le 4 ]
}

@test "filters: every key, values in both shapes, the wrong ones refused" {
	crun-lite run -d --name evf --label color=red -v evfv:/v busybox sleep 300 >/dev/null
	local id since
	id=$(crun-lite inspect -f '{{.Id}}' evf)
	since=$(($(date +%s) - 60))
	ask() { api -m 5 "http://d/events?since=$since&until=$(date +%s.%N)&filters=$(encode "$1")" | jq -r '[.Type, .Action] | join(" ")' | sort | uniq -c | awk '{$1=$1; print}' | paste -sd';'; }
	[ "$(ask '{"container":["evf"],"event":["start"]}')" = "1 container start" ]
	[ "$(ask "{\"container\":{\"${id:0:12}\":true},\"event\":{\"start\":true}}")" = "1 container start" ]
	[ "$(ask '{"type":["volume"],"volume":["evfv"],"event":["mount"]}')" = "1 volume mount" ]
	[ "$(ask '{"label":["color=red"],"event":["create"]}')" = "1 container create" ]
	[ "$(ask '{"label":["color=blue"]}')" = "" ]
	[ "$(ask '{"image":["busybox"],"event":["create"],"container":["evf"]}')" = "1 container create" ]
	[[ "$(ask '{"type":["network"],"network":["bridge"]}')" == *"network connect"* ]]
	[[ "$(ask '{"scope":["local"]}')" == *container* ]]
	[ "$(ask '{"scope":["swarm"]}')" = "" ]
	[ "$(ask '{"daemon":["nobody"],"type":["daemon"]}')" = "" ]
	[ "$(ask '{"event":["start","create"],"container":["evf"]}')" = "1 container create;1 container start" ]
	[[ "$(api "http://d/events?filters=$(encode '{"nope":["x"]}')")" == *"Invalid filter 'nope'"* ]]
	[[ "$(api "http://d/events?filters=$(encode '{"type":"x"}')")" == *message* ]]
	crun-lite rm -f evf
	crun-lite volume rm evfv
}

@test "a forced removal is one kill, an end and a removal, without a stop" {
	id=$(crun-lite run -d --name evforce busybox sleep 300)
	listen
	crun-lite rm -f evforce
	hears 'container destroy'
	[ "$(heard | grep '^container' | tr '\n' ' ')" = "container kill container die container destroy " ]
}

@test "commit: names as people write them" {
	crun-lite create --name evcom busybox >/dev/null
	listen
	crun-lite commit evcom evmade:1 >/dev/null
	hears 'image tag'
	[ "$(jq -r 'select(.Action == "commit") | .Actor.Attributes.imageRef' <"$OUT")" = evmade:1 ]
	[ "$(jq -r 'select(.Action == "tag") | .Actor.Attributes.name' <"$OUT")" = evmade:1 ]
	crun-lite rm evcom
	crun-lite rmi evmade:1
}

@test "headers come before the first event, and a reader that does not read is dropped" {
	run timeout 1 curl -sS -D - -o /dev/null --unix-socket "$CRL/s" http://d/events
	[[ $output == "HTTP/1.1 200"* ]]
	python3 - "$CRL/s" <<-'END'
		import socket, subprocess, sys, time
		stuck = socket.socket(socket.AF_UNIX)
		stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		stuck.connect(sys.argv[1])
		stuck.sendall(b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n")
		def ask(method, path, body=b""):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(sys.argv[1])
		    s.sendall(b"%s %s HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (method, path, len(body), body))
		    data = b""
		    while chunk := s.recv(65536):
		        data += chunk
		    return data
		label = b"x" * 60000
		worst = 0
		for i in range(40):
		    t = time.monotonic()
		    ask(b"POST", b"/volumes/create", b'{"Name":"evstuck"}')
		    ask(b"POST", b"/networks/create", b'{"Name":"evstuck","Labels":{"a":"' + label + b'"}}')
		    ask(b"POST", b"/containers/create?name=evstuck", b'{"Image":"busybox","Labels":{"a":"' + label + b'"}}')
		    ask(b"DELETE", b"/containers/evstuck")
		    ask(b"DELETE", b"/networks/evstuck")
		    ask(b"DELETE", b"/volumes/evstuck")
		    worst = max(worst, time.monotonic() - t)
		assert worst < 3, worst
	END
	grep -q 'a reader of events does not read' "$CRL/daemon.log"
	[ "$(api http://d/_ping)" = OK ]
}
