#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Log drivers and their options, and reading back: tail, times, follow, over rotated and
# compressed files.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() { containers_gone; }

api() { curl -sS --unix-socket "$CRL/s" "$@"; }
dir_of() { echo "$DATA_ROOT/containers/$(docker inspect -f '{{.Id}}' "$1")"; }
# numbers FROM TO: "line N" for each
numbers() { seq -f 'line %.0f' "$1" "$2"; }

@test "local: what goes in comes out, by stream, with times and pieces of long lines" {
	docker run --name lo --log-driver local busybox sh -c 'echo out; echo err >&2; printf "a\0b\377\n"; head -c 40000 /dev/zero | tr "\0" x; echo; printf end' >/dev/null 2>&1
	[ "$(docker logs lo 2>/dev/null | head -1)" = out ]
	[ "$(docker logs lo 2>&1 >/dev/null)" = err ]
	[ "$(docker logs lo 2>/dev/null | wc -c)" = $((4 + 5 + 40001 + 3)) ]
	docker logs lo 2>/dev/null | sed -n 2p | od -An -c | tr -d ' \n' | grep -qF 'a\0b377\n'
	docker logs -t lo 2>/dev/null | head -1 | grep -Eq '^[0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z out$'
	[ "$(docker inspect -f '{{.LogPath}}' lo)" = "" ]
	[ "$(docker inspect -f '{{.HostConfig.LogConfig.Type}}' lo)" = local ]
	[ -s "$(dir_of lo)/local.log" ]
}

@test "local: rotation and compression; tail and all of it over every file" {
	docker run -d --name ro --log-driver local --log-opt max-size=16k --log-opt max-file=4 busybox \
		sh -c 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; [ $((i%100)) = 0 ] && sleep 0.05; done; sleep 100' >/dev/null
	wait_until 20 sh -c 'docker logs --tail 1 ro | grep -qx "line 2000"'
	d=$(dir_of ro)
	wait_until 5 [ -e "$d/local.log.3.gz" ]
	wait_until 5 [ -e "$d/local.log.1.gz" ]
	[ ! -e "$d/local.log.4.gz" ] && [ ! -e "$d/local.log.1" ]
	first=$(docker logs ro | head -1 | cut -d' ' -f2)
	[ "$first" -gt 1 ] && [ "$first" -lt 1000 ]
	[ "$(docker logs ro)" = "$(numbers "$first" 2000)" ]
	for n in 1 10 300 700 1000; do
		[ "$(docker logs --tail $n ro)" = "$(numbers $((2001 - n)) 2000)" ]
		[ "$(docker logs --details --tail $n ro | cut -c2-)" = "$(numbers $((2001 - n)) 2000)" ]
	done
	[ "$(docker logs --tail 99999 ro | wc -l)" = $((2001 - first)) ]
	[ -z "$(docker logs --tail 0 ro)" ]
}

@test "json-file: compress; tail over compressed files" {
	docker run -d --name js --log-opt max-size=16k --log-opt max-file=5 --log-opt compress=true busybox \
		sh -c 'i=0; while [ $i -lt 700 ]; do i=$((i+1)); echo line $i; [ $((i%100)) = 0 ] && sleep 0.1; done; sleep 100' >/dev/null
	wait_until 20 sh -c 'docker logs --tail 1 js | grep -qx "line 700"'
	log=$(docker inspect -f '{{.LogPath}}' js)
	wait_until 5 [ -e "$log.2.gz" ]
	zcat "$log.2.gz" | head -1 | grep -q '^{"log":"line '
	for n in 1 200 400 600; do
		[ "$(docker logs --tail $n js)" = "$(numbers $((701 - n)) 700)" ]
	done
}

@test "follow: over rotations and compression, past a restart of the daemon, to the end" {
	docker run -d --name fo --log-driver local --log-opt max-size=8k --log-opt max-file=3 busybox \
		sh -c 'i=0; while [ $i -lt 1500 ]; do i=$((i+1)); echo line $i; [ $((i%50)) = 0 ] && sleep 0.05; done' >/dev/null
	docker logs -f fo >"$BATS_TEST_TMPDIR/out"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = "$(numbers 1 1500)" ]
	docker run -d --name fd busybox sh -c 'i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; sleep 0.05; done' >/dev/null
	sleep 0.5
	daemon_stop KILL
	sleep 0.5
	daemon_start
	docker logs -f fd >"$BATS_TEST_TMPDIR/out"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = "$(numbers 1 60)" ]
}

@test "a log of one file begins again when it is full; whoever follows goes on" {
	docker run -d --name one --log-opt max-size=4k --log-opt max-file=1 busybox \
		sh -c 'i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; sleep 0.01; done' >/dev/null
	[ "$(docker logs -f one | tail -1)" = "line 200" ]
	[ "$(stat -c %s "$(docker inspect -f '{{.LogPath}}' one)")" -le 4200 ]
}

@test "attributes: labels, env, their patterns, tag; details shows them" {
	for driver in json-file local; do
		docker run -d --name at --label com.a=1 --label 'b=x y' --label c=3 -e FOO=bar -e OTHER=no \
			--log-driver $driver --log-opt labels=b,none --log-opt labels-regex='^com\.' --log-opt env=FOO \
			--log-opt tag='{{.Name}}/{{.ImageName}}' busybox echo hello >/dev/null
		docker wait at >/dev/null
		[ "$(docker logs at)" = hello ]
		[ "$(docker logs --details at)" = 'FOO=bar,b=x+y,com.a=1,tag=at%2Fbusybox hello' ]
		[ "$(docker logs --details --tail 1 at)" = 'FOO=bar,b=x+y,com.a=1,tag=at%2Fbusybox hello' ]
		docker rm at >/dev/null
	done
	docker run --name at --label com.a=1 --log-opt labels=com.a busybox echo hello >/dev/null
	grep -Eq '^\{"log":"hello\\n","stream":"stdout","attrs":\{"com.a":"1"\},"time":"[^"]*"\}$' "$(docker inspect -f '{{.LogPath}}' at)"
}

@test "since, until: RFC 3339, seconds, fractions" {
	docker run -d --name ti busybox sh -c 'echo one; sleep 1; echo two; sleep 1; echo three' >/dev/null
	docker wait ti >/dev/null
	at=$(docker logs -t ti | sed -n 2s/' .*'//p)
	[ "$(docker logs --since "$at" ti)" = "$(printf 'two\nthree')" ]
	[ "$(docker logs --until "$at" ti)" = "$(printf 'one\ntwo')" ]
	s=$(date -d "$at" +%s.%N)
	[ "$(docker logs --since "$s" --until "$s" ti)" = two ]
	[ "$(api "http://d/containers/ti/logs?stdout=1&since=$s" | tr -dc 'a-z\n')" = "$(printf 'two\nthree')" ]
	[ "$(docker logs --since 0 ti | wc -l)" = 3 ]
	[ "$(docker logs --since 10m ti | wc -l)" = 3 ]
	[ -z "$(docker logs --until 10m ti)" ]
	# garbage in tail means all
	[ "$(api 'http://d/containers/ti/logs?stdout=1&tail=xx' | tr -dc 'a-z\n' | wc -l)" = 3 ]
	[ "$(api 'http://d/containers/ti/logs?stdout=1&tail=-1' | tr -dc 'a-z\n' | wc -l)" = 3 ]
	run api 'http://d/containers/ti/logs'
	[ "$output" = '{"message":"Bad parameters: you must choose at least one stream"}' ]
}

@test "syslog: over a unix socket, udp and tcp; forms; nothing waits for a receiver that stalls" {
	sock=$BATS_TEST_TMPDIR/sys
	python3 - "$sock" "$BATS_TEST_TMPDIR/got" 3>&- <<-'P' &
		import socket, sys, select
		u = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); u.bind(sys.argv[1])
		d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); d.bind(('127.0.0.1', 0))
		t = socket.socket(); t.bind(('127.0.0.1', 0)); t.listen(5)
		open(sys.argv[2] + '.ports', 'w').write(f'{d.getsockname()[1]} {t.getsockname()[1]}\n')
		out, socks = open(sys.argv[2], 'ab', 0), [u, d, t]
		while True:
		    for s in select.select(socks, [], [])[0]:
		        if s is t: socks.append(t.accept()[0]); continue
		        data = s.recv(65536)
		        if not data: socks.remove(s); continue
		        out.write(data)
	P
	receiver=$!
	wait_until 5 [ -s "$BATS_TEST_TMPDIR/got.ports" ]
	read -r udp tcp <"$BATS_TEST_TMPDIR/got.ports"
	docker run --rm --name s1 --log-driver syslog --log-opt syslog-address="unixgram://$sock" \
		--log-opt tag='{{.Name}}' busybox sh -c 'echo to unix; echo bad >&2' >/dev/null 2>&1
	docker run --rm --name s2 --log-driver syslog --log-opt syslog-address="udp://127.0.0.1:$udp" \
		--log-opt syslog-facility=local3 --log-opt syslog-format=rfc5424micro --log-opt tag=t2 busybox echo to udp >/dev/null
	docker run --name s3 --log-driver syslog --log-opt syslog-address="tcp://127.0.0.1:$tcp" \
		--log-opt syslog-format=rfc3164 --log-opt tag=t3 busybox seq 1 3000 >/dev/null
	wait_until 5 grep -q '\]: 3000$' "$BATS_TEST_TMPDIR/got"
	kill $receiver
	grep -Eq '^<30>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} s1\[[0-9]+\]: to unix$' "$BATS_TEST_TMPDIR/got"
	grep -Eq '^<27>.* s1\[[0-9]+\]: bad$' "$BATS_TEST_TMPDIR/got"
	grep -Eq '^<158>1 [0-9-]{10}T[0-9:]{8}\.[0-9]{6}(Z|[+-][0-9:]{5}) [^ ]+ t2 [0-9]+ t2 - to udp$' "$BATS_TEST_TMPDIR/got"
	grep -Eq "^<30>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} $(hostname) t3\[[0-9]+\]: 1\$" "$BATS_TEST_TMPDIR/got"
	[ "$(grep -c ' t3\[' "$BATS_TEST_TMPDIR/got")" = 3000 ]
	# Not readable itself, but there is a copy; it can be switched off.
	[ "$(docker logs --tail 2 s3)" = "$(printf '2999\n3000')" ]
	wait $receiver || true
	run docker run --name s4 --log-driver syslog --log-opt syslog-address="tcp://127.0.0.1:$tcp" busybox true
	[ "$status" = 125 ]
	[[ "$output" == *"failed to initialize logging driver: dial tcp 127.0.0.1:$tcp: connect: connection refused"* ]]
}

@test "a receiver of syslog that stops reading costs lines, not the container; the gap is told" {
	python3 - "$BATS_TEST_TMPDIR/st" 3>&- <<-'P' &
		import socket, sys, time, os
		t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		t.bind(('127.0.0.1', 0)); t.listen(1)
		open(sys.argv[1] + '.port', 'w').write(str(t.getsockname()[1]) + '\n')
		c = t.accept()[0]
		while not os.path.exists(sys.argv[1] + '.go'): time.sleep(0.05)
		out = open(sys.argv[1], 'ab', 0)
		while data := c.recv(65536): out.write(data)
	P
	wait_until 5 [ -s "$BATS_TEST_TMPDIR/st.port" ]
	docker run -d --name st --log-driver syslog --log-opt mode=non-blocking --log-opt max-buffer-size=64k \
		--log-opt cache-disabled=true --log-opt syslog-address="tcp://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/st.port")" \
		busybox sh -c 'seq 1 400000; touch /done; while [ ! -e /go ]; do sleep 0.1; done; echo after; sleep 1' >/dev/null
	wait_until 20 docker exec st test -e /done
	touch "$BATS_TEST_TMPDIR/st.go"
	sleep 0.5
	docker exec st touch /go
	docker wait st >/dev/null
	wait_until 5 grep -q ': after$' "$BATS_TEST_TMPDIR/st"
	grep -Eq 'crun-lite: [0-9]+ lines \([0-9]+ bytes\) of output are missing here' "$BATS_TEST_TMPDIR/st"
	run docker logs st
	[ "$status" -ne 0 ]
	[[ "$output" == *"configured logging driver does not support reading"* ]]
}

@test "journald: without it a clear word" {
	[ ! -S /run/systemd/journal/socket ] || skip "it is there"
	run docker run --name jo --log-driver journald busybox true
	[ "$status" = 125 ]
	[[ "$output" == *"failed to initialize logging driver: journald is not enabled on this host"* ]]
}

@test "none: nothing is kept" {
	docker run --name no --log-driver none busybox echo x >/dev/null
	run docker logs no
	[ "$status" -ne 0 ]
	[[ "$output" == *"configured logging driver does not support reading"* ]]
}

@test "docker's words for drivers and options that are not there" {
	check() { # driver options text
		run api -w '%{http_code}' -H 'Content-Type: application/json' http://d/containers/create \
			-d "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":{\"LogConfig\":{\"Type\":\"$1\",\"Config\":{$2}}}}"
		echo "$output"
		[[ "$output" == *"$3"*400 ]]
	}
	check smoke '' "logger: no log driver named 'smoke' is registered"
	check json-file '"nope":"1"' "unknown log opt 'nope' for json-file log driver"
	check syslog '"max-size":"1"' "unknown log opt 'max-size' for syslog log driver"
	check journald '"syslog-format":"1"' "unknown log opt 'syslog-format' for journald log driver"
	check json-file '"max-file":"0"' 'max-file cannot be less than 1'
	check json-file '"compress":"true"' 'compress cannot be true when max-file is less than 2 or max-size is not set'
	check local '"max-file":"1"' 'compression cannot be enabled when max file count is 1'
	check json-file '"mode":"fast"' 'logger: logging mode not supported: fast'
	check json-file '"max-buffer-size":"1m"' "logger: max-buffer-size option is only supported with 'mode=non-blocking'"
	check syslog '"syslog-address":"http://x"' "unsupported scheme: 'http'"
	check syslog '"syslog-facility":"nothere"' 'invalid syslog facility'
	check syslog '"syslog-format":"x"' 'Invalid syslog format'
	check json-file '"tag":"{{.Nope}}"' 'invalid log tag'
	check json-file '"labels-regex":"("' 'error parsing regexp'
}

@test "defaults of the daemon" {
	daemon_stop
	daemon_start --log-driver local --log-opt max-file=2 --log-opt tag='{{.Name}}'
	[ "$(docker info -f '{{.LoggingDriver}}')" = local ]
	docker run --name de busybox echo hi >/dev/null
	[ "$(docker inspect -f '{{json .HostConfig.LogConfig}}' de)" = '{"Type":"local","Config":{"max-file":"2","tag":"{{.Name}}"}}' ]
	[ "$(docker logs --details de)" = "tag=de hi" ]
	docker run --name jf --log-driver json-file busybox echo hi >/dev/null
	[ "$(docker inspect -f '{{json .HostConfig.LogConfig}}' jf)" = '{"Type":"json-file","Config":{}}' ]
	docker rm de jf >/dev/null
	daemon_stop
	daemon_start
	run crun-lited --validate --log-driver smoke
	[ "$status" -ne 0 ]
	[[ "$output" == *"no log driver named 'smoke' is registered"* ]]
}
